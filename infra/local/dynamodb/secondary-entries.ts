import db from "dynalite/db/index.js";
import type { ItemStore } from "./item-store.ts";
import type {
  AttributeValue,
  IndexDefinition,
  Item,
  KeySchema,
  TableDescription,
  TableRecord,
} from "./model.ts";
import { validationError } from "./service-error.ts";

export const indexesOf = (table: TableDescription): IndexDefinition[] => [
  ...(table.LocalSecondaryIndexes ?? []),
  ...(table.GlobalSecondaryIndexes ?? []),
];

/** Sorts by the index key; the whole table key behind it tells apart the items that share an index key. */
export const entryKey = (item: Item, table: TableDescription, indexKey: KeySchema): string =>
  db.createKey(item, table, indexKey) + db.createKey(item, table);

const keyNames = (index: IndexDefinition): string[] => index.KeySchema.map((key) => key.AttributeName);

/** An item without one of the index's key attributes has no entry there: that makes a sparse index. */
const isIndexed = (item: Item | null | undefined, index: IndexDefinition): item is Item =>
  item != null && index.KeySchema.every((key) => item[key.AttributeName] !== undefined);

const scalar = (value: AttributeValue | undefined): string | undefined => value?.S ?? value?.N ?? value?.B;

function refuseEmptyKey(item: Item, index: IndexDefinition): void {
  const empty = keyNames(index).find((name) => scalar(item[name]) === "");
  if (empty === undefined) return;
  throw validationError(
    "One or more parameter values are not valid. A value specified for a secondary index key is not supported. " +
      "The AttributeValue for a key attribute cannot contain an empty string value. " +
      `IndexName: ${index.IndexName}, IndexKey: ${empty}`,
  );
}

const sameKey = (before: Item, after: Item, index: IndexDefinition): boolean =>
  keyNames(index).every((name) => scalar(before[name]) === scalar(after[name]));

/** When the item expires, in epoch seconds. Only a number counts. */
function dueOf(item: Item | null | undefined, attribute: string): number | undefined {
  const seconds = Number(item?.[attribute]?.N ?? Number.NaN);
  return Number.isFinite(seconds) ? seconds : undefined;
}

/** Adds the entry of an item that is there already: for an index that is added to a table. */
export function addEntry(
  items: ItemStore,
  table: TableDescription,
  index: IndexDefinition,
  item: Item,
): void {
  if (!isIndexed(item, index)) return;
  const key = entryKey(item, table, index.KeySchema);
  items.addEntry(table.TableName, index.IndexName, key, db.createKey(item, table));
}

/** Notes when an item that is there already expires: for a table on which time to live is being enabled. */
export function addExpiry(items: ItemStore, table: TableDescription, attribute: string, item: Item): void {
  const due = dueOf(item, attribute);
  if (due !== undefined) items.addExpiry(table.TableName, due, db.createKey(item, table));
}

function replaceExpiry(
  items: ItemStore,
  table: TableDescription,
  attribute: string,
  before: Item | null | undefined,
  after: Item | null,
): void {
  const was = dueOf(before, attribute);
  const due = dueOf(after, attribute);
  const item = after ?? before;
  if (was === due || !item) return;
  const itemKey = db.createKey(item, table);
  if (was !== undefined) items.removeExpiry(table.TableName, was, itemKey);
  if (due !== undefined) items.addExpiry(table.TableName, due, itemKey);
}

/**
 * Moves the index entries and the expiry of an item from its old to its new value. To be called in the transaction
 * that writes the item; `before` is absent for a new item, `after` for a removed one. What did not change is not
 * written, so an update of an indexed item costs no index write unless it moves the item in the index.
 *
 * @throws ServiceError ValidationException for an empty index key
 */
export function replaceEntries(
  items: ItemStore,
  { description: table, timeToLiveAttribute }: TableRecord,
  before: Item | null | undefined,
  after: Item | null,
): void {
  for (const index of indexesOf(table)) {
    const was = isIndexed(before, index);
    const is = isIndexed(after, index);
    if (is) refuseEmptyKey(after, index);
    if (was && is && sameKey(before, after, index)) continue;
    if (was) items.removeEntry(table.TableName, index.IndexName, entryKey(before, table, index.KeySchema));
    if (is) addEntry(items, table, index, after);
  }
  if (timeToLiveAttribute !== undefined) replaceExpiry(items, table, timeToLiveAttribute, before, after);
}
