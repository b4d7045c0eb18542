import { type ChecksumAlgorithm, checksumAlgorithm, checksumAlgorithms, checksumHeader } from "./checksum.ts";
import { invalidArgument, S3Error } from "./errors.ts";

/** What a request says about its own body; everything said is verified. */
export interface Integrity {
  /** The body comes in `aws-chunked` framing. */
  chunked: boolean;
  /** Bytes without framing; `undefined` when the request does not say. */
  length?: number;
  /** Lower-case hex. */
  md5?: string;
  /** Lower-case hex, of the body as sent. */
  sha256?: string;
  /** Without a value it comes in a trailer. */
  checksum?: { algorithm: ChecksumAlgorithm; value?: string };
}

/**
 * Reads the integrity headers of a request.
 *
 * @throws InvalidDigest, InvalidRequest or InvalidArgument when they are malformed or contradict each other
 */
export function readIntegrity(headers: ReadonlyMap<string, string>): Integrity {
  const contentSha256 = headers.get("x-amz-content-sha256") ?? "";
  const chunked = contentSha256.startsWith("STREAMING-") || hasAwsChunked(headers.get("content-encoding"));
  return {
    chunked,
    length: bodyLength(headers, chunked),
    md5: contentMd5(headers.get("content-md5")),
    sha256: bodySha256(contentSha256),
    checksum: checksumHeaderOf(headers) ?? checksumTrailerOf(headers),
  };
}

const hasAwsChunked = (contentEncoding = ""): boolean =>
  contentEncoding.split(",").some((encoding) => encoding.trim() === "aws-chunked");

function bodyLength(headers: ReadonlyMap<string, string>, chunked: boolean): number | undefined {
  const name = chunked ? "x-amz-decoded-content-length" : "content-length";
  const given = headers.get(name);
  if (given === undefined) return undefined;
  if (!/^\d{1,15}$/.test(given)) throw invalidArgument(`Invalid ${name}: ${given}`);
  return Number(given);
}

function contentMd5(given: string | undefined): string | undefined {
  if (given === undefined) return undefined;
  const md5 = Buffer.from(given, "base64");
  if (md5.length === 16) return md5.toString("hex");
  throw new S3Error("InvalidDigest", `The Content-MD5 you specified was invalid: ${given}`);
}

/** Anything but a digest says that the body is not covered by the signature, or only chunk by chunk. */
function bodySha256(given: string): string | undefined {
  if (given === "" || given === "UNSIGNED-PAYLOAD" || given.startsWith("STREAMING-")) return undefined;
  if (/^[0-9a-f]{64}$/i.test(given)) return given.toLowerCase();
  throw invalidArgument(
    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-… or a valid sha256 value.",
  );
}

const valueBytes = { CRC32: 4, CRC32C: 4, CRC64NVME: 8, SHA1: 20, SHA256: 32 } as const;

function checksumHeaderOf(headers: ReadonlyMap<string, string>): Integrity["checksum"] {
  const given = checksumAlgorithms.filter((algorithm) => headers.has(checksumHeader(algorithm)));
  const [algorithm] = given;
  if (algorithm === undefined) return undefined;
  const name = checksumHeader(algorithm);
  if (given.length > 1) {
    throw new S3Error(
      "InvalidRequest",
      "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
    );
  }
  const value = headers.get(name) ?? "";
  if (Buffer.from(value, "base64").length !== valueBytes[algorithm]) {
    throw new S3Error("InvalidRequest", `Value for ${name} header is invalid.`);
  }
  return { algorithm, value };
}

function checksumTrailerOf(headers: ReadonlyMap<string, string>): Integrity["checksum"] {
  const trailer = headers.get("x-amz-trailer")?.toLowerCase().trim();
  if (trailer === undefined) {
    if (!headers.has("x-amz-sdk-checksum-algorithm")) return undefined;
    throw new S3Error(
      "InvalidRequest",
      "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.",
    );
  }
  if (!trailer.startsWith("x-amz-checksum-")) throw invalidArgument(`Unsupported trailer: ${trailer}`);
  return { algorithm: checksumAlgorithm(trailer.slice("x-amz-checksum-".length)) };
}
