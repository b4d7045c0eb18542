/**
 * dynalite's item operations over a store of our own.
 *
 * Taken from dynalite 4.0.0 (pinned): the validations, the expression parsers and the code that applies an update.
 * Replaced: its storage. dynalite keeps items in LevelDB, with index entries that are told apart by 24 bits of a hash
 * (of 30,000 items with equal index keys 25 are lost) and are written apart from their item. Mending that in place
 * would have meant patching each of its ways to the database; over `node:sqlite`, which is synchronous, an operation
 * runs to its end within one turn of the event loop and one transaction, so that items and entries change together,
 * transactions need no locks, and the directory has one owner. It is also the faster of the two.
 */
import batchGetItem from "dynalite/actions/batchGetItem.js";
import batchWriteItem from "dynalite/actions/batchWriteItem.js";
import deleteItem from "dynalite/actions/deleteItem.js";
import getItem from "dynalite/actions/getItem.js";
import putItem from "dynalite/actions/putItem.js";
import query from "dynalite/actions/query.js";
import scan from "dynalite/actions/scan.js";
import updateItem from "dynalite/actions/updateItem.js";
import db from "dynalite/db/index.js";
import type { Catalog } from "./catalog.ts";
import { type Condition, meets } from "./condition.ts";
import { itemBytes, maxItemBytes } from "./item-size.ts";
import type { ItemStore } from "./item-store.ts";
import type { Input, Item, TableDescription } from "./model.ts";
import { readPage } from "./page.ts";
import { entryKey, replaceEntries } from "./secondary-entries.ts";
import { type ServiceError, serviceError } from "./service-error.ts";

/** dynalite's convention: the error first. */
export type Done = (error?: Error | null, result?: object) => void;

export type Action = (store: ActionStore, request: Input, done: Done) => void;

/** The store that dynalite's actions ask for. Each member calls back before it returns. */
export interface ActionStore {
  readonly options: { maxItemSize: number };
  getTable(tableName: string, done: (error?: Error | null, table?: TableDescription) => void): void;
  getItemDb(tableName: string): ActionItems;
  /** Not dynalite's: for the functions that replace its own. */
  readonly catalog: Catalog;
  readonly items: ItemStore;
}

interface ActionItems {
  lock(itemKey: string, run: (release: (done: Done) => Done) => void): void;
  get(itemKey: string, done: (error?: Error | null, item?: Item) => void): void;
  put(itemKey: string, item: Item, done: Done): void;
  del(itemKey: string, done: Done): void;
}

/** The members of a validated Put, Update, Delete or ConditionCheck that decide whether it may happen. */
export interface ConditionalRequest {
  _condition?: { expression: Condition };
  Expected?: object;
  ConditionalOperator?: string;
  ReturnValuesOnConditionCheckFailure?: "ALL_OLD" | "NONE";
}

export const actions = {
  BatchGetItem: batchGetItem,
  BatchWriteItem: batchWriteItem,
  DeleteItem: deleteItem,
  GetItem: getItem,
  PutItem: putItem,
  Query: query,
  Scan: scan,
  UpdateItem: updateItem,
} satisfies Record<string, Action>;

export function actionStore(catalog: Catalog, items: ItemStore): ActionStore {
  const itemsOf = (tableName: string): ActionItems => ({
    // Nothing else can run until the action is done, so there is nothing to wait for.
    lock: (_itemKey, run) => run((done) => done),
    get: (itemKey, done) => done(null, items.get(tableName, itemKey)),
    put(itemKey, item, done) {
      items.put(tableName, itemKey, item);
      done();
    },
    del(itemKey, done) {
      items.remove(tableName, itemKey);
      done();
    },
  });
  return {
    options: { maxItemSize: maxItemBytes },
    catalog,
    items,
    getTable(tableName, done) {
      const record = catalog.find(tableName);
      if (record) return done(null, record.description);
      done(serviceError("ResourceNotFoundException", "Requested resource not found"));
    },
    getItemDb: itemsOf,
  };
}

/**
 * Runs one of dynalite's actions to its end.
 *
 * @throws ServiceError what the action answered instead of a result
 */
export function runAction(action: Action, store: ActionStore, request: Input): object {
  let outcome: { error?: Error | null; result?: object } | undefined;
  action(store, request, (error, result) => {
    outcome = { error, ...(result && { result }) };
  });
  if (!outcome) throw new Error("a DynamoDB action did not end within its turn");
  if (outcome.error) throw outcome.error;
  return outcome.result ?? {};
}

/** The refusal of a write whose condition the item does not meet, with the item if the request asks for it. */
export function conditionFailure(
  request: ConditionalRequest,
  existing: Item | undefined,
): ServiceError | undefined {
  const { _condition: condition, Expected: expected } = request;
  const met = condition
    ? meets(existing ?? {}, condition.expression, db)
    : !expected || db.matchesFilter(existing ?? {}, expected, request.ConditionalOperator);
  if (met) return undefined;
  const wanted = request.ReturnValuesOnConditionCheckFailure === "ALL_OLD" && existing;
  return serviceError(
    "ConditionalCheckFailedException",
    "The conditional request failed",
    wanted ? { Item: existing } : {},
  );
}

db.checkConditional = conditionFailure;
db.createIndexKey = entryKey;
db.itemSize = itemBytes;

// What these two throw passes through dynalite's callbacks, which nothing has deferred, to the caller of the action.
db.updateIndexes = (store, table, before, after, done) => {
  replaceEntries(store.items, store.catalog.get(table.TableName), before, after);
  done();
};

db.queryTable = (store, table, request, range, isLocal, allAttributes, startKeyNames, done) => {
  done(null, readPage(store.items, table, request, range, { isLocal, allAttributes, startKeyNames }));
};
