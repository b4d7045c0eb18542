import type { Path } from "./condition.ts";
import type { IndexDefinition, Item, TableDescription } from "./model.ts";
import type { ReadRequest } from "./page.ts";
import { validationError } from "./service-error.ts";

/** The names of the attributes that an index shows, or nothing if it shows all. */
export function projectedNames(
  table: TableDescription,
  index: IndexDefinition | undefined,
): string[] | undefined {
  if (!index || index.Projection.ProjectionType === "ALL") return undefined;
  const keys = [...index.KeySchema, ...table.KeySchema].map((key) => key.AttributeName);
  return [...keys, ...(index.Projection.NonKeyAttributes ?? [])];
}

/** The given attributes, as far as the item has them. */
export function pick(item: Item, names: string[]): Item {
  const picked: Item = {};
  for (const name of names) if (item[name] !== undefined) picked[name] = item[name];
  return picked;
}

/** The paths that a request wants to see of each item; nothing if it wants all that there is. */
export const wantedPaths = (request: ReadRequest): Path[] | undefined =>
  request._projection?.paths ?? request.AttributesToGet?.map((name) => [name]);

const filteredNames = (request: ReadRequest): string[] =>
  Object.keys(request._filter?.pathHeads ?? request.QueryFilter ?? request.ScanFilter ?? {});

/**
 * A global index has nothing to say about attributes that are not projected into it; a local one fetches them from the
 * table, but does not filter by them.
 *
 * @throws ServiceError ValidationException
 */
export function refuseUnprojected(request: ReadRequest, shown: string[], isLocal: boolean | undefined): void {
  const hidden = (names: string[]) => [...new Set(names)].filter((name) => !shown.includes(name));
  const filtered = hidden(filteredNames(request));
  if (filtered.length > 0) {
    throw validationError(
      `One or more parameter values were invalid: Secondary index ${request.IndexName} does not project ` +
        `one or more filter attributes: [${filtered.join(", ")}]`,
    );
  }
  const wanted = hidden((wantedPaths(request) ?? []).map((path) => String(path[0])));
  if (wanted.length > 0 && !isLocal) {
    throw validationError(
      `One or more parameter values were invalid: Global secondary index ${request.IndexName} ` +
        `does not project [${wanted.join(", ")}]`,
    );
  }
}
