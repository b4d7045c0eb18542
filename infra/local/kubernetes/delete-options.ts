import type { Propagation } from "./deletion.ts";
import type { ResourceName } from "./resources.ts";
import { KubeError } from "./status.ts";

interface DeleteOptions {
  propagationPolicy?: string;
  orphanDependents?: boolean;
  gracePeriodSeconds?: number;
  preconditions?: { uid?: string; resourceVersion?: string };
  dryRun?: string[];
}

/** From the body of a delete, or its query. */
export function deleteOptions(body: unknown, query: URLSearchParams): DeleteOptions {
  const grace = query.get("gracePeriodSeconds");
  return {
    ...(query.has("propagationPolicy") && { propagationPolicy: query.get("propagationPolicy") ?? "" }),
    ...(grace !== null && { gracePeriodSeconds: Number(grace) }),
    ...(body as DeleteOptions | undefined),
  };
}

/**
 * Whoever does not say what is to become of a Job's pods leaves them where they are.
 *
 * @throws KubeError Invalid
 */
export function propagationOf(
  { propagationPolicy, orphanDependents }: DeleteOptions,
  resource: ResourceName,
): Propagation {
  const policy = propagationPolicy ?? (orphanDependents ? "Orphan" : undefined);
  if (policy === undefined)
    return resource === "jobs" && orphanDependents !== false ? "Orphan" : "Background";
  if (policy === "Background" || policy === "Foreground" || policy === "Orphan") return policy;
  throw new KubeError(
    "Invalid",
    `DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "${policy}": supported values: "Foreground", "Background", "Orphan", "nil"`,
  );
}
