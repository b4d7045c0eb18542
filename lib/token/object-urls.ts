import type { ObjectRef } from "./envelope.ts";

/** URLs by which somebody without credentials reads or stores one object, for some minutes. */
export interface ObjectUrls {
  read(object: Pick<ObjectRef, "key" | "versionId">): Promise<string>;
  /** @param onlyFirst there must be no such object yet */
  store(key: string, content: { size: number; sha256: string }, onlyFirst?: boolean): Promise<StoringUrl>;
}

/** A PUT with exactly these headers. */
export interface StoringUrl {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}
