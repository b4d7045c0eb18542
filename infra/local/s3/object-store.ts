import { randomBytes } from "node:crypto";
import type { BlobStore, Segment } from "./blob-store.ts";
import type { Bucket, BucketStore } from "./bucket-store.ts";
import { checkWrite, type WriteCondition } from "./conditions.ts";
import type { Database } from "./database.ts";
import { noSuchKey, S3Error } from "./errors.ts";
import {
  deletedObject,
  type NewObject,
  NULL_VERSION,
  type ObjectVersion,
  type VersionRow,
  versionOf,
} from "./object-version.ts";
import type { CreationReason, Outbox } from "./outbox.ts";
import type { Tags } from "./tagging.ts";

/** What a delete did; `undefined` fields where versioning has never been on. */
export interface Deletion {
  versionId?: string;
  deleteMarker?: boolean;
}

/** A version as a listing shows it. */
export interface ListedVersion {
  key: Buffer;
  version: ObjectVersion;
  latest: boolean;
}

/** Objects and their versions. Every method is one atomic step. */
export class ObjectStore {
  readonly #database: Database;
  readonly #blobs: BlobStore;
  readonly #buckets: BucketStore;
  readonly #outbox: Outbox;

  constructor(database: Database, blobs: BlobStore, buckets: BucketStore, outbox: Outbox) {
    this.#database = database;
    this.#blobs = blobs;
    this.#buckets = buckets;
    this.#outbox = outbox;
  }

