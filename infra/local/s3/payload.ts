import { createHash } from "node:crypto";
import { decodeAwsChunked } from "./aws-chunked.ts";
import { type Checksum, type ChecksumAlgorithm, checksumHeader, startChecksum } from "./checksum.ts";
import { S3Error } from "./errors.ts";
import { type Integrity, readIntegrity } from "./integrity.ts";
import { limits } from "./limits.ts";
import type { S3Request } from "./request.ts";

/** What is known of content that has been read to its end. */
export interface Measured {
  /** Bytes. */
  size: number;
  /** Lower-case hex. */
  md5: string;
  checksum?: Checksum;
}

/** Called with each piece of content in order, awaited before the next one is read. */
export type TakePiece = (piece: Buffer) => void | Promise<void>;

/**
 * Reads a request's body once, piece by piece, and verifies all that the request said about it.
 *
 * @param algorithm of the checksum to compute when the request brings none
 * @throws BadDigest, XAmzContentSHA256Mismatch, IncompleteBody, EntityTooLarge; what was taken by then is not to be used
 */
export async function receive(
  request: S3Request,
  maxBytes: number,
  take: TakePiece,
  algorithm?: ChecksumAlgorithm,
): Promise<Measured> {
  const said = readIntegrity(request.headers);
  if ((said.length ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const trailers = new Map<string, string>();
  const pieces = said.chunked ? decodeAwsChunked(request.body, trailers) : request.body;
  const sha256 = said.sha256 === undefined ? undefined : createHash("sha256");
  const measured = await measure(
    pieces,
    said.checksum?.algorithm ?? algorithm,
    async (piece) => {
      sha256?.update(piece);
      await take(piece);
    },
    maxBytes,
  );
  verify(said, { ...measured, sha256: sha256?.digest("hex") }, trailers);
  return measured;
}

/**
 * Passes content on and takes its measures on the way.
 *
 * @throws EntityTooLarge
 */
export async function measure(
  pieces: AsyncIterable<Buffer>,
  algorithm: ChecksumAlgorithm | undefined,
  take: TakePiece,
  maxBytes: number = limits.singlePutBytes,
): Promise<Measured> {
  const md5 = createHash("md5");
  const checksum = algorithm && startChecksum(algorithm);
  let size = 0;
  for await (const piece of pieces) {
    size += piece.length;
    if (size > maxBytes) throw tooLarge(maxBytes);
    md5.update(piece);
    checksum?.update(piece);
    await take(piece);
  }
  return {
    size,
    md5: md5.digest("hex"),
    checksum: algorithm && checksum && { algorithm, type: "FULL_OBJECT", value: checksum.base64() },
  };
}

function verify(
  said: Integrity,
  found: Measured & { sha256?: string },
  trailers: ReadonlyMap<string, string>,
): void {
  if (said.length !== undefined && said.length !== found.size) {
    throw new S3Error(
      "IncompleteBody",
      `You did not provide the number of bytes specified: ${said.length} announced, ${found.size} received.`,
    );
  }
  if (said.sha256 !== found.sha256) {
    throw new S3Error(
      "XAmzContentSHA256Mismatch",
      "The provided 'x-amz-content-sha256' header does not match what was computed.",
    );
  }
  if (said.md5 !== undefined && said.md5 !== found.md5) {
    throw new S3Error("BadDigest", "The Content-MD5 you specified did not match what we received.");
  }
  if (said.checksum === undefined) return;
  const { algorithm } = said.checksum;
  const value = said.checksum.value ?? trailers.get(checksumHeader(algorithm));
  if (value === found.checksum?.value) return;
  if (value === undefined) {
    throw new S3Error("IncompleteBody", `The announced trailer ${checksumHeader(algorithm)} did not come.`);
  }
  throw new S3Error("BadDigest", `The ${algorithm} you specified did not match the calculated checksum.`);
}

const tooLarge = (maxBytes: number): S3Error =>
  new S3Error(
    "EntityTooLarge",
    `Your proposed upload exceeds the maximum allowed size of ${maxBytes} bytes.`,
  );

/**
 * Reads a request document into memory.
 *
 * @throws what {@link receive} throws
 */
export async function receiveText(request: S3Request): Promise<string> {
  const pieces: Buffer[] = [];
  await receive(request, limits.documentBytes, (piece) => {
    pieces.push(piece);
  });
  return Buffer.concat(pieces).toString("utf8");
}
