import { invalidArgument, S3Error } from "./errors.ts";

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;

/**
 * Limits of S3, enforced here as there.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html and
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
 */
export const limits = {
  keyBytes: 1024,
  metadataBytes: 2 * 1024,
  singlePutBytes: 5 * GiB,
  minPartBytes: 5 * MiB,
  parts: 10_000,
  pageEntries: 1000,
  deleteBatch: 1000,
  objectTags: 10,
  tagKeyLength: 128,
  tagValueLength: 256,
  presignedSeconds: 7 * 24 * 3600,
  /** Ours: the largest request document that is read into memory (10,000 parts with checksums are 3 MB). */
  documentBytes: 8 * MiB,
} as const;

/** @throws KeyTooLongError; InvalidURI when the key is not well-formed Unicode */
export function checkKey(key: string): void {
  if (!key.isWellFormed()) throw new S3Error("InvalidURI", "The key is not valid UTF-8.");
  const bytes = Buffer.byteLength(key);
  if (bytes > limits.keyBytes) {
    throw new S3Error(
      "KeyTooLongError",
      `Your key is too long: ${bytes} bytes, ${limits.keyBytes} are allowed.`,
    );
  }
}

const reservedPrefixes = ["xn--", "sthree-", "amzn-s3-demo-"];
const reservedSuffixes = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"];

/**
 * The rules for general purpose buckets: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
 *
 * @throws InvalidBucketName
 */
export function checkBucketName(name: string): void {
  const valid =
    /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) &&
    !name.includes("..") &&
    !/^\d+\.\d+\.\d+\.\d+$/.test(name) &&
    !reservedPrefixes.some((prefix) => name.startsWith(prefix)) &&
    !reservedSuffixes.some((suffix) => name.endsWith(suffix));
  if (!valid) throw new S3Error("InvalidBucketName", `The specified bucket is not valid: ${name}`);
}

/**
 * An entry count of a listing (`max-keys`, `max-parts`): at most a page, whatever is asked for.
 *
 * @throws InvalidArgument for anything but a non-negative integer
 */
export function pageSize(name: string, given: string | undefined): number {
  if (given === undefined || given === "") return limits.pageEntries;
  if (!/^\d{1,10}$/.test(given))
    throw invalidArgument(`Provided ${name} not an integer or within integer range: ${given}`);
  return Math.min(Number(given), limits.pageEntries);
}

/** @throws InvalidArgument outside 1..10,000 */
export function partNumber(given: string | undefined): number {
  const number = /^\d{1,5}$/.test(given ?? "") ? Number(given) : 0;
  if (number < 1 || number > limits.parts) {
    throw invalidArgument(
      `Part number must be an integer between 1 and ${limits.parts}, inclusive: ${given}`,
    );
  }
  return number;
}
