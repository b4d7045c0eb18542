import { randomBytes } from "node:crypto";
import { assemble, type NamedPart, type StoredPart } from "./assemble.ts";
import type { BlobStore } from "./blob-store.ts";
import type { BucketStore } from "./bucket-store.ts";
import type { Checksum } from "./checksum.ts";
import type { WriteCondition } from "./conditions.ts";
import type { Database } from "./database.ts";
import type { ObjectStore } from "./object-store.ts";
import type { NewObject } from "./object-version.ts";
import {
  type Completed,
  noSuchUpload,
  type PartRow,
  type Upload,
  type UploadRow,
  uploadOf,
} from "./upload.ts";

/** How long a completed upload is remembered, so that a client that lost the answer may ask again. */
const REMEMBERED_MS = 24 * 3600 * 1000;

/** Uploads in parts. Every method is one atomic step. */
export class UploadStore {
  readonly #database: Database;
  readonly #blobs: BlobStore;
  readonly #buckets: BucketStore;
  readonly #objects: ObjectStore;

  constructor(database: Database, blobs: BlobStore, buckets: BucketStore, objects: ObjectStore) {
    this.#database = database;
    this.#blobs = blobs;
    this.#buckets = buckets;
    this.#objects = objects;
  }

  /** @returns the upload's id */
  create(upload: Omit<Upload, "id">): string {
    this.#buckets.get(upload.bucket);
    // The time in front makes the ids of one key sort by age, as listings promise.
    const id = upload.initiated.toString(16).padStart(12, "0") + randomBytes(24).toString("base64url");
    this.#database.run(
      `INSERT INTO uploads (id, bucket, key, initiated, headers, tags, checksum_algorithm, checksum_type)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      id,
      upload.bucket,
      Buffer.from(upload.key),
      upload.initiated,
      JSON.stringify(upload.headers),
      JSON.stringify(upload.tags),
      upload.checksum?.algorithm ?? null,
      upload.checksum?.type ?? null,
    );
    return id;
  }

  /** @throws NoSuchBucket; NoSuchUpload when it is of another key, aborted or completed */
  get(bucket: string, key: string, id: string): Upload {
    const row = this.#row(bucket, key, id);
    if (row.completed !== null) throw noSuchUpload(id);
    return uploadOf(row);
  }

  /** Replaces a part of the same number. */
  putPart(upload: Upload, part: StoredPart): void {
    this.#database.transaction(() => {
      // It may have been aborted or completed while the part was on its way.
      this.get(upload.bucket, upload.key, upload.id);
      this.#removeParts(upload.id, part.number);
      this.#blobs.adopt(part.blob);
      this.#database.run(
        "INSERT INTO parts (blob, upload, number, size, etag, checksum, modified) VALUES (?, ?, ?, ?, ?, ?, ?)",
        part.blob,
        upload.id,
        part.number,
        part.size,
        part.etag,
        part.checksum ?? null,
        part.modified,
      );
    });
  }

  /** In the order of their numbers. */
  parts(upload: Upload): StoredPart[] {
    const rows = this.#database.all<PartRow>(
      "SELECT * FROM parts WHERE upload = ? ORDER BY number",
      upload.id,
    );
    return rows.map((row) => ({ ...row, checksum: row.checksum ?? undefined }));
  }

  abort(bucket: string, key: string, id: string): void {
    this.#database.transaction(() => {
      this.get(bucket, key, id);
      this.#removeParts(id);
      this.#database.run("DELETE FROM uploads WHERE id = ?", id);
    });
  }

  /**
   * Makes an object of the named parts; no byte is copied. Completing again answers the same as the first time, as S3
   * does: a client that never saw the answer must be able to repeat the call.
   *
   * @param agrees is given the assembled object before it is written, and may refuse it by throwing
   * @throws what `assemble` and `ObjectStore.insert` throw, NoSuchUpload
   */
  complete(
    target: { bucket: string; key: string; id: string; now: number },
    named: readonly NamedPart[],
    condition: WriteCondition,
    agrees: (object: { size: number; checksum?: Checksum }) => void,
  ): Completed {
    return this.#database.transaction(() => {
      const row = this.#row(target.bucket, target.key, target.id);
      if (row.completed !== null) return JSON.parse(row.completed);
      const upload = uploadOf(row);
      // `insert` checks it again; here it decides which refusal comes first when several apply.
      this.#objects.checkCondition(target.bucket, target.key, condition);
      const { parts, ...assembled } = assemble(named, this.parts(upload), upload.checksum);
      agrees(assembled);
      const { bucket, key, headers, tags } = upload;
      const object: NewObject = { bucket, key, headers, tags, ...assembled, modified: target.now };
      const version = this.#objects.insert(object, condition, "CompleteMultipartUpload");
      for (const { blob } of parts) {
        this.#database.run("UPDATE parts SET upload = NULL, version = ? WHERE blob = ?", version.seq, blob);
      }
      this.#removeParts(upload.id);
      const completed: Completed = {
        etag: version.etag,
        versionId: version.versionId,
        checksum: version.checksum,
      };
      this.#database.run(
        "UPDATE uploads SET completed = ? WHERE id = ?",
        JSON.stringify(completed),
        upload.id,
      );
      return completed;
    });
  }

  /** Open uploads of the keys from `from` up to but not including `until`: by key, then by age. */
  *list(bucket: string, from: Buffer, until: Buffer): Generator<{ key: Buffer; upload: Upload }> {
    const rows = this.#database.iterate<UploadRow>(
      `SELECT * FROM uploads WHERE bucket = ? AND key >= ? AND key < ? AND completed IS NULL
       ORDER BY key, id`,
      bucket,
      from,
      until,
    );
    for (const row of rows) yield { key: Buffer.from(row.key), upload: uploadOf(row) };
  }

  /** Forgets uploads that were completed long ago. */
  forgetCompleted(now: number): void {
    this.#database.run(
      "DELETE FROM uploads WHERE completed IS NOT NULL AND initiated < ?",
      now - REMEMBERED_MS,
    );
  }

  #row(bucket: string, key: string, id: string): UploadRow {
    this.#buckets.get(bucket);
    const row = this.#database.one<UploadRow>(
      "SELECT * FROM uploads WHERE id = ? AND bucket = ? AND key = ?",
      id,
      bucket,
      Buffer.from(key),
    );
    if (row === undefined) throw noSuchUpload(id);
    return row;
  }

  /** Removes one part of an upload, or all of them. */
  #removeParts(id: string, number?: number): void {
    const parts = this.#database.all<{ blob: number }>(
      "SELECT blob FROM parts WHERE upload = ?1 AND number = coalesce(?2, number)",
      id,
      number ?? null,
    );
    this.#blobs.disown(parts.map(({ blob }) => blob));
    for (const { blob } of parts) this.#database.run("DELETE FROM parts WHERE blob = ?", blob);
  }
}
