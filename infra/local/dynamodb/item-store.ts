import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Item } from "./model.ts";

/** Part of a table or of an index, in the order of its keys. Keys are ASCII, and `~` sorts behind all of them. */
export interface KeyRange {
  gt?: string;
  gte?: string;
  lt?: string;
  lte?: string;
  reverse?: boolean;
}

const itemRows = "SELECT attributes FROM item WHERE table_name = ? AND item_key";
const entryRows = `SELECT item.attributes FROM entry CROSS JOIN item
  ON item.table_name = entry.table_name AND item.item_key = entry.item_key
  WHERE entry.table_name = ? AND entry.index_name = ? AND entry.entry_key`;

/**
 * Items, the entries of their indexes, and when they expire.
 *
 * An entry holds no copy of its item, only the item's key, so an index cannot show a stale item. That an item has the
 * right entries is the caller's duty: see `secondary-entries.ts`.
 */
export class ItemStore {
  readonly #database: DatabaseSync;
  readonly #ranges = new Map<string, StatementSync>();
  readonly #get: StatementSync;
  readonly #put: StatementSync;
  readonly #remove: StatementSync;
  readonly #addEntry: StatementSync;
  readonly #removeEntry: StatementSync;
  readonly #addExpiry: StatementSync;
  readonly #removeExpiry: StatementSync;
  readonly #due: StatementSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#get = database.prepare("SELECT attributes FROM item WHERE table_name = ? AND item_key = ?");
    this.#put = database.prepare(
      `INSERT INTO item (table_name, item_key, attributes) VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET attributes = excluded.attributes`,
    );
    this.#remove = database.prepare("DELETE FROM item WHERE table_name = ? AND item_key = ?");
    this.#addEntry = database.prepare("INSERT INTO entry VALUES (?, ?, ?, ?)");
    this.#removeEntry = database.prepare(
      "DELETE FROM entry WHERE table_name = ? AND index_name = ? AND entry_key = ?",
    );
    this.#addExpiry = database.prepare("INSERT INTO expiry VALUES (?, ?, ?)");
    this.#removeExpiry = database.prepare(
      "DELETE FROM expiry WHERE table_name = ? AND due = ? AND item_key = ?",
    );
    this.#due = database.prepare(
      "SELECT item_key FROM expiry WHERE table_name = ? AND due > ? AND due < ? ORDER BY due LIMIT ?",
    );
  }

  get(tableName: string, itemKey: string): Item | undefined {
    const row = this.#get.get(tableName, itemKey);
    return row && JSON.parse(row["attributes"] as string);
  }

  put(tableName: string, itemKey: string, item: Item): void {
    this.#put.run(tableName, itemKey, JSON.stringify(item));
  }

  remove(tableName: string, itemKey: string): void {
    this.#remove.run(tableName, itemKey);
  }

  /** The items of a part of the table, or of one of its indexes, read one by one while the caller iterates. */
  *range(tableName: string, indexName: string | undefined, range: KeyRange): Generator<Item> {
    const bounds = [range.gt ?? range.gte ?? "", range.lt ?? range.lte ?? "~"] as const;
    const statement = this.#rangeStatement(indexName !== undefined, range);
    const rows =
      indexName === undefined
        ? statement.iterate(tableName, ...bounds)
        : statement.iterate(tableName, indexName, ...bounds);
    for (const row of rows) yield JSON.parse(row["attributes"] as string);
  }

  #rangeStatement(ofIndex: boolean, range: KeyRange): StatementSync {
    const from = range.gt === undefined ? ">=" : ">";
    const to = range.lt === undefined ? "<=" : "<";
    const key = ofIndex ? "entry.entry_key" : "item_key";
    const sql = `${ofIndex ? entryRows : itemRows} ${from} ? AND ${key} ${to} ?
      ORDER BY ${key} ${range.reverse ? "DESC" : "ASC"}`;
    const known = this.#ranges.get(sql);
    if (known) return known;
    const statement = this.#database.prepare(sql);
    this.#ranges.set(sql, statement);
    return statement;
  }

  addEntry(tableName: string, indexName: string, entryKey: string, itemKey: string): void {
    this.#addEntry.run(tableName, indexName, entryKey, itemKey);
  }

  removeEntry(tableName: string, indexName: string, entryKey: string): void {
    this.#removeEntry.run(tableName, indexName, entryKey);
  }

  /** `due` is an epoch time in seconds. */
  addExpiry(tableName: string, due: number, itemKey: string): void {
    this.#addExpiry.run(tableName, due, itemKey);
  }

  removeExpiry(tableName: string, due: number, itemKey: string): void {
    this.#removeExpiry.run(tableName, due, itemKey);
  }

  /** Keys of at most `limit` items that expire between two epoch seconds (both excluded), the oldest first. */
  due(tableName: string, after: number, before: number, limit: number): string[] {
    return this.#due.all(tableName, after, before, limit).map((row) => row["item_key"] as string);
  }

  removeIndex(tableName: string, indexName: string): void {
    this.#database
      .prepare("DELETE FROM entry WHERE table_name = ? AND index_name = ?")
      .run(tableName, indexName);
  }

  removeExpiries(tableName: string): void {
    this.#database.prepare("DELETE FROM expiry WHERE table_name = ?").run(tableName);
  }

  removeTable(tableName: string): void {
    for (const table of ["item", "entry", "expiry"]) {
      this.#database.prepare(`DELETE FROM ${table} WHERE table_name = ?`).run(tableName);
    }
  }
}
