import { S3Error } from "./errors.ts";

/** Bytes of an object, both ends included. */
export interface ByteRange {
  first: number;
  last: number;
}

/**
 * Reads a `Range` header: `bytes=2-4`, `bytes=2-` or `bytes=-3`. Anything else, several ranges included, is ignored as
 * S3 ignores it, and the whole object is sent.
 *
 * @throws InvalidRange when no byte of the object lies inside
 */
export function parseRange(header: string | undefined, size: number): ByteRange | undefined {
  const [, from, to] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? "") ?? [];
  if (from === undefined || to === undefined || (from === "" && to === "")) return undefined;
  if (from !== "" && to !== "" && Number(to) < Number(from)) return undefined;
  const first = from === "" ? Math.max(0, size - Number(to)) : Number(from);
  const last = from === "" || to === "" ? size - 1 : Math.min(Number(to), size - 1);
  if (first > last) {
    throw new S3Error("InvalidRange", `The requested range is not satisfiable: ${header} of ${size} bytes`, {
      "content-range": `bytes */${size}`,
    });
  }
  return { first, last };
}

/**
 * Reads `x-amz-copy-source-range`, which unlike `Range` must name both ends and lie inside the source.
 *
 * @throws InvalidArgument
 */
export function parseCopyRange(header: string | undefined, size: number): ByteRange | undefined {
  if (header === undefined) return undefined;
  const [, first, last] = /^bytes=(\d{1,15})-(\d{1,15})$/.exec(header.trim()) ?? [];
  if (first === undefined || last === undefined || Number(first) > Number(last)) {
    throw new S3Error(
      "InvalidArgument",
      `The x-amz-copy-source-range value must be of the form bytes=first-last: ${header}`,
    );
  }
  if (Number(last) >= size) {
    throw new S3Error("InvalidArgument", `Range specified is not valid for source object of size: ${size}`);
  }
  return { first: Number(first), last: Number(last) };
}
