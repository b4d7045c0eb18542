import type { Readable } from "node:stream";
import type { ObjectRef } from "./envelope.ts";

export type Body = string | Uint8Array | Readable;

/** The bucket, as the stages use it. */
export interface ObjectStore {
  /** Stores an object, streaming; the answer carries its size and SHA-256. */
  put(key: string, body: Body): Promise<ObjectRef>;
  /**
   * Stores an object unless there is one of that name. What the same owner stored before counts as its own: doing the
   * work again gives the same answer.
   *
   * @returns the object that is there now, and whether it was somebody else's
   */
  putNew(key: string, body: Body, owner: string): Promise<{ object: ObjectRef; existed: boolean }>;
  exists(key: string): Promise<boolean>;
  /** @throws StageFailure `object-missing` when it is not there, or no longer the same one */
  read(object: Pick<ObjectRef, "key" | "versionId" | "etag">): Promise<Readable>;
}

/** @throws StageFailure like {@link ObjectStore.read} */
export async function readBytes(
  store: ObjectStore,
  object: Parameters<ObjectStore["read"]>[0],
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of await store.read(object)) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks);
}
