import { isDeepStrictEqual } from "node:util";
import { overlaid, pathsOf, readable, treeOf, valuesByPath, without } from "./field-paths.ts";
import { type KubeObject, kubeTime, type ManagedFields } from "./objects.ts";
import { KubeError } from "./status.ts";

/** Who writes, and when. */
export interface Writer {
  readonly manager: string;
  readonly now: number;
}

/** What nobody owns: it says which object this is, or is the server's own. */
const OWNERLESS = new Set([
  '["f:apiVersion"]',
  '["f:kind"]',
  ...["name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "generateName"].map(
    (name) => `["f:metadata","f:${name}"]`,
  ),
]);

/** What managers can own of an object. */
function ownable({ status: _status, metadata, ...object }: KubeObject): Map<string, unknown> {
  const { managedFields: _fields, ...rest } = metadata;
  const values = valuesByPath({ ...object, metadata: rest });
  for (const path of OWNERLESS) values.delete(path);
  return values;
}

/** Whoever changes a field by an update owns it from then on. */
export function afterUpdate(
  before: KubeObject | undefined,
  after: KubeObject,
  writer: Writer,
): ManagedFields[] {
  const old = before ? ownable(before) : new Map<string, unknown>();
  const values = ownable(after);
  const changed = [...values.keys()].filter(
    (path) => !old.has(path) || !isDeepStrictEqual(old.get(path), values.get(path)),
  );
  const entries = before?.metadata.managedFields ?? [];
  if (changed.length === 0 && [...old.keys()].every((path) => values.has(path))) return entries;
  const own = entries.find((entry) => isBy(entry, writer.manager, "Update"));
  const owned = new Set(
    [...(own ? pathsOf(own.fieldsV1) : []), ...changed].filter((path) => values.has(path)),
  );
  const others = entries
    .filter((entry) => entry !== own)
    .map((entry) => keeping(entry, (path) => values.has(path) && !changed.includes(path)));
  return present([...others, entryOf(after, writer, "Update", owned)]);
}

export interface Applied {
  readonly object: KubeObject;
  readonly managedFields: ManagedFields[];
}

/**
 * A configuration applied to an object: its fields get the configuration's values and belong to its manager; what that
 * manager no longer names, and nobody else owns, goes.
 *
 * @throws KubeError Conflict when others own fields whose values would change, unless it is forced
 */
export function apply(
  live: KubeObject | undefined,
  config: KubeObject,
  writer: Writer,
  force: boolean,
): Applied {
  const wanted = ownable(config);
  if (!live) return { object: config, managedFields: [entryOf(config, writer, "Apply", wanted.keys())] };
  const current = ownable(live);
  const entries = live.metadata.managedFields ?? [];
  const own = entries.find((entry) => isBy(entry, writer.manager, "Apply"));
  const others = entries.filter((entry) => entry !== own);
  const isContested = (path: string): boolean => !isDeepStrictEqual(current.get(path), wanted.get(path));
  if (!force) refuseConflicts(others, (path) => wanted.has(path) && isContested(path));
  const kept = others.map((entry) => keeping(entry, (path) => !wanted.has(path) || !isContested(path)));
  const ownedByOthers = new Set(kept.flatMap(({ fieldsV1 }) => pathsOf(fieldsV1)));
  const dropped = (own ? pathsOf(own.fieldsV1) : []).filter(
    (path) => !wanted.has(path) && !ownedByOthers.has(path),
  );
  const object = overlaid(without(live, new Set(dropped)), config) as KubeObject;
  const isSame =
    own !== undefined && isDeepStrictEqual(new Set(pathsOf(own.fieldsV1)), new Set(wanted.keys()));
  const entry = isSame ? own : entryOf(config, writer, "Apply", wanted.keys());
  return { object, managedFields: present([...kept, entry]) };
}

function refuseConflicts(others: readonly ManagedFields[], isContested: (path: string) => boolean): void {
  const causes = others.flatMap(({ manager, apiVersion, fieldsV1 }) =>
    pathsOf(fieldsV1)
      .filter(isContested)
      .map((path) => ({
        reason: "FieldManagerConflict" as const,
        message: `conflict with "${manager}" using ${apiVersion}`,
        field: readable(path),
      })),
  );
  if (causes.length === 0) return;
  const listed = causes.map(({ message, field }) => `${message}: ${field}`).join("\n- ");
  const count = causes.length === 1 ? "1 conflict: " : `${causes.length} conflicts:\n- `;
  throw new KubeError("Conflict", `Apply failed with ${count}${listed}`, { causes });
}

const isBy = (entry: ManagedFields, manager: string, operation: ManagedFields["operation"]): boolean =>
  entry.manager === manager && entry.operation === operation;

const keeping = (entry: ManagedFields, isKept: (path: string) => boolean): ManagedFields => ({
  ...entry,
  fieldsV1: treeOf(pathsOf(entry.fieldsV1).filter(isKept)),
});

const present = (entries: readonly ManagedFields[]): ManagedFields[] =>
  entries.filter(({ fieldsV1 }) => Object.keys(fieldsV1).length > 0);

const entryOf = (
  { apiVersion }: KubeObject,
  { manager, now }: Writer,
  operation: ManagedFields["operation"],
  paths: Iterable<string>,
): ManagedFields => ({
  manager,
  operation,
  apiVersion,
  time: kubeTime(now),
  fieldsType: "FieldsV1",
  fieldsV1: treeOf(paths),
});
