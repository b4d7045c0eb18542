import { join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { MillraceError } from "../../../lib/errors.ts";
import type { KubeObject } from "./objects.ts";
import { isResourceName, type ResourceName } from "./resources.ts";

/** Increased when the tables below change, so that an older file is refused and not misread. */
const SCHEMA_VERSION = 1;

const SCHEMA = `
  CREATE TABLE objects (
    resource TEXT NOT NULL, uid TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (resource, uid)
  ) STRICT;
  CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

/**
 * All objects in one SQLite file, used by one process. A committed change outlives the process whatever ends it; a loss
 * of power may take the last ones.
 */
export class Database {
  readonly #sqlite: DatabaseSync;
  readonly #save: StatementSync;
  readonly #drop: StatementSync;
  readonly #count: StatementSync;

  /** @throws MillraceError KUBERNETES_DIRECTORY_IN_USE, KUBERNETES_VERSION */
  constructor(directory: string) {
    this.#sqlite = new DatabaseSync(join(directory, "kubernetes.sqlite"));
    try {
      // Exclusive: two controllers on one set of objects would each start the pods.
      this.#sqlite.exec(
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;",
      );
      prepareSchema(this.#sqlite, directory);
    } catch (error) {
      this.#sqlite.close();
      throw isBusy(error) ? inUse(directory, error) : error;
    }
    this.#save = this.#sqlite.prepare("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)");
    this.#drop = this.#sqlite.prepare("DELETE FROM objects WHERE resource = ? AND uid = ?");
    this.#count = this.#sqlite.prepare("INSERT OR REPLACE INTO counters VALUES (?, ?)");
  }

  /** A number that was kept under this name, or 0. */
  counter(name: string): number {
    const row = this.#sqlite.prepare("SELECT value FROM counters WHERE name = ?").get(name);
    return Number(row?.["value"] ?? 0);
  }

  setCounter(name: string, value: number): void {
    this.#count.run(name, value);
  }

  objects(): { resource: ResourceName; object: KubeObject }[] {
    const rows = this.#sqlite.prepare("SELECT resource, body FROM objects ORDER BY version").all();
    return rows.flatMap(({ resource, body }) =>
      isResourceName(String(resource))
        ? [{ resource: String(resource) as ResourceName, object: JSON.parse(String(body)) as KubeObject }]
        : [],
    );
  }

  save(resource: ResourceName, object: KubeObject): void {
    const { uid, resourceVersion } = object.metadata;
    this.#save.run(resource, uid, Number(resourceVersion), JSON.stringify(object));
  }

  drop(resource: ResourceName, uid: string): void {
    this.#drop.run(resource, uid);
  }

  /** Runs `work` wholly or not at all; nothing in it may wait. */
  transaction(work: () => void): void {
    this.#sqlite.exec("BEGIN IMMEDIATE");
    try {
      work();
      this.#sqlite.exec("COMMIT");
    } catch (error) {
      if (this.#sqlite.isTransaction) this.#sqlite.exec("ROLLBACK");
      throw error;
    }
  }

  close(): void {
    this.#sqlite.close();
  }
}

function prepareSchema(sqlite: DatabaseSync, directory: string): void {
  const version = sqlite.prepare("PRAGMA user_version").get()?.["user_version"];
  if (version === SCHEMA_VERSION) return;
  if (version !== 0) {
    throw new MillraceError(
      "KUBERNETES_VERSION",
      `${directory} was written by another version (format ${version})`,
      {
        hint: `this one reads format ${SCHEMA_VERSION}: delete the directory to start empty, or name another`,
      },
    );
  }
  sqlite.exec(`BEGIN; ${SCHEMA} COMMIT;`);
}

const SQLITE_BUSY = 5;

const isBusy = (error: unknown): boolean =>
  error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY;

const inUse = (directory: string, cause: unknown): MillraceError =>
  new MillraceError(
    "KUBERNETES_DIRECTORY_IN_USE",
    `the Kubernetes directory ${directory} is in use by another local Kubernetes`,
    { hint: "stop the other one (it is served by one process at a time), or name another directory", cause },
  );
