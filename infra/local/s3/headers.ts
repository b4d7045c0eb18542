import { notImplemented, S3Error } from "./errors.ts";
import { limits } from "./limits.ts";

/** Headers of an object that come back as they were given, with the metadata under `x-amz-meta-`. */
export type ObjectHeaders = Record<string, string>;

const METADATA_PREFIX = "x-amz-meta-";

const kept = ["cache-control", "content-disposition", "content-language", "content-type", "expires"];

/** Text in the form in which Node carries header values: one character for each byte of its UTF-8. */
export const headerText = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

/**
 * The headers that an object keeps.
 *
 * @throws MetadataTooLarge above 2 KB of metadata names and values together
 */
export function objectHeaders(headers: ReadonlyMap<string, string>): ObjectHeaders {
  const object: ObjectHeaders = {};
  for (const name of kept) {
    const value = headers.get(name);
    if (value !== undefined) object[name] = value;
  }
  // `aws-chunked` describes the transfer, not the object.
  const encodings = headers
    .get("content-encoding")
    ?.split(",")
    .map((encoding) => encoding.trim());
  const encoding = encodings?.filter((name) => name !== "aws-chunked" && name !== "").join(",");
  if (encoding) object["content-encoding"] = encoding;
  let metadataBytes = 0;
  for (const [name, value] of headers) {
    if (!name.startsWith(METADATA_PREFIX)) continue;
    object[name] = value;
    metadataBytes += name.length - METADATA_PREFIX.length + value.length;
  }
  if (metadataBytes > limits.metadataBytes) {
    throw new S3Error(
      "MetadataTooLarge",
      `Your metadata headers exceed the maximum allowed metadata size: ${metadataBytes} of ${limits.metadataBytes} bytes.`,
    );
  }
  return object;
}

const understood = new Set([
  "x-amz-bypass-governance-retention",
  "x-amz-checksum-algorithm",
  "x-amz-checksum-crc32",
  "x-amz-checksum-crc32c",
  "x-amz-checksum-crc64nvme",
  "x-amz-checksum-mode",
  "x-amz-checksum-sha1",
  "x-amz-checksum-sha256",
  "x-amz-checksum-type",
  "x-amz-content-sha256",
  "x-amz-copy-source",
  "x-amz-copy-source-if-match",
  "x-amz-copy-source-if-modified-since",
  "x-amz-copy-source-if-none-match",
  "x-amz-copy-source-if-unmodified-since",
  "x-amz-copy-source-range",
  "x-amz-date",
  "x-amz-decoded-content-length",
  "x-amz-expected-bucket-owner",
  "x-amz-metadata-directive",
  "x-amz-mp-object-size",
  "x-amz-sdk-checksum-algorithm",
  "x-amz-security-token",
  "x-amz-skip-destination-validation",
  "x-amz-source-expected-bucket-owner",
  "x-amz-tagging",
  "x-amz-tagging-directive",
  "x-amz-trailer",
  "x-amz-user-agent",
]);

/**
 * What a laptop has no use for: access lists, encryption at rest, storage classes, billing, and an offer to append
 * digests to what is sent. Accepted and forgotten.
 */
const withoutEffect = new Set([
  "x-amz-acl",
  "x-amz-object-ownership",
  "x-amz-optional-object-attributes",
  "x-amz-request-payer",
  "x-amz-server-side-encryption",
  "x-amz-server-side-encryption-aws-kms-key-id",
  "x-amz-server-side-encryption-bucket-key-enabled",
  "x-amz-server-side-encryption-context",
  "x-amz-storage-class",
  "x-amz-te",
]);

/**
 * Refuses a request whose meaning depends on a header that this service does not know: an append
 * (`x-amz-write-offset-bytes`) must not be taken for a plain put.
 *
 * @throws NotImplemented
 */
export function checkHeadersKnown(headers: ReadonlyMap<string, string>): void {
  for (const name of headers.keys()) {
    if (!name.startsWith("x-amz-") || name.startsWith(METADATA_PREFIX) || name.startsWith("x-amz-grant-"))
      continue;
    if (!understood.has(name) && !withoutEffect.has(name)) {
      throw notImplemented(`A header you provided implies functionality that is not implemented: ${name}`);
    }
  }
}

/** The account that owns every bucket, as in the other local services. */
const OWNER_ACCOUNT = "000000000000";

/** @throws AccessDenied when the request expects the bucket of another account */
export function checkExpectedOwner(headers: ReadonlyMap<string, string>): void {
  for (const name of ["x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner"]) {
    const expected = headers.get(name);
    if (expected !== undefined && expected !== OWNER_ACCOUNT) {
      throw new S3Error(
        "AccessDenied",
        `Access Denied: ${name} is ${expected}, all buckets here belong to ${OWNER_ACCOUNT}.`,
      );
    }
  }
}
