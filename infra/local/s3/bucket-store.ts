import type { BlobStore } from "./blob-store.ts";
import type { Database } from "./database.ts";
import { noSuchBucket, S3Error } from "./errors.ts";

/** `undefined` until versioning is switched on for the first time; after that it can only be suspended. */
export type Versioning = "Enabled" | "Suspended" | undefined;

export interface Bucket {
  name: string;
  /** Milliseconds. */
  created: number;
  /** As asked for; empty stands for us-east-1. */
  region: string;
  versioning: Versioning;
  /** Whether new objects are announced. */
  eventBridge: boolean;
}

interface BucketRow {
  name: string;
  created: number;
  region: string;
  versioning: "Enabled" | "Suspended" | null;
  event_bridge: number;
}

/**
 * Buckets and their configurations. What has no effect here is kept as the document that it came as, by sub-resource
 * (`lifecycle`, `policy`).
 */
export class BucketStore {
  readonly #database: Database;
  readonly #blobs: BlobStore;

  constructor(database: Database, blobs: BlobStore) {
    this.#database = database;
    this.#blobs = blobs;
  }

  /** @throws BucketAlreadyOwnedByYou, except for us-east-1: there S3 answers success again */
  create(name: string, region: string, created: number): void {
    const existing = this.find(name);
    if (existing === undefined) {
      this.#database.run(
        "INSERT INTO buckets (name, created, region) VALUES (?, ?, ?)",
        name,
        created,
        region,
      );
    } else if (existing.region !== "" || region !== "") {
      throw new S3Error(
        "BucketAlreadyOwnedByYou",
        `Your previous request to create the named bucket succeeded and you already own it: ${name}`,
      );
    }
  }

  find(name: string): Bucket | undefined {
    const row = this.#database.one<BucketRow>("SELECT * FROM buckets WHERE name = ?", name);
    if (row === undefined) return undefined;
    const { created, region, versioning, event_bridge } = row;
    return { name, created, region, versioning: versioning ?? undefined, eventBridge: event_bridge === 1 };
  }

  /** @throws NoSuchBucket */
  get(name: string): Bucket {
    const bucket = this.find(name);
    if (bucket === undefined) throw noSuchBucket(name);
    return bucket;
  }

  list(): Pick<Bucket, "name" | "created">[] {
    return this.#database.all("SELECT name, created FROM buckets ORDER BY name");
  }

  /** Unfinished uploads go with the bucket; an object, an old version or a delete marker keeps it. @throws BucketNotEmpty */
  delete(name: string): void {
    this.#database.transaction(() => {
      this.get(name);
      if (this.#database.one("SELECT 1 FROM versions WHERE bucket = ? LIMIT 1", name)) {
        throw new S3Error("BucketNotEmpty", `The bucket you tried to delete is not empty: ${name}`);
      }
      const parts = this.#database.all<{ blob: number }>(
        "SELECT blob FROM parts WHERE upload IN (SELECT id FROM uploads WHERE bucket = ?)",
        name,
      );
      this.#blobs.disown(parts.map(({ blob }) => blob));
      this.#database.run("DELETE FROM parts WHERE upload IN (SELECT id FROM uploads WHERE bucket = ?)", name);
      this.#database.run("DELETE FROM uploads WHERE bucket = ?", name);
      this.#database.run("DELETE FROM bucket_documents WHERE bucket = ?", name);
      this.#database.run("DELETE FROM buckets WHERE name = ?", name);
    });
  }

  setVersioning(name: string, versioning: "Enabled" | "Suspended"): void {
    this.get(name);
    this.#database.run("UPDATE buckets SET versioning = ? WHERE name = ?", versioning, name);
  }

  setNotification(name: string, body: string, eventBridge: boolean): void {
    this.#database.transaction(() => {
      this.setDocument(name, "notification", body);
      this.#database.run("UPDATE buckets SET event_bridge = ? WHERE name = ?", eventBridge ? 1 : 0, name);
    });
  }

  document(name: string, kind: string): string | undefined {
    this.get(name);
    return this.#database.one<{ body: string }>(
      "SELECT body FROM bucket_documents WHERE bucket = ? AND kind = ?",
      name,
      kind,
    )?.body;
  }

  setDocument(name: string, kind: string, body: string): void {
    this.get(name);
    this.#database.run(
      "INSERT OR REPLACE INTO bucket_documents (bucket, kind, body) VALUES (?, ?, ?)",
      name,
      kind,
      body,
    );
  }

  deleteDocument(name: string, kind: string): void {
    this.get(name);
    this.#database.run("DELETE FROM bucket_documents WHERE bucket = ? AND kind = ?", name, kind);
  }
}
