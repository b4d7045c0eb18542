import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, openAsBlob } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import type { Clock } from "../clock.ts";
import type { ObjectRef } from "../token/envelope.ts";
import { type AgentDependencies, failureOf } from "./agent-api.ts";
import { persist, Refused } from "./persist.ts";
import type { Upload } from "./protocol.ts";

/** Objects to files and files to objects, as streams: a file's size is bounded by the disk alone. */

/** A transfer may take as long as it needs, but not be silent for so long. */
const SILENCE_MS = 90_000;

/** The object is not there, or is another one than the token means. */
export class ObjectMissing extends Refused {
  constructor(message: string) {
    super(404, "object-missing", message);
  }
}

/** The URL is too old. A new one is to be had. */
export class UrlExpired extends Refused {
  constructor(message: string) {
    super(403, "url-expired", message);
  }
}

/** How often URLs are asked for anew for one and the same work. */
const RENEWALS = 20;

/** Does what needs URLs once more, with new ones, when they have grown too old: on the way, or while a service was away. */
export async function renewing<T>(work: () => Promise<T>): Promise<T> {
  for (let renewals = 0; ; renewals += 1) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof UrlExpired) || renewals === RENEWALS) throw error;
    }
  }
}

/**
 * Brings an object into a file. A connection that breaks is taken up where it broke.
 *
 * @param file is there when this resolves, whole and checked; until then it has another name
 * @throws ObjectMissing, UrlExpired
 */
export async function download(
  url: string,
  object: ObjectRef,
  file: string,
  dependencies: AgentDependencies,
): Promise<void> {
  // No file of a token begins with a dot.
  const part = join(dirname(file), `.${basename(file)}.part`);
  await persist(async () => {
    const has = await sizeOf(part);
    if (has > object.size) await rm(part);
    if (has < object.size || object.size === 0)
      await receive(url, object, part, Math.min(has, object.size), dependencies);
    const size = await sizeOf(part);
    if (size !== object.size) throw new Error(`${object.key} broke off at ${size} of ${object.size} bytes`);
  }, dependencies);
  if (object.sha256 !== undefined && (await sha256Of(part)) !== object.sha256) {
    await rm(part);
    throw new ObjectMissing(`${object.key} is not the object that the token means: its SHA-256 is another`);
  }
  await rename(part, file);
}

async function receive(
  url: string,
  object: ObjectRef,
  part: string,
  from: number,
  { fetch, clock }: AgentDependencies,
): Promise<void> {
  const silence = new AbortController();
  const alive = watchdog(silence, clock);
  try {
    const response = await fetch(url, {
      headers: {
        ...(from > 0 && { range: `bytes=${from}-` }),
        // Whoever replaced it meanwhile replaced it for later tokens. A version cannot be replaced.
        ...(object.versionId === undefined && object.etag !== "" && { "if-match": object.etag }),
      },
      redirect: "error",
      signal: silence.signal,
    });
    if (response.status === 404 || response.status === 412)
      throw new ObjectMissing(`${object.key} is not there, or was replaced`);
    if (response.status === 403) throw new UrlExpired(`the URL of ${object.key} is no longer good`);
    if (!response.ok || !response.body) throw await failureOf(response, object.key);
    // A server that does not do ranges sends all of it.
    const isWhole = response.status === 200;
    const out = createWriteStream(part, { flags: isWhole ? "w" : "a" });
    await pipeline(Readable.fromWeb(response.body as ReadableStream), alive.through(), out);
  } finally {
    alive.stop();
  }
}

/** Aborts when nothing has moved for a while. */
function watchdog(controller: AbortController, clock: Clock) {
  let last = clock.now();
  const look = (): void => {
    if (clock.now() - last >= SILENCE_MS)
      controller.abort(new Error(`nothing came for ${SILENCE_MS / 1000} s`));
    else cancel = clock.schedule(last + SILENCE_MS, look);
  };
  let cancel = clock.schedule(last + SILENCE_MS, look);
  return {
    through: () =>
      new Transform({
        transform(chunk, _encoding, done) {
          last = clock.now();
          done(null, chunk);
        },
      }),
    stop: (): void => cancel(),
  };
}

/**
 * Stores a file as an object.
 *
 * @returns the object, or undefined when there was one already and the upload was only to be the first
 * @throws UrlExpired
 */
export async function upload(
  { key, url, headers }: Upload,
  file: { readonly path: string; readonly size: number; readonly sha256: string },
  dependencies: AgentDependencies,
): Promise<ObjectRef | undefined> {
  return persist(async () => {
    // Read from the disk as it is sent; its size is known before, as S3 demands.
    const body = await openAsBlob(file.path);
    const response = await dependencies.fetch(url, { method: "PUT", headers, body, redirect: "error" });
    if (response.status === 412) return undefined;
    if (response.status === 403) throw new UrlExpired(`the URL of ${key} is no longer good`);
    // Two wrote at once, and S3 did not decide which was the first.
    if (response.status === 409) throw new Error(`${key}: 409, another upload is under way`);
    if (!response.ok) throw await failureOf(response, key);
    await response.arrayBuffer();
    const versionId = response.headers.get("x-amz-version-id");
    return {
      key,
      size: file.size,
      etag: response.headers.get("etag") ?? "",
      sha256: file.sha256,
      ...(versionId !== null && versionId !== "null" && { versionId }),
    };
  }, dependencies);
}

/** Hexadecimal. */
export async function sha256Of(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}

const sizeOf = async (file: string): Promise<number> => {
  const found = await stat(file).catch(() => undefined);
  return found?.size ?? 0;
};

/** Runs tasks, so many at once, and answers in order. The first error ends it. */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  atOnce: number,
  task: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = new Array(items.length);
  let next = 0;
  let failed = false;
  const worker = async (): Promise<void> => {
    while (next < items.length && !failed) {
      const index = next;
      next += 1;
      try {
        results[index] = await task(items[index] as Item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return results;
}
