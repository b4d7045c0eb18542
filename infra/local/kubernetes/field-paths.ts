import type { FieldTree } from "./objects.ts";
import { isRecord } from "./patch.ts";

/**
 * Where values stand in an object, as in `fieldsV1`: `f:name` is a field, `k:{"name":"main"}` the item of a list whose
 * items have keys, `v:"x"` an item of a set. https://kubernetes.io/docs/reference/using-api/server-side-apply/
 */
export type Path = readonly string[];

/** Lists that are merged item by item, with the field that tells items apart. All others are one value. */
const ITEM_KEYS: Readonly<Record<string, string>> = {
  containers: "name",
  initContainers: "name",
  volumes: "name",
  env: "name",
  imagePullSecrets: "name",
  volumeMounts: "mountPath",
  ownerReferences: "uid",
};
const SETS = new Set(["finalizers"]);
/** Maps that are one value. */
const ATOMIC = new Set(["selector", "nodeSelector", "secretKeyRef", "configMapKeyRef", "fieldRef"]);

const field = (name: string): string => `f:${name}`;
const itemOf = (key: string, item: Record<string, unknown>): string =>
  `k:${JSON.stringify({ [key]: item[key] })}`;
const member = (value: unknown): string => `v:${JSON.stringify(value)}`;

/** Every value of an object by its path, which stands for itself as JSON text. */
export function valuesByPath(object: object): Map<string, unknown> {
  const found = new Map<string, unknown>();
  collect(found, [], object, "");
  return found;
}

function collect(found: Map<string, unknown>, path: Path, value: unknown, name: string): void {
  const key = ITEM_KEYS[name];
  if (isRecord(value) && !ATOMIC.has(name)) {
    for (const [inner, each] of Object.entries(value)) collect(found, [...path, field(inner)], each, inner);
    if (Object.keys(value).length === 0) found.set(JSON.stringify(path), value);
  } else if (Array.isArray(value) && key !== undefined) {
    for (const item of value as Record<string, unknown>[])
      collect(found, [...path, itemOf(key, item)], item, "");
  } else if (Array.isArray(value) && SETS.has(name)) {
    for (const item of value) found.set(JSON.stringify([...path, member(item)]), item);
  } else found.set(JSON.stringify(path), value);
}

/** What is left of an object without what stands at the paths; items without anything go, too. */
export function without(object: object, paths: ReadonlySet<string>): object {
  return (pruned(object, [], "", paths) ?? {}) as object;
}

function pruned(value: unknown, path: Path, name: string, paths: ReadonlySet<string>): unknown {
  const key = ITEM_KEYS[name];
  if (isRecord(value) && !ATOMIC.has(name)) {
    const kept = Object.entries(value).flatMap(([inner, each]) => {
      const rest = pruned(each, [...path, field(inner)], inner, paths);
      return rest === undefined ? [] : [[inner, rest] as const];
    });
    const isEmptied = kept.length === 0 && Object.keys(value).length > 0;
    return isEmptied ? undefined : Object.fromEntries(kept);
  }
  if (Array.isArray(value) && (key !== undefined || SETS.has(name))) {
    const kept = value.flatMap((item) => {
      const at = key === undefined ? member(item) : itemOf(key, item as Record<string, unknown>);
      const rest =
        key === undefined ? unless(paths, [...path, at], item) : pruned(item, [...path, at], "", paths);
      return rest === undefined ? [] : [rest];
    });
    return kept.length === 0 ? undefined : kept;
  }
  return unless(paths, path, value);
}

const unless = (paths: ReadonlySet<string>, path: Path, value: unknown): unknown =>
  paths.has(JSON.stringify(path)) ? undefined : value;

/** A configuration laid over an object: items with keys and members of sets one by one, all else as a whole. */
export function overlaid(live: unknown, config: unknown, name = ""): unknown {
  const key = ITEM_KEYS[name];
  if (isRecord(live) && isRecord(config) && !ATOMIC.has(name)) {
    const merged: Record<string, unknown> = { ...live };
    for (const [inner, value] of Object.entries(config)) merged[inner] = overlaid(live[inner], value, inner);
    return merged;
  }
  if (!Array.isArray(live) || !Array.isArray(config)) return config;
  if (SETS.has(name)) return [...new Set([...live, ...config])];
  if (key === undefined) return config;
  const items = new Map((live as Record<string, unknown>[]).map((item) => [item[key], item]));
  for (const item of config as Record<string, unknown>[])
    items.set(item[key], overlaid(items.get(item[key]), item) as Record<string, unknown>);
  return [...items.values()];
}

export function treeOf(paths: Iterable<string>): FieldTree {
  const tree: FieldTree = {};
  for (const path of paths) {
    let at = tree;
    for (const step of JSON.parse(path) as string[]) {
      at[step] ??= {};
      at = at[step];
    }
  }
  return tree;
}

export function pathsOf(tree: FieldTree, path: Path = []): string[] {
  const steps = Object.entries(tree);
  if (steps.length === 0) return path.length === 0 ? [] : [JSON.stringify(path)];
  return steps.flatMap(([step, below]) => pathsOf(below, [...path, step]));
}

/** `.spec.template.spec.containers[name="main"].image`. */
export const readable = (path: string): string =>
  (JSON.parse(path) as string[])
    .map((step) => {
      if (step.startsWith("f:")) return `.${step.slice(2)}`;
      if (step.startsWith("v:")) return `[=${step.slice(2)}]`;
      const [[key, value] = []] = Object.entries(JSON.parse(step.slice(2)) as Record<string, unknown>);
      return `[${key}=${JSON.stringify(value)}]`;
    })
    .join("");
