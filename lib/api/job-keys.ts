import {
  derivedKey,
  hashOf,
  type KeyRecord,
  type KeyRing,
  RANDOM_KID,
  randomKey,
} from "../job/callback-key.ts";
import { expiryFrom } from "../job/decide.ts";
import { hasToken, type LastingJob } from "../job/lasting.ts";
import type { ApiRequest } from "./http.ts";

export interface NewKey {
  readonly key: string;
  /** What must come with it, if anything must. */
  readonly nonce?: string;
  /** For the row. */
  readonly record: KeyRecord;
}

export interface KeyMaking {
  readonly ring: KeyRing;
  readonly randomBytes: (count: number) => Buffer;
  readonly now: number;
}

/** A new key of a job: derived when a token waits for it, random when an outsider made it. The row must keep its record. */
export function issueKey(
  job: LastingJob,
  { ring, randomBytes, now }: KeyMaking,
  withNonce = job.key?.second !== undefined,
): NewKey {
  const { pipeline, id, begun: attempt } = job;
  const nonce = randomBytes(16).toString("hex");
  const exp = expiryFrom(now, job.deadline);
  if (hasToken(job)) {
    const record: KeyRecord = { kid: ring.current, exp, nonce, scope: "work" };
    return { key: derivedKey({ ...record, pipeline, job: id, attempt }, ring), record };
  }
  const key = randomKey({ pipeline, job: id, attempt, exp, nonce, scope: "life" }, randomBytes(32));
  const second = withNonce ? randomBytes(16).toString("base64url") : undefined;
  return {
    key,
    ...(second !== undefined && { nonce: second }),
    record: {
      kid: RANDOM_KID,
      exp,
      nonce,
      scope: "life",
      hash: hashOf(key),
      ...(second !== undefined && { second: hashOf(second) }),
    },
  };
}

/**
 * What a batch system is told to notify, as PipelineJobs has it: Agave puts its status in the place of `${STATUS}`. The key
 * stands in it, because such a system can send no header.
 */
export function callbackUrl({ origin }: ApiRequest, job: string, key: string, nonce?: string): string {
  const second = nonce === undefined ? "" : `x-nonce=${nonce}&`;
  return `${origin}/v1/callbacks?${second}token=${key}&uuid=${job}&status=\${STATUS}`;
}
