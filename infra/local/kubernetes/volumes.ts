import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { ConfigError, type Sources, valuesOf } from "./container-environment.ts";
import type { PodSpec, Volume } from "./objects.ts";

/**
 * Makes the folders that stand in for a pod's volumes.
 *
 * @throws ConfigError when a Secret or ConfigMap that is not optional does not exist
 */
export function makeVolumes(spec: PodSpec, folder: string, sources: Sources): void {
  for (const volume of spec.volumes ?? []) {
    const directory = join(folder, volume.name);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const [path, value] of filesOf(volume, sources)) {
      const file = join(directory, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, value, { mode: 0o600 });
    }
  }
  const mounts = [...(spec.initContainers ?? []), ...spec.containers].flatMap(
    ({ volumeMounts = [] }) => volumeMounts,
  );
  for (const { name, subPath } of mounts)
    if (subPath) mkdirSync(join(folder, name, subPath), { recursive: true });
}

function filesOf({ name, secret, configMap }: Volume, sources: Sources): [string, Buffer][] {
  const values = secret
    ? valuesOf("secrets", { ...secret, name: secret.secretName }, sources)
    : configMap && valuesOf("configmaps", configMap, sources);
  const items = (secret ?? configMap)?.items;
  if (!values || !items) return Object.entries(values ?? {});
  return items.map(({ key, path }) => {
    const value = values[key];
    if (!value) throw new ConfigError(`references non-existent secret key: ${key}`);
    if (normalize(path).startsWith("..")) throw new ConfigError(`volume ${name}: ${path} leads out of it`);
    return [path, value];
  });
}
