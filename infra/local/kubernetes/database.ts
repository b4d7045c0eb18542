import type { DatabaseSync, StatementSync } from "node:sqlite";
import { openSqliteFile, transactionsOf } from "../sqlite-file.ts";
import type { KubeObject } from "./objects.ts";
import { isResourceName, type ResourceName } from "./resources.ts";

const TABLES = `
  CREATE TABLE objects (
    resource TEXT NOT NULL, uid TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (resource, uid)
  ) STRICT;
  CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
`;

/** All objects in one SQLite file, used by one process. */
export class Database {
  readonly #sqlite: DatabaseSync;
  readonly #save: StatementSync;
  readonly #drop: StatementSync;
  readonly #count: StatementSync;
  /** Runs work wholly or not at all; nothing in it may wait. */
  readonly transaction: (work: () => void) => void;

  /** @throws MillraceError KUBERNETES_DIRECTORY_IN_USE, KUBERNETES_VERSION */
  constructor(directory: string) {
    this.#sqlite = openSqliteFile(directory, {
      service: "Kubernetes",
      server: "local Kubernetes",
      version: 1,
      tables: TABLES,
    });
    this.transaction = transactionsOf(this.#sqlite);
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

  close(): void {
    this.#sqlite.close();
  }
}
