import { Readable } from "node:stream";
import {
  GetObjectCommand,
  type GetObjectCommandInput,
  HeadObjectCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
} from "@aws-sdk/client-s3";
import type { Sandbox } from "../world/sandbox.ts";
import { send } from "../world/transport.ts";
import type { World } from "../world/world.ts";
import type { BucketModel } from "./bucket.ts";

export const BUCKET = "millrace-objects";

/** The SDK's client of one sandbox, as far as it is used. A command that it does not know is an error. */
export function bucketClient(model: BucketModel, sandbox: Sandbox, world: World): S3Client {
  const client = {
    send: (command: unknown): Promise<unknown> => send(callOf(command, model), sandbox, world),
  };
  return client as unknown as S3Client;
}

interface S3Call {
  readonly operation: string;
  readonly about: string;
  execute(): unknown;
}

function callOf(command: unknown, model: BucketModel): S3Call {
  if (command instanceof PutObjectCommand) {
    const { input } = command;
    return { operation: "s3.put", about: nameOf(input), execute: () => put(model, input) };
  }
  if (command instanceof GetObjectCommand) {
    const { input } = command;
    return { operation: "s3.get", about: nameOf(input), execute: () => get(model, input) };
  }
  if (command instanceof HeadObjectCommand) {
    const key = nameOf(command.input);
    return { operation: "s3.head", about: key, execute: () => head(model, key) };
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
