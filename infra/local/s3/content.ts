import type { ChecksumAlgorithm } from "./checksum.ts";
import { checkCopySource, readCondition } from "./conditions.ts";
import { S3Error } from "./errors.ts";
import { limits } from "./limits.ts";
import type { ObjectVersion } from "./object-version.ts";
import { type Measured, measure, receive } from "./payload.ts";
import type { ByteRange } from "./range.ts";
import { parseCopySource, type S3Request } from "./request.ts";
import type { Service } from "./service.ts";

/** Content that lies in a blob of its own and belongs to nothing yet. */
export interface WrittenContent extends Measured {
  blob: number;
}

/**
 * Writes a request's body to a blob and hands it over. If either fails, the blob goes away again.
 *
 * @param algorithm of the checksum to compute when the request brings none
 * @param commit makes the blob part of an object or upload, in one transaction
 */
export async function storeBody<Result>(
  service: Service,
  request: S3Request,
  algorithm: ChecksumAlgorithm | undefined,
  commit: (content: WrittenContent) => Result,
): Promise<Result> {
  const { headers } = request;
  if (!headers.has("content-length") && !headers.has("x-amz-decoded-content-length")) {
    throw new S3Error("MissingContentLength", "You must provide the Content-Length HTTP header.");
  }
  const { blob, result } = await service.blobs.write((append) =>
    receive(request, limits.singlePutBytes, append, algorithm),
  );
  return committing(service, { blob, ...result }, commit);
}

/** Copies a stretch of an object to a blob and hands it over, as {@link storeBody} does. */
export async function storeCopy<Result>(
  service: Service,
  source: ObjectVersion,
  options: { range: ByteRange; algorithm?: ChecksumAlgorithm },
  commit: (content: WrittenContent) => Result,
): Promise<Result> {
  const content = service.blobs.read(service.objects.segments(source), options.range);
  try {
    const { blob, result } = await service.blobs.write((append) =>
      measure(content, options.algorithm, append),
    );
    return committing(service, { blob, ...result }, commit);
  } finally {
    content.release();
  }
}

function committing<Result>(
  service: Service,
  content: WrittenContent,
  commit: (content: WrittenContent) => Result,
): Result {
  try {
    return commit(content);
  } catch (error) {
    service.blobs.discard(content.blob);
    throw error;
  }
}

/**
 * The object that a copy reads, its conditions checked.
 *
 * @throws what `ObjectStore.get` and {@link checkCopySource} throw
 */
export function copySource(service: Service, request: S3Request): ObjectVersion {
  const { bucket, key, versionId } = parseCopySource(request.headers.get("x-amz-copy-source") ?? "");
  const source = service.objects.get(bucket, key, versionId);
  checkCopySource(readCondition(request.headers, "x-amz-copy-source-"), source);
  return source;
}
