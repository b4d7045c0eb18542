import type { Propagation } from "./deletion.ts";
import { knownFields } from "./fields.ts";
import type { KubeObject } from "./objects.ts";
import { isDryRun, wholeNumber } from "./query.ts";
import { RESOURCES, type ResourceName } from "./resources.ts";
import { conflict, invalidOptions, unsupported } from "./status.ts";

export interface DeleteOptions {
  readonly propagationPolicy?: string;
  readonly orphanDependents?: boolean;
  readonly gracePeriodSeconds?: number;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly dryRun?: readonly string[];
}

/**
 * From the body of a delete, and its query.
 *
 * @throws KubeError BadRequest
 */
export function deleteOptions(body: unknown, query: URLSearchParams): DeleteOptions {
  const gracePeriodSeconds = wholeNumber(query, "gracePeriodSeconds");
  const propagationPolicy = query.get("propagationPolicy") ?? "";
  const { object } = knownFields({ kind: "DeleteOptions", model: "V1DeleteOptions" }, body ?? {});
  return {
    ...(propagationPolicy !== "" && { propagationPolicy }),
    ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
    ...(isDryRun(query) && { dryRun: ["All"] }),
    ...(object as DeleteOptions),
  };
}

/** @throws KubeError Conflict when it is not the object that was meant */
export function checkPreconditions(
  resource: ResourceName,
  { metadata }: KubeObject,
  { uid = metadata.uid, resourceVersion = metadata.resourceVersion }: DeleteOptions["preconditions"] = {},
): void {
  const [what, wanted, found] =
    uid === metadata.uid
      ? ["ResourceVersion", resourceVersion, metadata.resourceVersion]
      : ["UID", uid, metadata.uid];
  if (wanted === found) return;
  const why = `Precondition failed: ${what} in precondition: ${wanted}, ${what} in object meta: ${found}`;
  throw conflict(RESOURCES[resource], metadata.name, why);
}

const POLICIES = ["Foreground", "Background", "Orphan"] as const satisfies Propagation[];

/**
 * What becomes of the dependents. Who does not say leaves a Job's pods where they are; if it is being deleted already, what
 * was said then holds.
 *
 * @throws KubeError Invalid
 */
export function propagationOf(
  { propagationPolicy, orphanDependents }: DeleteOptions,
  resource: ResourceName,
  { metadata: { finalizers = [] } }: KubeObject,
): Propagation {
  if (propagationPolicy !== undefined) {
    const policy = POLICIES.find((each) => each === propagationPolicy);
    if (policy) return policy;
    throw invalidOptions("delete", unsupported("propagationPolicy", propagationPolicy, POLICIES));
  }
  if (orphanDependents !== undefined) return orphanDependents ? "Orphan" : "Background";
  if (finalizers.includes("orphan")) return "Orphan";
  if (finalizers.includes("foregroundDeletion")) return "Foreground";
  return resource === "jobs" ? "Orphan" : "Background";
}
