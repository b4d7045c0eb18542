import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { openSqliteFile, transactionsOf } from "../sqlite-file.ts";

/**
 * Everything about buckets and objects except their bytes.
 *
 * - A bucket's objects and delete markers are `versions`; per key the one with the highest `seq` is the current one.
 *   `seq` only ever grows, so it also orders the events of a key.
 * - The bytes of a version are its `parts` in the order of their numbers, each one immutable blob file.
 * - `unowned_blobs` names every blob file that no part owns: it is filled before a file is created and again when its
 *   part goes away. So whatever moment the process dies at, no file is lost track of.
 * - `events` is the outbox: written in the transaction of the object that it announces.
 *
 * Keys are blobs: SQLite then compares plain bytes, which is S3's order, and stores any character.
 */
const tables = `
  CREATE TABLE buckets (
    name TEXT PRIMARY KEY, created INTEGER NOT NULL, region TEXT NOT NULL, versioning TEXT,
    event_bridge INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TABLE bucket_documents (
    bucket TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (bucket, kind)
  ) STRICT;
  CREATE TABLE versions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, bucket TEXT NOT NULL, key BLOB NOT NULL, version_id TEXT NOT NULL,
    delete_marker INTEGER NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL, modified INTEGER NOT NULL,
    headers TEXT NOT NULL, tags TEXT NOT NULL, checksum TEXT
  ) STRICT;
  CREATE UNIQUE INDEX versions_of_key ON versions (bucket, key, seq DESC);
  CREATE TABLE uploads (
    id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key BLOB NOT NULL, initiated INTEGER NOT NULL, headers TEXT NOT NULL,
    tags TEXT NOT NULL, checksum_algorithm TEXT, checksum_type TEXT, completed TEXT
  ) STRICT;
  CREATE INDEX uploads_of_key ON uploads (bucket, key, id);
  CREATE TABLE parts (
    blob INTEGER PRIMARY KEY, version INTEGER, upload TEXT, number INTEGER NOT NULL, size INTEGER NOT NULL,
    etag TEXT NOT NULL, checksum TEXT, modified INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX parts_of_version ON parts (version, number) WHERE version IS NOT NULL;
  CREATE UNIQUE INDEX parts_of_upload ON parts (upload, number) WHERE upload IS NOT NULL;
  CREATE TABLE unowned_blobs (id INTEGER PRIMARY KEY AUTOINCREMENT) STRICT;
  CREATE TABLE events (seq INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;
`;

/** The tables in one SQLite file, used by one process. */
export class Database {
  readonly #sqlite: DatabaseSync;
  readonly #transaction: <Result>(work: () => Result) => Result;
  readonly #statements = new Map<string, StatementSync>();
  #afterCommit: (() => void)[] | undefined;

  /** @throws MillraceError S3_DIRECTORY_IN_USE, S3_VERSION */
  constructor(directory: string) {
    this.#sqlite = openSqliteFile(directory, {
      service: "S3",
      server: "local S3 service",
      version: 1,
      tables,
    });
    this.#transaction = transactionsOf(this.#sqlite);
  }

  one<Row>(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#prepare(sql).get(...values) as Row | undefined;
  }

  all<Row>(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#prepare(sql).all(...values) as Row[];
  }

  /** Rows as they are read; leaving the loop early is fine, running the same statement inside it is not. */
  iterate<Row>(sql: string, ...values: SQLInputValue[]): Iterable<Row> {
    return this.#prepare(sql).iterate(...values) as Iterable<Row>;
  }

  /** @returns the row id of the last insert */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#prepare(sql).run(...values).lastInsertRowid);
  }

  /** Runs `work` wholly or not at all. It cannot be interleaved with anything: nothing in it may wait. */
  transaction<Result>(work: () => Result): Result {
    if (this.#afterCommit) throw new Error("transactions do not nest");
    const afterCommit: (() => void)[] = [];
    this.#afterCommit = afterCommit;
    let result: Result;
    try {
      result = this.#transaction(work);
    } finally {
      this.#afterCommit = undefined;
    }
    for (const task of afterCommit) task();
    return result;
  }

  /** Defers an effect on the outside world until the running transaction has been committed. */
  afterCommit(task: () => void): void {
    if (!this.#afterCommit) throw new Error("afterCommit belongs inside a transaction");
    this.#afterCommit.push(task);
  }

  close(): void {
    this.#sqlite.close();
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#sqlite.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}
