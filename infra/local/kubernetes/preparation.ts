import { randomBytes, randomUUID } from "node:crypto";
import { withJobDefaults, withJobIdentity, withNewPodDefaults } from "./defaults.ts";
import { jobFaults } from "./job-rules.ts";
import { type Job, type KubeObject, kubeTime, type Pod } from "./objects.ts";
import { podFaults } from "./pod-rules.ts";
import { quantity } from "./quantities.ts";
import { apiVersionOf, RESOURCES, type ResourceName } from "./resources.ts";
import { badRequest, type Cause, invalid, notAllowed, required, wrong } from "./status.ts";

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const SUBDOMAIN_WRONG =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const NAME_MAX = 253;

type Completions = Partial<Record<ResourceName, (object: KubeObject) => KubeObject>>;

/** What a cluster adds to an object when it is made. */
const NEW: Completions = {
  jobs: (object) => withJobIdentity(object as Job),
  pods: (object) => withNewPodDefaults(object as Pod),
  namespaces: (object) => ({
    ...object,
    metadata: {
      ...object.metadata,
      labels: { ...object.metadata.labels, "kubernetes.io/metadata.name": object.metadata.name },
    },
    spec: { finalizers: ["kubernetes"] },
    status: { phase: "Active" },
  }),
};

/** What it fills in whenever one is written. */
const DEFAULTS: Completions = {
  jobs: (object) => withJobDefaults(object as Job),
  secrets: ({ stringData, ...object }) => ({
    ...object,
    type: object["type"] ?? "Opaque",
    data: {
      ...(object["data"] as Record<string, string> | undefined),
      ...Object.fromEntries(
        Object.entries((stringData ?? {}) as Record<string, string>).map(([key, value]) => [
          key,
          Buffer.from(value).toString("base64"),
        ]),
      ),
    },
  }),
};

const DATA_KEY = /^(?!\.{1,2}$)[-._A-Za-z0-9]{1,253}$/;

/** Keys become the names of files. */
const dataFaults = ({ data }: KubeObject): Cause[] =>
  Object.keys((data ?? {}) as object)
    .filter((key) => !DATA_KEY.test(key))
    .map((key) =>
      wrong("data", key, "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"),
    );

/** A binding to what is not here would allow nothing, or something else of that name. */
const bindingFaults = ({ roleRef }: KubeObject): Cause[] => {
  const { kind = "", name = "" } = (roleRef ?? {}) as { kind?: string; name?: string };
  if (name === "") return [required("roleRef.name")];
  return kind === "Role" ? [] : [notAllowed("roleRef.kind", `the local Kubernetes has no ${kind}; use Role`)];
};

const quotaFaults = ({ spec = {} }: KubeObject): Cause[] => {
  const { hard = {}, ...rest } = spec as { hard?: Record<string, string> };
  return [
    ...Object.keys(rest).map((field) =>
      notAllowed(`spec.${field}`, "the local Kubernetes has no scopes of quotas"),
    ),
    ...Object.entries(hard).flatMap(([what, limit]) =>
      quantity(limit) >= 0 ? [] : [wrong(`spec.hard[${what}]`, limit, "must be a quantity, like 10 or 2Gi")],
    ),
  ];
};

const FAULTS: Partial<Record<ResourceName, (object: KubeObject) => Cause[]>> = {
  secrets: dataFaults,
  configmaps: dataFaults,
  rolebindings: bindingFaults,
  resourcequotas: quotaFaults,
  jobs: (object) => jobFaults(object as Job),
  pods: (object) => {
    const { spec } = object as Pod;
    return spec.restartPolicy === "Never"
      ? podFaults(spec, "spec")
      : [notAllowed("spec.restartPolicy", "the local Kubernetes restarts no containers; use Never")];
  },
};

/**
 * A new object, complete.
 *
 * @param body with the fields of its kind only
 * @throws KubeError BadRequest, Invalid
 */
export function prepare(
  resource: ResourceName,
  body: KubeObject,
  namespace: string | undefined,
  now: number,
): KubeObject {
  const { kind } = RESOURCES[resource];
  const apiVersion = apiVersionOf(RESOURCES[resource]);
  checkKind(resource, body);
  const given = body.metadata ?? {};
  if (given.namespace !== undefined && given.namespace !== namespace)
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  const name =
    given.name ??
    (given.generateName ? `${given.generateName}${randomBytes(3).toString("hex").slice(0, 5)}` : "");
  const { resourceVersion: _version, deletionTimestamp: _deletion, ...metadata } = given;
  const object: KubeObject = {
    ...body,
    apiVersion,
    kind,
    metadata: {
      ...metadata,
      name,
      ...(namespace !== undefined && { namespace }),
      uid: randomUUID(),
      resourceVersion: "",
      ...(body["spec"] !== undefined && { generation: 1 }),
      creationTimestamp: kubeTime(now),
    },
  };
  const causes = nameFaults(resource, name);
  if (causes.length > 0) throw invalid(RESOURCES[resource], name, causes);
  const complete = withDefaults(resource, NEW[resource]?.(object) ?? object);
  check(resource, complete);
  return complete;
}

export const withDefaults = (resource: ResourceName, object: KubeObject): KubeObject =>
  DEFAULTS[resource]?.(object) ?? object;

/** @throws KubeError Invalid */
export function check(resource: ResourceName, object: KubeObject): void {
  const causes = [...labelFaults(object), ...(FAULTS[resource]?.(object) ?? [])];
  if (causes.length > 0) throw invalid(RESOURCES[resource], object.metadata.name, causes);
}

/** @throws KubeError BadRequest for an object of another kind */
export function checkKind(resource: ResourceName, { apiVersion, kind }: Partial<KubeObject>): void {
  const expected = { apiVersion: apiVersionOf(RESOURCES[resource]), kind: RESOURCES[resource].kind };
  if (
    (kind ?? expected.kind) === expected.kind &&
    (apiVersion ?? expected.apiVersion) === expected.apiVersion
  )
    return;
  throw badRequest(
    `the object provided is unrecognized (must be of type ${expected.kind}): it is "${kind}" of "${apiVersion}", expected "${expected.kind}" of "${expected.apiVersion}"`,
  );
}

function nameFaults(resource: ResourceName, name: string): Cause[] {
  if (name === "") return [required("metadata.name", "name or generateName is required")];
  // A namespace's name is a part of the names of hosts.
  const isLabel = resource === "namespaces";
  if (name.length > (isLabel ? 63 : NAME_MAX))
    return [wrong("metadata.name", name, `must be no more than ${isLabel ? 63 : NAME_MAX} bytes`)];
  const fits = SUBDOMAIN.test(name) && !(isLabel && name.includes("."));
  return fits ? [] : [wrong("metadata.name", name, SUBDOMAIN_WRONG)];
}

const LABEL_KEY = /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/;
const LABEL_VALUE_WRONG =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

function labelFaults({ metadata }: KubeObject): Cause[] {
  return Object.entries(metadata.labels ?? {}).flatMap(([key, value]) => {
    if (!LABEL_KEY.test(key))
      return [
        wrong("metadata.labels", key, "name part must consist of alphanumeric characters, '-', '_' or '.'"),
      ];
    if (value.length > 63) return [wrong("metadata.labels", value, "must be no more than 63 bytes")];
    return LABEL_VALUE.test(value) ? [] : [wrong("metadata.labels", value, LABEL_VALUE_WRONG)];
  });
}