  /** The current version, a delete marker included. */
  current(bucket: string, key: string): ObjectVersion | undefined {
    const row = this.#database.one<VersionRow>(
      "SELECT * FROM versions WHERE bucket = ? AND key = ? ORDER BY seq DESC LIMIT 1",
      bucket,
      Buffer.from(key),
    );
    return row && versionOf(row);
  }

  find(bucket: string, key: string, versionId: string): ObjectVersion | undefined {
    const row = this.#database.one<VersionRow>(
      "SELECT * FROM versions WHERE bucket = ? AND key = ? AND version_id = ?",
      bucket,
      Buffer.from(key),
      versionId,
    );
    return row && versionOf(row);
  }

  /**
   * The version that a read means.
   *
   * @throws NoSuchBucket, NoSuchKey, NoSuchVersion; MethodNotAllowed for a delete marker named by its id
   */
  get(bucket: string, key: string, versionId?: string): ObjectVersion {
    this.#buckets.get(bucket);
    const version = versionId === undefined ? this.current(bucket, key) : this.find(bucket, key, versionId);
    if (version === undefined) {
      if (versionId === undefined) throw noSuchKey(key);
      throw new S3Error("NoSuchVersion", `The specified version does not exist: ${versionId}`);
    }
    if (!version.deleteMarker) return version;
    const headers = { "x-amz-delete-marker": "true", "x-amz-version-id": version.versionId };
    if (versionId === undefined) throw noSuchKey(key, headers);
    throw new S3Error("MethodNotAllowed", "The specified method is not allowed against a delete marker.", {
      ...headers,
      allow: "DELETE",
    });
  }

  /** The content of a version, in order. */
  segments(version: ObjectVersion): Segment[] {
    return this.#database.all("SELECT blob, size FROM parts WHERE version = ? ORDER BY number", version.seq);
  }

  /** @throws what {@link checkWrite} throws, NoSuchBucket */
  checkCondition(bucket: string, key: string, condition: WriteCondition): void {
    this.#buckets.get(bucket);
    checkWrite(condition, key, this.#existing(bucket, key));
  }

  /** Makes a written blob the whole content of an object. */
  put(object: NewObject, blob: number, condition: WriteCondition, reason: CreationReason): ObjectVersion {
    return this.#database.transaction(() => {
      const version = this.insert(object, condition, reason);
      this.#blobs.adopt(blob);
      this.#database.run(
        "INSERT INTO parts (blob, version, number, size, etag, modified) VALUES (?, ?, 1, ?, ?, ?)",
        blob,
        version.seq,
        object.size,
        object.etag,
        object.modified,
      );
      return version;
    });
  }

  /**
   * Inside the caller's transaction: checks the condition, writes the version without its content, and the event that
   * announces it.
   */
  insert(object: NewObject, condition: WriteCondition, reason: CreationReason): ObjectVersion {
    const bucket = this.#buckets.get(object.bucket);
    checkWrite(condition, object.key, this.#existing(object.bucket, object.key));
    const version = this.#insertVersion(bucket, object, false);
    if (bucket.eventBridge) this.#outbox.record(version, reason, bucket.versioning !== undefined);
    return version;
  }

  /**
   * Deletes a version, or the object: that leaves a delete marker where versioning is on. Deleting what is not there
   * succeeds.
   *
   * @throws NoSuchBucket, and what {@link checkWrite} throws
   */
  delete(
    bucketName: string,
    key: string,
    options: { versionId?: string; condition: WriteCondition; now: number },
  ): Deletion {
    return this.#database.transaction(() => {
      const bucket = this.#buckets.get(bucketName);
      checkWrite(options.condition, key, this.#existing(bucketName, key));
      if (options.versionId !== undefined) {
        const version = this.find(bucketName, key, options.versionId);
        if (version) this.#remove(version);
        return { versionId: options.versionId, deleteMarker: version?.deleteMarker || undefined };
      }
      if (bucket.versioning === undefined) {
        const version = this.find(bucketName, key, NULL_VERSION);
        if (version) this.#remove(version);
        return {};
      }
      const marker = this.#insertVersion(bucket, deletedObject(bucketName, key, options.now), true);
      return { versionId: marker.versionId, deleteMarker: true };
    });
  }

  setTags(version: ObjectVersion, tags: Tags): void {
    this.#database.run("UPDATE versions SET tags = ? WHERE seq = ?", JSON.stringify(tags), version.seq);
  }

  /** All versions of the keys from `from` up to but not including `until`: keys in byte order, newest version first. */
  *versions(bucket: string, from: Buffer, until: Buffer): Generator<ListedVersion> {
    let previous: Buffer | undefined;
    const rows = this.#database.iterate<VersionRow>(
      "SELECT * FROM versions WHERE bucket = ? AND key >= ? AND key < ? ORDER BY key, seq DESC",
      bucket,
      from,
      until,
    );
    for (const row of rows) {
      const key = Buffer.from(row.key);
      yield { key, version: versionOf(row), latest: previous === undefined || !key.equals(previous) };
      previous = key;
    }
  }

  /** The current objects of the keys from `from` up to but not including `until`. */
  *objects(bucket: string, from: Buffer, until: Buffer): Generator<ListedVersion> {
    for (const listed of this.versions(bucket, from, until)) {
      if (listed.latest && !listed.version.deleteMarker) yield listed;
    }
  }

  /** What a condition is judged by: a delete marker counts as nothing. */
  #existing(bucket: string, key: string): ObjectVersion | undefined {
    const current = this.current(bucket, key);
    return current?.deleteMarker ? undefined : current;
  }

  #insertVersion(bucket: Bucket, object: NewObject, deleteMarker: boolean): ObjectVersion {
    const versionId = bucket.versioning === "Enabled" ? randomBytes(24).toString("base64url") : NULL_VERSION;
    const replaced = this.find(object.bucket, object.key, versionId);
    if (replaced) this.#remove(replaced);
    const seq = this.#database.run(
      `INSERT INTO versions (bucket, key, version_id, delete_marker, size, etag, modified, headers, tags, checksum)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      object.bucket,
      Buffer.from(object.key),
      versionId,
      deleteMarker ? 1 : 0,
      object.size,
      object.etag,
      object.modified,
      JSON.stringify(object.headers),
      JSON.stringify(object.tags),
      object.checksum ? JSON.stringify(object.checksum) : null,
    );
    return { ...object, seq, versionId, deleteMarker };
  }

  #remove(version: ObjectVersion): void {
    this.#blobs.disown(this.segments(version).map(({ blob }) => blob));
    this.#database.run("DELETE FROM parts WHERE version = ?", version.seq);
    this.#database.run("DELETE FROM versions WHERE seq = ?", version.seq);
  }
}
