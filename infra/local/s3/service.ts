import type { Clock } from "../../../lib/clock.ts";
import type { BlobStore, Content } from "./blob-store.ts";
import type { BucketStore } from "./bucket-store.ts";
import type { ObjectStore } from "./object-store.ts";
import type { S3Request } from "./request.ts";
import type { UploadStore } from "./upload-store.ts";

/** What the operations work on. */
export interface Service {
  clock: Clock;
  blobs: BlobStore;
  buckets: BucketStore;
  objects: ObjectStore;
  uploads: UploadStore;
}

export interface S3Response {
  status: number;
  /** An `undefined` one is not sent. */
  headers?: Record<string, string | undefined>;
  /** A document, or content that is streamed and then released. */
  body?: string | Content;
}

export type Handle = (service: Service, request: S3Request) => S3Response | Promise<S3Response>;

export const xmlResponse = (body: string, headers: S3Response["headers"] = {}): S3Response => ({
  status: 200,
  headers: { "content-type": "application/xml", ...headers },
  body,
});

export const emptyResponse = (status: 200 | 204, headers: S3Response["headers"] = {}): S3Response => ({
  status,
  headers,
});

/** S3 keeps times to the second; documents write them with an empty fraction. */
export const documentTime = (ms: number): string => new Date(Math.floor(ms / 1000) * 1000).toISOString();

/** For a `Last-Modified` header. */
export const headerTime = (ms: number): string => new Date(ms).toUTCString();

/** Buckets that never had versioning show no version ids. */
export const shownVersionId = (service: Service, bucket: string, versionId: string): string | undefined =>
  service.buckets.get(bucket).versioning === undefined ? undefined : versionId;
