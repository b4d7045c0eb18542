import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import type { LogLevel } from "../../../lib/job/record.ts";
import { failureOf, type StageFailure } from "../../../lib/stage/failure.ts";
import type { CheckedOutput } from "../../../lib/stage/outputs.ts";
import type { StageDefinition, Token } from "../../../lib/stage/stage.ts";
import {
  type Attempt,
  handlerWork,
  type Work,
  type WorkDependencies,
  type Worked,
  WorkFailed,
} from "../../../lib/stage/work.ts";
import type { ObjectRef } from "../../../lib/token/envelope.ts";
import type { Body, ObjectStore } from "../../../lib/token/objects.ts";
import { VirtualClock } from "../../virtual-clock.ts";

/** Everything around one attempt, as a test wants it: a bucket in memory, a clock that stands still, a log to look at. */

export const TOKEN: Token = {
  id: "3ca20f7b-9b2d-5f6c-ba76-6c2c6eb1565c",
  run: "3ca20f7b-9b2d-5f6c-ba76-6c2c6eb1565c",
  data: { text: "one two" },
  objects: [],
  attempt: 1,
};

export const ATTEMPT: Attempt = {
  job: "b366ef81-43db-51dc-b35d-70e5629bea9a",
  token: TOKEN,
  prefix: "out/scans/ocr/token-1/attempt-1/",
  resultPrefix: "results/scans/",
  timeoutMs: 30_000,
  routing: {
    fanout: "copy",
    edges: [
      { id: "ocr_publish", to: "publish" },
      { id: "ocr_index", to: "index" },
    ],
  },
};

export interface Surroundings extends WorkDependencies {
  readonly clock: VirtualClock;
  /** What lies in the bucket, by key. */
  readonly bucket: Map<string, Buffer>;
  /** `level message`, in order. */
  readonly said: string[];
}

export function surroundings(): Surroundings {
  const bucket = new Map<string, Buffer>();
  const said: string[] = [];
  return {
    clock: new VirtualClock(),
    bucket,
    said,
    objects: memoryStore(bucket),
    secrets: { get: async (name) => ({ SECRET_NAME: name, PASSPHRASE: "tell nobody" }) },
    log: (level: LogLevel, message) => said.push(`${level} ${message}`),
  };
}

export function memoryStore(bucket: Map<string, Buffer>): ObjectStore {
  const owners = new Map<string, string>();
  const put = async (key: string, body: Body): Promise<ObjectRef> => {
    const bytes = body instanceof Readable ? await buffer(body) : Buffer.from(body);
    bucket.set(key, bytes);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    return { key, size: bytes.length, etag: `"${key.length}"`, sha256 };
  };
  return {
    put,
    putNew: async (key, body, owner) => {
      const existed = owners.has(key) && owners.get(key) !== owner;
      if (existed) return { object: { key, size: 0, etag: '"theirs"' }, existed };
      owners.set(key, owner);
      return { object: await put(key, body), existed };
    },
    exists: async (key) => bucket.has(key),
    read: async ({ key }) => Readable.from([bucket.get(key) ?? Buffer.alloc(0)]),
  };
}

export const outputsOf = async (
  work: Work,
  attempt: Attempt = ATTEMPT,
  around: WorkDependencies = surroundings(),
): Promise<readonly CheckedOutput[]> => (await work(attempt, around)).outputs;

/** Runs a handler's attempt. */
export const tried = (
  run: StageDefinition["run"],
  around: WorkDependencies = surroundings(),
  attempt: Attempt = ATTEMPT,
): Promise<Worked> => handlerWork({ run })(attempt, around);

/** The failure that an attempt ends with, and the log that it leaves. */
export async function failureIn(
  worked: Promise<Worked>,
): Promise<{ failure: StageFailure; log: readonly string[] }> {
  try {
    await worked;
  } catch (error) {
    if (!(error instanceof WorkFailed)) throw error;
    return {
      failure: failureOf(error.cause),
      log: error.log.map(({ level, message }) => `${level} ${message}`),
    };
  }
  throw new Error("the attempt succeeded");
}
