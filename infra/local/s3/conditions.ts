import { noSuchKey, notImplemented, S3Error } from "./errors.ts";

/** Preconditions of a write or a delete. */
export interface WriteCondition {
  ifMatch?: string;
  ifNoneMatch?: string;
}

/** Preconditions of a read, or of reading the source of a copy. */
export interface ReadCondition extends WriteCondition {
  ifModifiedSince?: string;
  ifUnmodifiedSince?: string;
}

interface Existing {
  /** Without quotes. */
  etag: string;
  /** Milliseconds. */
  modified: number;
}

export const writeCondition = (headers: ReadonlyMap<string, string>): WriteCondition => ({
  ifMatch: headers.get("if-match"),
  ifNoneMatch: headers.get("if-none-match"),
});

/** @param prefix `x-amz-copy-source-` for the source of a copy */
export const readCondition = (headers: ReadonlyMap<string, string>, prefix = ""): ReadCondition => ({
  ifMatch: headers.get(`${prefix}if-match`),
  ifNoneMatch: headers.get(`${prefix}if-none-match`),
  ifModifiedSince: headers.get(`${prefix}if-modified-since`),
  ifUnmodifiedSince: headers.get(`${prefix}if-unmodified-since`),
});

/**
 * Decides whether a write may replace what is there. To be called in the transaction that writes.
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
 *
 * @throws PreconditionFailed; NoSuchKey for `If-Match` when there is nothing (not 412: so does S3); NotImplemented for
 * `If-None-Match` with anything but `*`
 */
export function checkWrite(condition: WriteCondition, key: string, current: Existing | undefined): void {
  const { ifMatch, ifNoneMatch } = condition;
  if (ifNoneMatch !== undefined && ifNoneMatch !== "*") {
    throw notImplemented("If-None-Match on a write takes no other value than *.");
  }
  if (ifNoneMatch === "*" && current) throw failed("If-None-Match");
  if (ifMatch === undefined) return;
  if (!current) throw noSuchKey(key);
  if (!namesEtag(ifMatch, current.etag)) throw failed("If-Match");
}

/**
 * Decides a conditional read in the order of RFC 9110 §13.2.2; a modification time counts only where no ETag was given.
 *
 * @returns false when the client already has this content (304)
 * @throws PreconditionFailed
 */
export function checkRead(condition: ReadCondition, existing: Existing): boolean {
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince } = condition;
  if (ifMatch !== undefined) {
    if (!namesEtag(ifMatch, existing.etag)) throw failed("If-Match");
  } else if (seconds(ifUnmodifiedSince) < Math.floor(existing.modified / 1000)) {
    throw failed("If-Unmodified-Since");
  }
  if (ifNoneMatch !== undefined) return !namesEtag(ifNoneMatch, existing.etag);
  return !(seconds(ifModifiedSince) >= Math.floor(existing.modified / 1000));
}

/** The source of a copy knows no 304: a copy that is not wanted is refused. */
export function checkCopySource(condition: ReadCondition, source: Existing): void {
  if (!checkRead(condition, source)) throw failed("x-amz-copy-source-If-None-Match");
}

/** NaN, which compares false to everything, for a missing or unreadable date: such a condition is ignored. */
const seconds = (date: string | undefined): number => Math.floor(Date.parse(date ?? "") / 1000);

const namesEtag = (list: string, etag: string): boolean =>
  list.split(",").some((entry) => {
    const named = entry
      .trim()
      .replace(/^W\//, "")
      .replace(/^"(.*)"$/, "$1");
    return named === "*" || named === etag;
  });

const failed = (condition: string): S3Error =>
  new S3Error(
    "PreconditionFailed",
    `At least one of the pre-conditions you specified did not hold: ${condition}`,
  );
