import db from "dynalite/db/index.js";
import { type Condition, meets, type Path } from "./condition.ts";
import { itemBytes } from "./item-size.ts";
import type { ItemStore, KeyRange } from "./item-store.ts";
import type { Item, TableDescription } from "./model.ts";
import { pick, projectedNames, refuseUnprojected, wantedPaths } from "./projection.ts";
import { indexesOf } from "./secondary-entries.ts";

/** A page ends with the item that reaches this, in bytes before filter and projection. */
const maxPageBytes = 1024 * 1024;
const capacityUnitBytes = 4096;

/** The members of a validated Query or Scan that are left when dynalite has found the range of keys. */
export interface ReadRequest {
  TableName: string;
  IndexName?: string;
  Limit?: number;
  Select?: string;
  ConsistentRead?: boolean;
  ReturnConsumedCapacity?: "INDEXES" | "TOTAL" | "NONE";
  QueryFilter?: object;
  ScanFilter?: object;
  ConditionalOperator?: string;
  AttributesToGet?: string[];
  _filter?: { expression: Condition; pathHeads?: Record<string, true> };
  _projection?: { paths: Path[] };
}

export interface ReadOptions {
  /** Of a local secondary index. */
  isLocal: boolean | undefined;
  /** The query asks a local index for more than is projected into it. */
  allAttributes: boolean;
  /** The key attributes of table and index, which say where the next page starts. */
  startKeyNames: string[];
}

export interface Page {
  Items?: Item[];
  Count: number;
  /** Items read, before the filter. */
  ScannedCount: number;
  LastEvaluatedKey?: Item;
  ConsumedCapacity?: object;
}

function passes(item: Item, request: ReadRequest): boolean {
  if (request._filter) return meets(item, request._filter.expression, db);
  const filter = request.QueryFilter ?? request.ScanFilter;
  return !filter || db.matchesFilter(item, filter, request.ConditionalOperator);
}

function consumedCapacity(request: ReadRequest, bytes: number, isLocal: boolean | undefined): object {
  const halves = request.ConsistentRead ? 1 : 0.5;
  const units = Math.ceil(bytes / capacityUnitBytes) * halves;
  const total = { TableName: request.TableName, CapacityUnits: units };
  if (request.ReturnConsumedCapacity !== "INDEXES") return total;
  if (request.IndexName === undefined) return { ...total, Table: { CapacityUnits: units } };
  const indexes = isLocal ? "LocalSecondaryIndexes" : "GlobalSecondaryIndexes";
  return {
    ...total,
    Table: { CapacityUnits: 0 },
    [indexes]: { [request.IndexName]: { CapacityUnits: units } },
  };
}

interface Reading {
  found: Item[];
  scanned: number;
  bytes: number;
  /** Where the page was cut. */
  last?: Item;
}

/** Reads up to the end of the page. `shown` are the attributes that the index has, if not all. */
function read(range: Iterable<Item>, request: ReadRequest, shown: string[] | undefined): Reading {
  const reading: Reading = { found: [], scanned: 0, bytes: 0 };
  const paths = wantedPaths(request);
  for (const whole of range) {
    const item = shown ? pick(whole, shown) : whole;
    reading.scanned += 1;
    reading.bytes += itemBytes(item);
    if (passes(item, request)) reading.found.push(paths ? db.mapPaths(paths, whole) : item);
    if (reading.scanned === request.Limit || reading.bytes >= maxPageBytes)
      return { ...reading, last: whole };
  }
  return reading;
}

/**
 * One page of a Query or Scan. It ends after `Limit` items or 1 MB, and then names the key to go on from, whether or
 * not anything is left behind it, as DynamoDB does.
 *
 * @throws ServiceError ValidationException for attributes that the index does not have
 */
export function readPage(
  items: ItemStore,
  table: TableDescription,
  request: ReadRequest,
  range: KeyRange,
  options: ReadOptions,
): Page {
  const index = indexesOf(table).find((each) => each.IndexName === request.IndexName);
  const projected = projectedNames(table, index);
  if (projected) refuseUnprojected(request, projected, options.isLocal);
  const rows = items.range(table.TableName, request.IndexName, range);
  const { found, scanned, bytes, last } = read(rows, request, options.allAttributes ? undefined : projected);
  const page: Page = { Count: found.length, ScannedCount: scanned };
  if (request.Select !== "COUNT") page.Items = found;
  if (last) page.LastEvaluatedKey = pick(last, options.startKeyNames);
  if (request.ReturnConsumedCapacity && request.ReturnConsumedCapacity !== "NONE") {
    page.ConsumedCapacity = consumedCapacity(request, bytes, options.isLocal);
  }
  return page;
}
