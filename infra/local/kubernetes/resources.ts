/** A resource that this service has: where it is found, and what it holds. */
export interface Resource {
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  /** Empty for the core group. */
  readonly group: string;
  readonly isNamespaced: boolean;
  /** The client's name for the type of its objects, whose fields are checked by it. */
  readonly model: string;
  readonly verbs: readonly string[];
  readonly shortNames?: readonly string[];
}

const READ = ["get", "list", "watch"];
const ALL = [...READ, "create", "update", "patch", "delete", "deletecollection"];

const core = (
  kind: string,
  plural: string,
  { shortNames = [] as string[], isNamespaced = true, verbs = ALL } = {},
): Resource => ({
  plural,
  singular: kind.toLowerCase(),
  kind,
  group: "",
  isNamespaced,
  model: kind === "Event" ? "CoreV1Event" : `V1${kind}`,
  verbs,
  shortNames,
});

const RBAC = "rbac.authorization.k8s.io";

/** Everything of Kubernetes that is here. What is not is answered with 404, as by a cluster that does not have it. */
export const RESOURCES = {
  namespaces: core("Namespace", "namespaces", { shortNames: ["ns"], isNamespaced: false }),
  nodes: core("Node", "nodes", { shortNames: ["no"], isNamespaced: false, verbs: READ }),
  pods: core("Pod", "pods", { shortNames: ["po"] }),
  secrets: core("Secret", "secrets"),
  configmaps: core("ConfigMap", "configmaps", { shortNames: ["cm"] }),
  events: core("Event", "events", { shortNames: ["ev"], verbs: READ }),
  resourcequotas: core("ResourceQuota", "resourcequotas", { shortNames: ["quota"] }),
  serviceaccounts: core("ServiceAccount", "serviceaccounts", { shortNames: ["sa"] }),
  jobs: { ...core("Job", "jobs"), group: "batch" },
  roles: { ...core("Role", "roles"), group: RBAC },
  rolebindings: { ...core("RoleBinding", "rolebindings"), group: RBAC },
} as const satisfies Record<string, Resource>;

export type ResourceName = keyof typeof RESOURCES;

export const isResourceName = (name: string): name is ResourceName => Object.hasOwn(RESOURCES, name);

/** `batch/v1`; every resource here is of version v1. */
export const apiVersionOf = ({ group }: Resource): string => (group === "" ? "v1" : `${group}/v1`);

/** `jobs.batch`, `pods`: how messages name a resource. */
export const qualified = (resource: Resource): string =>
  resource.group === "" ? resource.plural : `${resource.plural}.${resource.group}`;

/** `Job.batch`, `Pod`. */
export const qualifiedKind = ({ kind, group }: Pick<Resource, "kind" | "group">): string =>
  group === "" ? kind : `${kind}.${group}`;
