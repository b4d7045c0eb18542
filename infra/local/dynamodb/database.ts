import { mkdirSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { openSqliteFile } from "../sqlite-file.ts";

/**
 * Items keep a row id although they have a key of their own: without one SQLite stores the value inside the key's
 * tree, and writing a 3 KB item takes four times as long (40 us against 10). Entries are all key.
 */
const tables = `
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
`;

/**
 * Makes the directory, if there is none, and opens its one file; or an empty database in memory.
 *
 * @throws MillraceError DYNAMODB_DIRECTORY_IN_USE, DYNAMODB_VERSION
 */
export function openDatabase(directory?: string): DatabaseSync {
  if (directory !== undefined) mkdirSync(directory, { recursive: true });
  return openSqliteFile(directory, {
    service: "DynamoDB",
    server: "local DynamoDB service",
    version: 1,
    tables,
  });
}
