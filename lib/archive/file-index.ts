/** An archived file on record: version 1. */
export interface FileEntry {
  readonly v: 1;
  /** Relative to the archive path. */
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
  /** Media type. */
  readonly type: string;
  /** How far its data has been processed; absent when no pattern says so. */
  readonly level?: string;
  /** What was read to make the entry: an object of another ETag is read again. */
  readonly etag: string;
  /** ISO 8601. */
  readonly modified: string;
  /** The stage whose job archived it. */
  readonly generatedBy: string;
}

/** Which job's files are meant. */
export interface FileOwner {
  readonly pipeline: string;
  readonly id: string;
}

/** The files on record, job by job. */
export interface FileIndex {
  /** Ordered by the names' UTF-8 bytes. @param after a name: begins behind it */
  list(job: FileOwner, after?: string): AsyncIterable<FileEntry>;
  put(job: FileOwner, entry: FileEntry): Promise<void>;
  remove(job: FileOwner, name: string): Promise<void>;
}
