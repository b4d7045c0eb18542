import type { Readable } from "node:stream";

/** An object as a listing shows it. */
export interface ArchivedObject {
  readonly key: string;
  readonly size: number;
  readonly etag: string;
  /** ISO 8601. */
  readonly modified: string;
}

/** The bucket, as far as archives are concerned. */
export interface ArchiveStore {
  /** What lies below a prefix, ordered by the keys' UTF-8 bytes. */
  list(prefix: string): AsyncIterable<ArchivedObject>;
  /** Exactly the object that was listed. Undefined when it is gone, or was replaced since. */
  open(object: ArchivedObject): Promise<{ readonly body: Readable; readonly type?: string } | undefined>;
  /** At most {@link REMOVED_AT_ONCE}. Earlier versions stay, where the bucket keeps versions. */
  remove(keys: readonly string[]): Promise<void>;
}

/** docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html: up to 1000 keys in a request. */
export const REMOVED_AT_ONCE = 1000;
