import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  type GetObjectCommandInput,
  ListObjectVersionsCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  S3Client,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import { vi } from "vitest";
import { type S3Options, startS3 } from "../../infra/local/s3/server.ts";

/** Another S3 to hold to the same contract: LocalStack, MinIO, AWS. Credentials and region then come from the environment. */
export const otherEndpoint = process.env["AWS_ENDPOINT_URL_S3"];

export const clientOf = (endpoint: string): S3Client =>
  otherEndpoint === undefined
    ? new S3Client({
        endpoint,
        region: "us-east-1",
        credentials: { accessKeyId: "local", secretAccessKey: "local" },
        maxAttempts: 1,
      })
    : new S3Client({ endpoint, forcePathStyle: true, maxAttempts: 1 });

/** A service with a client. Leaving the scope empties and deletes what was made, and stops the service. */
export interface S3 extends AsyncDisposable {
  endpoint: string;
  client: S3Client;
  /** Makes an empty bucket of a new name. */
  createBucket(): Promise<string>;
  /** Of our own service. */
  pendingEvents(): number;
}

/** The service under test, or, when the environment names one, another. Options hold for our own alone. */
export async function startService(options: Partial<S3Options> = {}): Promise<S3> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), "s3-")));
  const own = otherEndpoint === undefined ? await startS3({ ...options, directory }) : undefined;
  const endpoint = own?.endpoint ?? otherEndpoint ?? "";
  const client = clientOf(endpoint);
  const buckets: string[] = [];
  return {
    endpoint,
    client,
    async createBucket() {
      const Bucket = `contract-${randomBytes(8).toString("hex")}`;
      await client.send(new CreateBucketCommand({ Bucket }));
      buckets.push(Bucket);
      return Bucket;
    },
    pendingEvents: () => own?.pendingEvents() ?? 0,
    async [Symbol.asyncDispose]() {
      if (!own) for (const Bucket of buckets) await deleteBucket(client, Bucket);
      client.destroy();
      await own?.close();
      if (options.directory === undefined) await rm(directory, { recursive: true, force: true });
    },
  };
}

async function deleteBucket(client: S3Client, Bucket: string): Promise<void> {
  for (;;) {
    const { Versions = [], DeleteMarkers = [] } = await client.send(
      new ListObjectVersionsCommand({ Bucket }),
    );
    const Objects = [...Versions, ...DeleteMarkers].map(({ Key, VersionId }) => ({ Key, VersionId }));
    if (Objects.length === 0) break;
    await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
  }
  await client.send(new DeleteBucketCommand({ Bucket }));
}

/** The usual calls on one bucket. */
export const objectsIn = (client: S3Client, Bucket: string) => ({
  put: (Key: string, Body: PutObjectCommandInput["Body"] = "x", rest: Partial<PutObjectCommandInput> = {}) =>
    client.send(new PutObjectCommand({ Bucket, Key, Body, ...rest })),
  get: (Key: string, rest: Partial<GetObjectCommandInput> = {}) =>
    client.send(new GetObjectCommand({ Bucket, Key, ...rest })),
  async text(Key: string, rest: Partial<GetObjectCommandInput> = {}): Promise<string | undefined> {
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key, ...rest }));
    return Body?.transformToString();
  },
});

/** The error code and HTTP status with which a call is refused. */
export async function refusal(call: Promise<unknown>): Promise<[code: string, status: number | undefined]> {
  try {
    await call;
  } catch (error) {
    if (error instanceof S3ServiceException) return [error.name, error.$metadata.httpStatusCode];
    throw error;
  }
  throw new Error("the call succeeded");
}

/** Waits for a state. Its limit is for a machine that is busy with something else. */
export const until = (state: () => boolean): Promise<unknown> =>
  vi.waitUntil(state, { timeout: 30_000, interval: 5 });
