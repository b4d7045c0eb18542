import { Readable } from "node:stream";
import {
  DeleteObjectsCommand,
  GetObjectCommand,
  paginateListObjectsV2,
  type S3Client,
} from "@aws-sdk/client-s3";
import type { ArchiveStore } from "./store.ts";

export function archiveStore(client: S3Client, bucket: string): ArchiveStore {
  return {
    async *list(prefix) {
      for await (const { Contents = [] } of paginateListObjectsV2(
        { client },
        { Bucket: bucket, Prefix: prefix },
      )) {
        for (const { Key = "", Size = 0, ETag = "", LastModified } of Contents) {
          yield { key: Key, size: Size, etag: ETag, modified: LastModified?.toISOString() ?? "" };
        }
      }
    },
    open: async ({ key, etag }) => {
      try {
        const { Body, ContentType: type } = await client.send(
          new GetObjectCommand({ Bucket: bucket, Key: key, IfMatch: etag }),
        );
        if (!(Body instanceof Readable)) throw new Error(`the object ${key} has no body`);
        return { body: Body, ...(type !== undefined && { type }) };
      } catch (error) {
        const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
        if (status === 404 || status === 412) return undefined;
        throw error;
      }
    },
    remove: async (keys) => {
      const { Errors: [failed] = [] } = await client.send(
        new DeleteObjectsCommand({
          Bucket: bucket,
          Delete: { Objects: keys.map((Key) => ({ Key })), Quiet: true },
        }),
      );
      // Keys that were deleted stay so: the next try finds fewer.
      if (failed)
        throw new Error(`the object ${failed.Key} was not deleted: ${failed.Code} ${failed.Message}`);
    },
  };
}
