import type { Job, KubeObject, Pod } from "./objects.ts";
import { podSecurity } from "./pod-security.ts";
import { checkQuota } from "./quota.ts";
import { RESOURCES, type ResourceName } from "./resources.ts";
import { forbidden, notFound } from "./status.ts";
import type { ObjectStore } from "./store.ts";

const ENFORCE = "pod-security.kubernetes.io/enforce";
const WARN = "pod-security.kubernetes.io/warn";

/**
 * Whether a namespace takes a new object.
 *
 * @returns warnings: a Job is taken whose pods will not be
 * @throws KubeError NotFound, Forbidden
 */
export function admit(store: ObjectStore, resource: ResourceName, object: KubeObject): string[] {
  const { name, namespace } = object.metadata;
  if (namespace === undefined) return [];
  const home = store.get("namespaces", namespace);
  if (!home) throw notFound(RESOURCES.namespaces, namespace);
  if (home.metadata.deletionTimestamp !== undefined)
    throw forbidden(
      RESOURCES[resource],
      name,
      `unable to create new content in namespace ${namespace} because it is being terminated`,
    );
  checkQuota(store, resource, object);
  const labels = home.metadata.labels ?? {};
  if (resource === "pods") {
    checkAccount(store, object as Pod);
    const violation = podSecurity(labels[ENFORCE], (object as Pod).spec);
    if (violation !== undefined)
      throw forbidden(RESOURCES.pods, name, violation.replace(/^violate/, "violates"));
  }
  if (resource !== "jobs") return [];
  const violation = podSecurity(labels[WARN] ?? labels[ENFORCE], (object as Job).spec.template.spec);
  return violation === undefined ? [] : [`would ${violation}`];
}

function checkAccount(store: ObjectStore, { metadata: { name, namespace = "" }, spec }: Pod): void {
  const account = spec.serviceAccountName ?? "default";
  if (store.get("serviceaccounts", account, namespace)) return;
  throw forbidden(
    RESOURCES.pods,
    name,
    `error looking up service account ${namespace}/${account}: serviceaccount "${account}" not found`,
  );
}
