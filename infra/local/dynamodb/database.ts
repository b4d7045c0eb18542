import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { MillraceError } from "../../../lib/errors.ts";

const fileName = "dynamodb.sqlite";

/** Increased when the tables below change, so that an older file is refused and not misread. */
const schemaVersion = 1;

/**
 * Items keep a row id although they have a key of their own: without one SQLite stores the value inside the key's
 * tree, and writing a 3 KB item takes four times as long (40 us against 10). Entries are all key.
 */
const schema = `
  CREATE TABLE catalog (table_name TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE item (
    table_name TEXT NOT NULL, item_key TEXT NOT NULL, attributes TEXT NOT NULL,
    PRIMARY KEY (table_name, item_key)
  );
  CREATE TABLE entry (
    table_name TEXT NOT NULL, index_name TEXT NOT NULL, entry_key TEXT NOT NULL, item_key TEXT NOT NULL,
    PRIMARY KEY (table_name, index_name, entry_key)
  ) WITHOUT ROWID;
  CREATE TABLE expiry (
    table_name TEXT NOT NULL, due REAL NOT NULL, item_key TEXT NOT NULL,
    PRIMARY KEY (table_name, due, item_key)
  ) WITHOUT ROWID;
  CREATE TABLE client_token (token TEXT PRIMARY KEY, digest TEXT NOT NULL, forget_at INTEGER NOT NULL) WITHOUT ROWID;
  PRAGMA user_version = ${schemaVersion};
`;

const isBusy = (thrown: unknown): boolean =>
  thrown instanceof Error && "errcode" in thrown && thrown.errcode === 5;

function prepareSchema(database: DatabaseSync, where: string): void {
  const version = database.prepare("PRAGMA user_version").get()?.["user_version"];
  if (version === schemaVersion) return;
  if (version !== 0) {
    throw new MillraceError(
      "DYNAMODB_VERSION",
      `${where} was written by another version (format ${version})`,
      {
        hint: `this one reads format ${schemaVersion}: delete the directory to start empty, or name another`,
      },
    );
  }
  database.exec(`BEGIN; ${schema} COMMIT;`);
}

/**
 * Opens the one file of a directory, or an empty database in memory.
 *
 * A committed transaction is in the operating system's hands before its answer is sent, so it survives `kill -9`.
 * It is on the platter at the next checkpoint only: after a power failure the newest may be missing, none is torn.
 *
 * @throws MillraceError DYNAMODB_DIRECTORY_IN_USE when another process, or this one, has the directory open
 */
export function openDatabase(directory?: string): DatabaseSync {
  if (directory !== undefined) mkdirSync(directory, { recursive: true });
  const database = new DatabaseSync(directory === undefined ? ":memory:" : join(directory, fileName));
  try {
    database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
    prepareSchema(database, directory ?? "memory");
  } catch (cause) {
    database.close();
    if (!isBusy(cause)) throw cause;
    throw new MillraceError(
      "DYNAMODB_DIRECTORY_IN_USE",
      `the DynamoDB directory ${directory} is in use by another local DynamoDB service`,
      {
        hint: "stop the other one (it is served by one process at a time), or name another directory",
        cause,
      },
    );
  }
  return database;
}
