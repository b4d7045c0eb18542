import { createHash } from "node:crypto";
import { pipeline, Readable, Transform } from "node:stream";
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { StageFailure } from "../stage/failure.ts";
import type { ObjectRef } from "./envelope.ts";
import type { Body, ObjectStore } from "./objects.ts";

/** Our own SHA-256 of an object, kept beside it: an ETag is a hash of nothing in particular once parts are involved. */
export const SHA256_METADATA = "millrace-sha256";
/** The job that an object with a name of its own belongs to. */
const OWNER_METADATA = "millrace-owner";

/** With an owner, an object is stored only if there is none of that name. */
interface Writing {
  readonly key: string;
  readonly body: Body;
  readonly owner?: string;
}

export function objectStore(client: S3Client, bucket: string): ObjectStore {
  const store = (writing: Writing): Promise<ObjectRef> =>
    writing.body instanceof Readable
      ? upload(client, bucket, writing, writing.body)
      : putWhole(client, bucket, writing, writing.body);

  /** Two conditional writes of one key at once may both be told to come again (409); a stream cannot. */
  const storeNew = async (writing: Writing): Promise<ObjectRef> => {
    try {
      return await store(writing);
    } catch (error) {
      if (statusOf(error) !== 409 || writing.body instanceof Readable) throw error;
      return store(writing);
    }
  };

  return {
    put: (key, body) => store({ key, body }),
    putNew: async (key, body, owner) => {
      try {
        return { object: await storeNew({ key, body, owner }), existed: false };
      } catch (error) {
        if (statusOf(error) !== 412) throw error;
      }
      if (body instanceof Readable) body.destroy();
      const found = await describe(client, bucket, key);
      return { object: found.object, existed: found.owner !== owner };
    },
    exists: async (key) => {
      try {
        await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
        return true;
      } catch (error) {
        if (statusOf(error) === 404) return false;
        throw error;
      }
    },
    read: async ({ key, versionId, etag }) => {
      const version = versionId === undefined ? { IfMatch: etag } : { VersionId: versionId };
      try {
        const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key, ...version }));
        if (!(Body instanceof Readable)) throw new Error(`the object ${key} has no body`);
        return Body;
      } catch (error) {
        if (statusOf(error) !== 404 && statusOf(error) !== 412) throw error;
        throw new StageFailure(
          "object-missing",
          `the object s3://${bucket}/${key} is not there, or was replaced`,
          {
            cause: error,
          },
        );
      }
    },
  };
}

function onlyIfNew({ owner }: Writing): {
  metadata: Record<string, string>;
  condition: { IfNoneMatch?: string };
} {
  if (owner === undefined) return { metadata: {}, condition: {} };
  return { metadata: { [OWNER_METADATA]: owner }, condition: { IfNoneMatch: "*" } };
}

async function putWhole(
  client: S3Client,
  bucket: string,
  writing: Writing,
  body: string | Uint8Array,
): Promise<ObjectRef> {
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const { metadata, condition } = onlyIfNew(writing);
  const { ETag, VersionId } = await client.send(
    new PutObjectCommand({
      Bucket: bucket,
      Key: writing.key,
      Body: bytes,
      Metadata: { [SHA256_METADATA]: sha256, ...metadata },
      ...condition,
    }),
  );
  return refOf(writing.key, bytes.byteLength, { sha256, etag: ETag, versionId: VersionId });
}

/** A stream of unknown length: in parts, measured on its way. */
async function upload(
  client: S3Client,
  bucket: string,
  writing: Writing,
  body: Readable,
): Promise<ObjectRef> {
  const hash = createHash("sha256");
  let size = 0;
  const measured = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      size += chunk.length;
      done(null, chunk);
    },
  });
  // The upload reads `measured` and fails with whatever ended it, so that the pipeline's own answer is not needed.
  pipeline(body, measured, () => {});
  const { metadata, condition } = onlyIfNew(writing);
  const params = { Bucket: bucket, Key: writing.key, Body: measured, Metadata: metadata, ...condition };
  const { ETag, VersionId } = await new Upload({ client, params }).done();
  return refOf(writing.key, size, { sha256: hash.digest("hex"), etag: ETag, versionId: VersionId });
}

async function describe(
  client: S3Client,
  bucket: string,
  key: string,
): Promise<{ object: ObjectRef; owner: string | undefined }> {
  const {
    ContentLength = 0,
    ETag,
    VersionId,
    Metadata = {},
  } = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
  const object = refOf(key, ContentLength, {
    sha256: Metadata[SHA256_METADATA],
    etag: ETag,
    versionId: VersionId,
  });
  return { object, owner: Metadata[OWNER_METADATA] };
}

interface Stored {
  readonly sha256: string | undefined;
  readonly etag: string | undefined;
  readonly versionId: string | undefined;
}

function refOf(key: string, size: number, { sha256, etag = "", versionId }: Stored): ObjectRef {
  return {
    key,
    size,
    etag,
    ...(sha256 !== undefined && { sha256 }),
    // A bucket without versions answers "null" for some operations.
    ...(versionId !== undefined && versionId !== "null" && { versionId }),
  };
}

const statusOf = (error: unknown): number | undefined =>
  (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
