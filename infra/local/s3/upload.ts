import type { StoredPart, UploadChecksum } from "./assemble.ts";
import type { ChecksumAlgorithm, ChecksumType } from "./checksum.ts";
import { S3Error } from "./errors.ts";
import type { ObjectHeaders } from "./headers.ts";
import type { ObjectVersion } from "./object-version.ts";
import type { Tags } from "./tagging.ts";

/** An upload in parts, not completed yet. */
export interface Upload {
  id: string;
  bucket: string;
  key: string;
  /** Milliseconds. */
  initiated: number;
  headers: ObjectHeaders;
  tags: Tags;
  checksum?: UploadChecksum;
}

/** What a completed upload answers, also when it is completed again. */
export type Completed = Pick<ObjectVersion, "etag" | "versionId" | "checksum">;

/** A row of `uploads`. */
export interface UploadRow {
  id: string;
  bucket: string;
  key: Uint8Array;
  initiated: number;
  headers: string;
  tags: string;
  checksum_algorithm: ChecksumAlgorithm | null;
  checksum_type: ChecksumType | null;
  completed: string | null;
}

/** A row of `parts` that belongs to an upload. */
export interface PartRow extends Omit<StoredPart, "checksum"> {
  checksum: string | null;
}

export const uploadOf = (row: UploadRow): Upload => ({
  id: row.id,
  bucket: row.bucket,
  key: Buffer.from(row.key).toString("utf8"),
  initiated: row.initiated,
  headers: JSON.parse(row.headers),
  tags: JSON.parse(row.tags),
  checksum:
    row.checksum_algorithm && row.checksum_type
      ? { algorithm: row.checksum_algorithm, type: row.checksum_type }
      : undefined,
});

export const noSuchUpload = (id: string): S3Error =>
  new S3Error(
    "NoSuchUpload",
    `The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed: ${id}`,
  );
