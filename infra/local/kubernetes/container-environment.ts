import type { Container, EnvVar, KubeObject, Pod } from "./objects.ts";

/** Why a container cannot be made yet: it becomes the reason that it waits. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

export interface Sources {
  /** A Secret or ConfigMap of the pod's namespace. */
  find(resource: "secrets" | "configmaps", name: string): KubeObject | undefined;
}

/**
 * A container's environment in Kubernetes' order: `envFrom`, then `env`, where `$(NAME)` stands for what came before.
 *
 * @throws ConfigError when a Secret, ConfigMap or key that is not optional does not exist
 */
export function environmentOf(container: Container, pod: Pod, sources: Sources): Record<string, string> {
  const env: Record<string, string> = {};
  for (const { prefix = "", secretRef, configMapRef } of container.envFrom ?? []) {
    const [resource, reference] = secretRef
      ? (["secrets", secretRef] as const)
      : (["configmaps", configMapRef] as const);
    const values = reference && valuesOf(resource, reference, sources);
    for (const [key, value] of Object.entries(values ?? {})) env[prefix + key] = value.toString();
  }
  for (const variable of container.env ?? []) {
    const value = variableValue(variable, pod, sources);
    if (value !== undefined) env[variable.name] = variable.valueFrom ? value : expand(value, env);
  }
  return env;
}

/** `$(NAME)` by its value, `$$` by `$`; a name that nobody set stays as it is written. */
export const expand = (text: string, env: Readonly<Record<string, string>>): string =>
  text.replace(/\$\$|\$\(([A-Za-z_.-][A-Za-z0-9_.-]*)\)/g, (whole, name?: string) => {
    if (name === undefined) return "$";
    return Object.hasOwn(env, name) ? (env[name] ?? whole) : whole;
  });

function variableValue({ value, valueFrom }: EnvVar, pod: Pod, sources: Sources): string | undefined {
  if (!valueFrom) return value ?? "";
  const { secretKeyRef, configMapKeyRef, fieldRef } = valueFrom;
  if (secretKeyRef) return keyOf("secrets", secretKeyRef, pod, sources);
  if (configMapKeyRef) return keyOf("configmaps", configMapKeyRef, pod, sources);
  if (fieldRef) return fieldOf(fieldRef.fieldPath, pod);
  throw new ConfigError("the local Kubernetes takes values from secrets, config maps and fields only");
}

const KIND = { secrets: "secret", configmaps: "configmap" } as const;

function keyOf(
  resource: "secrets" | "configmaps",
  reference: { name: string; key: string; optional?: boolean },
  pod: Pod,
  sources: Sources,
): string | undefined {
  const value = valuesOf(resource, reference, sources)?.[reference.key];
  if (value !== undefined || reference.optional) return value?.toString();
  const where = `${KIND[resource] === "secret" ? "Secret" : "ConfigMap"} ${pod.metadata.namespace}/${reference.name}`;
  throw new ConfigError(`couldn't find key ${reference.key} in ${where}`);
}

/** @throws ConfigError when it does not exist and is not optional */
export function valuesOf(
  resource: "secrets" | "configmaps",
  { name, optional }: { name: string; optional?: boolean },
  sources: Sources,
): Record<string, Buffer> | undefined {
  const object = sources.find(resource, name);
  if (!object) {
    if (optional) return undefined;
    throw new ConfigError(`${KIND[resource]} "${name}" not found`);
  }
  const encoding = resource === "secrets" ? "base64" : "utf8";
  const data = (object["data"] ?? {}) as Record<string, string>;
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, encoding)]));
}

const FIELDS: Record<string, (pod: Pod) => string | undefined> = {
  "metadata.name": ({ metadata }) => metadata.name,
  "metadata.namespace": ({ metadata }) => metadata.namespace,
  "metadata.uid": ({ metadata }) => metadata.uid,
  "spec.nodeName": ({ spec }) => spec.nodeName,
  "spec.serviceAccountName": ({ spec }) => spec.serviceAccountName,
  "status.podIP": ({ status }) => status.podIP,
  "status.hostIP": ({ status }) => status.hostIP,
};

function fieldOf(path: string, pod: Pod): string {
  const [, map, key = ""] = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path) ?? [];
  if (map === "labels" || map === "annotations") return pod.metadata[map]?.[key] ?? "";
  const field = FIELDS[path];
  if (!field) throw new ConfigError(`fieldPath "${path}" is not supported by the local Kubernetes`);
  return field(pod) ?? "";
}
