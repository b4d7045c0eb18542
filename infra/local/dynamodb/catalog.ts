import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { TableRecord } from "./model.ts";
import { tableNotFound } from "./service-error.ts";

/** The tables that exist. Records are shared with every reader: change one by saving another. */
export class Catalog {
  readonly #records = new Map<string, TableRecord>();
  readonly #get: StatementSync;
  readonly #save: StatementSync;
  readonly #remove: StatementSync;
  readonly #names: StatementSync;

  constructor(database: DatabaseSync) {
    this.#get = database.prepare("SELECT record FROM catalog WHERE table_name = ?");
    this.#save = database.prepare("INSERT OR REPLACE INTO catalog VALUES (?, ?)");
    this.#remove = database.prepare("DELETE FROM catalog WHERE table_name = ?");
    this.#names = database.prepare("SELECT table_name FROM catalog ORDER BY table_name");
  }

  find(tableName: string): TableRecord | undefined {
    const known = this.#records.get(tableName);
    if (known) return known;
    const row = this.#get.get(tableName);
    if (!row) return undefined;
    const record: TableRecord = JSON.parse(row["record"] as string);
    this.#records.set(tableName, record);
    return record;
  }

  /** @throws ResourceNotFoundException */
  get(tableName: string): TableRecord {
    const record = this.find(tableName);
    if (!record) throw tableNotFound(tableName);
    return record;
  }

  // The copy in memory is dropped, not replaced: if the transaction is rolled back, the old record is read again.
  save(record: TableRecord): void {
    const name = record.description.TableName;
    this.#save.run(name, JSON.stringify(record));
    this.#records.delete(name);
  }

  remove(tableName: string): void {
    this.#remove.run(tableName);
    this.#records.delete(tableName);
  }

  names(): string[] {
    return this.#names.all().map((row) => row["table_name"] as string);
  }
}
