import { Readable } from "node:stream";
import {
  GetObjectCommand,
  type GetObjectCommandInput,
  HeadObjectCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
} from "@aws-sdk/client-s3";
import { clientOf } from "../world/client.ts";
import type { Sandbox } from "../world/sandbox.ts";
import type { Call } from "../world/transport.ts";
import type { World } from "../world/world.ts";
import type { BucketModel } from "./bucket.ts";

export const BUCKET = "millrace-objects";

/** The SDK's client for S3, as far as it is used. */
export const bucketClient = (model: BucketModel, sandbox: Sandbox, world: World): S3Client =>
  clientOf(sandbox, world, (command) => callOf(command, model));

function callOf(command: unknown, model: BucketModel): Call<unknown> {
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
