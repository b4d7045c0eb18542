import type { Checksum } from "./checksum.ts";
import type { ObjectHeaders } from "./headers.ts";
import type { Tags } from "./tagging.ts";

/** The version id of everything written while versioning was not enabled. */
export const NULL_VERSION = "null";

/** What a put, a copy or a completed upload states about the object that it writes. */
export interface NewObject {
  bucket: string;
  key: string;
  size: number;
  /** Without quotes. */
  etag: string;
  headers: ObjectHeaders;
  tags: Tags;
  checksum?: Checksum;
  /** Milliseconds. */
  modified: number;
}

/** One version of an object, or a delete marker. */
export interface ObjectVersion extends NewObject {
  /** Grows with every version that is written, over all keys. */
  seq: number;
  versionId: string;
  deleteMarker: boolean;
}

/** A row of `versions`. */
export interface VersionRow {
  seq: number;
  bucket: string;
  key: Uint8Array;
  version_id: string;
  delete_marker: number;
  size: number;
  etag: string;
  modified: number;
  headers: string;
  tags: string;
  checksum: string | null;
}

/** What a delete marker states. */
export const deletedObject = (bucket: string, key: string, modified: number): NewObject => ({
  bucket,
  key,
  size: 0,
  etag: "",
  headers: {},
  tags: [],
  modified,
});

export function versionOf(row: VersionRow): ObjectVersion {
  return {
    seq: row.seq,
    bucket: row.bucket,
    key: Buffer.from(row.key).toString("utf8"),
    versionId: row.version_id,
    deleteMarker: row.delete_marker === 1,
    size: row.size,
    etag: row.etag,
    modified: row.modified,
    headers: JSON.parse(row.headers),
    tags: JSON.parse(row.tags),
    checksum: row.checksum === null ? undefined : JSON.parse(row.checksum),
  };
}
