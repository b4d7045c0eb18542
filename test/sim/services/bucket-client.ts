import { Readable } from "node:stream";
import {
  GetObjectCommand,
  type GetObjectCommandInput,
  HeadObjectCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  PutObjectCommand,
  type PutObjectCommandInput,
  S3Client,
} from "@aws-sdk/client-s3";
import { clientOf } from "../world/client.ts";
import type { Sandbox } from "../world/sandbox.ts";
import type { Call } from "../world/transport.ts";
import type { World } from "../world/world.ts";
import type { BucketModel } from "./bucket.ts";

export const BUCKET = "millrace-objects";

/** The SDK's client for S3, as far as it is used. The SDK's paginators take nothing else for one. */
export const bucketClient = (model: BucketModel, sandbox: Sandbox, world: World): S3Client =>
  Object.setPrototypeOf(
    clientOf<object>(sandbox, world, (command) => callOf(command, model, world)),
    S3Client.prototype,
  ) as S3Client;

function callOf(command: unknown, model: BucketModel, world: World): Call<unknown> {
  if (command instanceof PutObjectCommand) {
    const { input } = command;
    return { service: "s3", operation: "put", about: nameOf(input), execute: () => put(model, input) };
  }
  if (command instanceof GetObjectCommand) {
    const { input } = command;
    return { service: "s3", operation: "get", about: nameOf(input), execute: () => get(model, input) };
  }
  if (command instanceof HeadObjectCommand) {
    const key = nameOf(command.input);
    return { service: "s3", operation: "head", about: key, execute: () => head(model, key) };
  }
  if (command instanceof ListObjectsV2Command) {
    const { input } = command;
    const { Prefix = "" } = input;
    return { service: "s3", operation: "list", about: Prefix, execute: () => list(model, input, world) };
  }
  throw new Error(`the model of S3 does not know ${(command as object).constructor.name}`);
}

function nameOf({ Bucket, Key }: { Bucket: string | undefined; Key: string | undefined }): string {
  if (Bucket !== BUCKET) throw new Error(`there is no bucket ${Bucket}`);
  if (Key === undefined || Key === "") throw new Error("an object needs a key");
  return Key;
}

function put(model: BucketModel, { Key = "", Body, Metadata = {}, IfNoneMatch }: PutObjectCommandInput) {
  if (!(Body instanceof Uint8Array)) throw new Error("the model of S3 takes bytes only");
  if (IfNoneMatch !== undefined && IfNoneMatch !== "*") throw new Error(`IfNoneMatch is ${IfNoneMatch}`);
  const { etag, versionId } = model.put(Key, Buffer.from(Body), {
    metadata: Metadata,
    onlyIfNew: IfNoneMatch === "*",
  });
  return { ETag: etag, ...(versionId !== undefined && { VersionId: versionId }) };
}

function get(model: BucketModel, { Key = "", VersionId, IfMatch }: GetObjectCommandInput) {
  const { bytes, etag } = model.get({ key: Key, versionId: VersionId, etag: IfMatch });
  return { Body: Readable.from([bytes]), ContentLength: bytes.byteLength, ETag: etag };
}

function head(model: BucketModel, key: string) {
  const { bytes, etag, versionId, metadata } = model.head(key);
  return {
    ContentLength: bytes.byteLength,
    ETag: etag,
    Metadata: metadata,
    ...(versionId !== undefined && { VersionId: versionId }),
  };
}

const LARGEST_PAGE = 3;

function list(
  model: BucketModel,
  { Prefix = "", ContinuationToken }: ListObjectsV2CommandInput,
  world: World,
) {
  const keys = model.keysBelow(Prefix).sort();
  const left = ContinuationToken === undefined ? keys : keys.filter((key) => key > ContinuationToken);
  const page = left.slice(0, world.prng.between(1, LARGEST_PAGE));
  const last = page.length < left.length ? page.at(-1) : undefined;
  return {
    Contents: page.map((key) => {
      const { bytes, etag } = model.head(key);
      return { Key: key, Size: bytes.byteLength, ETag: etag };
    }),
    ...(last !== undefined && { NextContinuationToken: last, IsTruncated: true }),
  };
}
