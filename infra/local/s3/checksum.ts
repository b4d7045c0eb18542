import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { type CrcAlgorithm, crc32c, crc64nvme, joinCrcs } from "./crc.ts";
import { invalidArgument, notImplemented, S3Error } from "./errors.ts";
import { element, type Xml } from "./xml.ts";

export const checksumAlgorithms = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"] as const;
export type ChecksumAlgorithm = (typeof checksumAlgorithms)[number];

/** FULL_OBJECT: over all bytes. COMPOSITE: over the parts' checksums, written `<base64>-<number of parts>`. */
export type ChecksumType = "FULL_OBJECT" | "COMPOSITE";

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html */
export interface Checksum {
  algorithm: ChecksumAlgorithm;
  type: ChecksumType;
  value: string;
}

/** A checksum that is still being fed. */
export interface RunningChecksum {
  update(chunk: Uint8Array): void;
  base64(): string;
}

export function startChecksum(algorithm: ChecksumAlgorithm): RunningChecksum {
  switch (algorithm) {
    case "CRC32":
      return running32((chunk, previous) => crc32(chunk, previous));
    case "CRC32C":
      return running32(crc32c);
    case "CRC64NVME": {
      let value = 0n;
      return {
        update: (chunk) => {
          value = crc64nvme(chunk, value);
        },
        base64: () => crcBase64(value, 8),
      };
    }
    case "SHA1":
    case "SHA256": {
      const hash = createHash(algorithm);
      return { update: (chunk) => hash.update(chunk), base64: () => hash.digest("base64") };
    }
    default:
      throw new TypeError(`no such checksum algorithm: ${algorithm satisfies never}`);
  }
}

function running32(next: (chunk: Uint8Array, previous: number) => number): RunningChecksum {
  let value = 0;
  return {
    update: (chunk) => {
      value = next(chunk, value);
    },
    base64: () => crcBase64(BigInt(value), 4),
  };
}

const crcBase64 = (value: bigint, bytes: number): string =>
  Buffer.from(value.toString(16).padStart(bytes * 2, "0"), "hex").toString("base64");

/** The checksum of an object made of these parts, in order. */
export function checksumOfParts(
  algorithm: ChecksumAlgorithm,
  type: ChecksumType,
  parts: readonly { checksum: string; size: number }[],
): Checksum {
  if (type === "FULL_OBJECT") return { algorithm, type, value: joined(crcName(algorithm), parts) };
  const overall = startChecksum(algorithm);
  for (const part of parts) overall.update(Buffer.from(part.checksum, "base64"));
  return { algorithm, type, value: `${overall.base64()}-${parts.length}` };
}

function joined(algorithm: CrcAlgorithm, parts: readonly { checksum: string; size: number }[]): string {
  const number = (base64: string) => BigInt(`0x${Buffer.from(base64, "base64").toString("hex")}`);
  const total = parts.reduce((sum, part) => joinCrcs(algorithm, sum, number(part.checksum), part.size), 0n);
  return crcBase64(total, algorithm === "CRC64NVME" ? 8 : 4);
}

function crcName(algorithm: ChecksumAlgorithm): CrcAlgorithm {
  if (algorithm === "SHA1" || algorithm === "SHA256") throw fullObjectRefused(algorithm);
  return algorithm;
}

const fullObjectRefused = (algorithm: string): S3Error =>
  new S3Error(
    "InvalidRequest",
    `The FULL_OBJECT checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`,
  );

/**
 * The algorithm that a header names.
 *
 * @throws InvalidArgument; NotImplemented for S3's newer algorithms, which this service does not compute
 */
export function checksumAlgorithm(given: string): ChecksumAlgorithm {
  const known = checksumAlgorithms.find((algorithm) => algorithm === given.toUpperCase());
  if (known) return known;
  if (/^(MD5|SHA512|XXHASH\d+)$/i.test(given)) throw notImplemented(`checksum algorithm ${given}`);
  throw invalidArgument(`Checksum algorithm provided is unsupported: ${given}`);
}

/**
 * The type of an upload in parts: CRC-64/NVME is always over the whole object, SHA never is, CRC-32(C) can be either.
 *
 * @throws InvalidRequest for a combination that does not exist; InvalidArgument for an unknown type
 */
export function checksumType(algorithm: ChecksumAlgorithm, given: string | undefined): ChecksumType {
  if (given === undefined) return algorithm === "CRC64NVME" ? "FULL_OBJECT" : "COMPOSITE";
  if (given === "FULL_OBJECT") {
    crcName(algorithm);
    return given;
  }
  if (given !== "COMPOSITE")
    throw invalidArgument(`Value for x-amz-checksum-type header is invalid: ${given}`);
  if (algorithm === "CRC64NVME") {
    throw new S3Error(
      "InvalidRequest",
      "The COMPOSITE checksum type cannot be used with the crc64nvme algorithm.",
    );
  }
  return given;
}

export const checksumHeader = (algorithm: ChecksumAlgorithm): string =>
  `x-amz-checksum-${algorithm.toLowerCase()}`;

/** Response headers that state a checksum. */
export const checksumHeaders = (checksum: Checksum | undefined): Record<string, string> =>
  checksum === undefined
    ? {}
    : { [checksumHeader(checksum.algorithm)]: checksum.value, "x-amz-checksum-type": checksum.type };

/** Elements that state a checksum inside a response document. */
export const checksumElements = (checksum: Checksum | undefined): Xml[] =>
  checksum === undefined
    ? []
    : [element(`Checksum${checksum.algorithm}`, checksum.value), element("ChecksumType", checksum.type)];
