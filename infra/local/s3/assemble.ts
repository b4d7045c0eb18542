import { createHash } from "node:crypto";
import { type Checksum, type ChecksumAlgorithm, type ChecksumType, checksumOfParts } from "./checksum.ts";
import { S3Error } from "./errors.ts";
import { limits } from "./limits.ts";

/** A part that has been uploaded. */
export interface StoredPart {
  blob: number;
  number: number;
  /** Bytes. */
  size: number;
  /** Without quotes. */
  etag: string;
  /** Base64, with the upload's algorithm. */
  checksum?: string;
  /** Milliseconds. */
  modified: number;
}

/** A part as the request to complete the upload names it. */
export interface NamedPart {
  number: number;
  etag: string;
  checksum?: string;
}

/** How an upload wants its checksums. */
export interface UploadChecksum {
  algorithm: ChecksumAlgorithm;
  type: ChecksumType;
}

/** The object that an upload becomes. */
export interface Assembled {
  parts: StoredPart[];
  size: number;
  etag: string;
  checksum?: Checksum;
}

/**
 * Puts an upload's parts together as the request names them; parts that it does not name are left out.
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
 *
 * @throws MalformedXML, InvalidPartOrder, InvalidPart, EntityTooSmall, InvalidRequest
 */
export function assemble(
  named: readonly NamedPart[],
  stored: readonly StoredPart[],
  checksum: UploadChecksum | undefined,
): Assembled {
  if (named.length === 0) throw new S3Error("MalformedXML", "You must specify at least one part");
  const byNumber = new Map(stored.map((part) => [part.number, part]));
  const parts = named.map((part, index) => {
    const previous = named[index - 1];
    if (previous && previous.number >= part.number) {
      throw new S3Error("InvalidPartOrder", "The list of parts was not in ascending order.");
    }
    return uploadedPart(part, byNumber.get(part.number), checksum);
  });
  for (const part of parts.slice(0, -1)) {
    if (part.size < limits.minPartBytes) {
      throw new S3Error(
        "EntityTooSmall",
        `Your proposed upload is smaller than the minimum allowed size: part ${part.number} has ${part.size} of ${limits.minPartBytes} bytes`,
      );
    }
  }
  return {
    parts,
    size: parts.reduce((sum, part) => sum + part.size, 0),
    etag: etagOfParts(parts),
    checksum: checksum && checksumOfParts(checksum.algorithm, checksum.type, parts.map(withChecksum)),
  };
}

function uploadedPart(
  named: NamedPart,
  stored: StoredPart | undefined,
  checksum: UploadChecksum | undefined,
): StoredPart {
  if (stored?.etag !== named.etag) throw invalidPart(named, "it was not uploaded, or its ETag is another");
  if (!checksum) return stored;
  if (named.checksum === undefined && checksum.type === "COMPOSITE") {
    throw new S3Error(
      "InvalidRequest",
      `The upload was created using a ${checksum.algorithm.toLowerCase()} checksum. The complete request must include the checksum for each part. It was missing for part ${named.number} in the request.`,
    );
  }
  if (named.checksum !== undefined && named.checksum !== stored.checksum) {
    throw invalidPart(named, "its checksum is another");
  }
  return stored;
}

/** MD5 over the parts' MD5s, and how many there are: an ETag that tells an object in parts from a plain one. */
function etagOfParts(parts: readonly StoredPart[]): string {
  const md5 = createHash("md5");
  for (const part of parts) md5.update(Buffer.from(part.etag, "hex"));
  return `${md5.digest("hex")}-${parts.length}`;
}

const withChecksum = (part: StoredPart): { checksum: string; size: number } => ({
  checksum: part.checksum ?? "",
  size: part.size,
});

const invalidPart = (part: NamedPart, problem: string): S3Error =>
  new S3Error(
    "InvalidPart",
    `One or more of the specified parts could not be found: part ${part.number}: ${problem}.`,
  );
