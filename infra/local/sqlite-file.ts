import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { MillraceError } from "../../lib/errors.ts";

/** The SQLite file that a local service keeps its state in. */
export interface SqliteFormat {
  /** The file is named after it, and so are the errors: `S3_VERSION`, `S3_DIRECTORY_IN_USE`. */
  readonly service: "S3" | "DynamoDB" | "Kubernetes";
  /** How a message calls what has the file open. */
  readonly server: string;
  /** Increased when the tables change, so that an older file is refused and not misread. */
  readonly version: number;
  /** Statements that make them. */
  readonly tables: string;
}

/**
 * Opens the file of a folder that is there, or an empty database in memory.
 *
 * One process has it open: two services on one folder would hand out the same things twice, and delete each other's as
 * left-overs. A committed transaction is in the operating system's hands, so that it outlives the process whatever ends it; it
 * is on the platter at the next checkpoint only: after a power failure the newest may be missing, none is torn.
 *
 * @throws MillraceError …_DIRECTORY_IN_USE when another process, or this one, has it open; …_VERSION when its format is another
 */
export function openSqliteFile(directory: string | undefined, format: SqliteFormat): DatabaseSync {
  const name = `${format.service.toLowerCase()}.sqlite`;
  const database = new DatabaseSync(directory === undefined ? ":memory:" : join(directory, name));
  try {
    database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
    prepareTables(database, directory ?? "memory", format);
    return database;
  } catch (error) {
    database.close();
    throw isLocked(error) ? inUse(directory ?? "memory", format, error) : error;
  }
}

function prepareTables(database: DatabaseSync, where: string, format: SqliteFormat): void {
  const version = database.prepare("PRAGMA user_version").get()?.["user_version"];
  if (version === format.version) return;
  if (version !== 0) {
    throw new MillraceError(
      `${format.service.toUpperCase()}_VERSION`,
      `${where} was written by another version (format ${version})`,
      {
        hint: `this one reads format ${format.version}: delete the directory to start empty, or name another`,
      },
    );
  }
  database.exec(`BEGIN; ${format.tables} PRAGMA user_version = ${format.version}; COMMIT;`);
}

/** sqlite.org/rescode.html#busy */
const SQLITE_BUSY = 5;

/** Another process, or another connection of this one, has the file. */
export const isLocked = (error: unknown): boolean =>
  error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY;

const inUse = (directory: string, { service, server }: SqliteFormat, cause: unknown): MillraceError =>
  new MillraceError(
    `${service.toUpperCase()}_DIRECTORY_IN_USE`,
    `the ${service} directory ${directory} is in use by another ${server}`,
    { hint: "stop the other one (it is served by one process at a time), or name another directory", cause },
  );

/**
 * Runs work wholly or not at all. It cannot be interleaved with anything: nothing in it may wait, and transactions do not
 * nest.
 */
export function transactionsOf(database: DatabaseSync): <Result>(work: () => Result) => Result {
  const begin = database.prepare("BEGIN IMMEDIATE");
  const commit = database.prepare("COMMIT");
  const rollback = database.prepare("ROLLBACK");
  return (work) => {
    begin.run();
    try {
      const result = work();
      commit.run();
      return result;
    } catch (error) {
      // SQLite itself has already rolled back after some failures (disk full).
      if (database.isTransaction) rollback.run();
      throw error;
    }
  };
}
