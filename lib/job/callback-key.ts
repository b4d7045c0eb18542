import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import * as z from "zod";
import { type JobEvent, WORK_EVENTS } from "./machine.ts";

/**
 * Keys by which somebody else reports on a job. All have one form,
 *
 *     mk1.<kid>.<pipeline>.<job>.<attempt>.<expiry>.<scope>.<nonce>.<proof>
 *
 * so that a key says where its job's row is, and nothing else has to be looked up. Of a job that we dispatch, the proof is an
 * HMAC of the rest: the same key is made again when dispatching is repeated, and a forged one is refused before any row is
 * read. Of a job that an outsider made, the proof is random (256 bit) and the row keeps only the hash of the key.
 */

const VERSION = "mk1";
/** In place of a secret's id, when the key is random. */
export const RANDOM_KID = "0";
const FORM =
  /^mk1\.([a-z0-9-]{1,32})\.([a-z0-9-]{1,63})\.([0-9a-f-]{36})\.([1-9]\d{0,5})\.(\d{1,12})\.([a-z]{1,8})\.([0-9a-f]{32})\.([A-Za-z0-9_-]{43})$/;
const KEY_LENGTH = 512;

/** PipelineJobs: a job-specific password with a duration of 72 hours. */
export const KEY_SECONDS = 72 * 3600;

/**
 * What the holder may report: how the work gets on (a program in a pod), the work itself, or also what is made of its
 * results. Who may report the work may fetch its input and store its output as well.
 */
export const SCOPES = {
  progress: ["run", "update", "resource"],
  work: WORK_EVENTS,
  life: [...WORK_EVENTS, "index", "indexed", "validate", "validated", "reject", "finalize", "retire"],
} as const satisfies Record<string, readonly JobEvent[]>;
export type Scope = keyof typeof SCOPES;

export const allows = (scope: Scope, event: JobEvent): boolean =>
  SCOPES[scope].some((allowed) => allowed === event);

/** What a job's row knows of its key. */
export interface KeyRecord {
  readonly kid: string;
  /** Seconds since 1970. */
  readonly exp: number;
  /** A new one revokes every key made before. */
  readonly nonce: string;
  readonly scope: Scope;
  /** SHA-256 of a random key. */
  readonly hash?: string;
  /** SHA-256 of what must come with the key as `x-nonce`. */
  readonly second?: string;
  readonly isRevoked?: true;
}

/** What a key says of itself. */
export interface KeyClaims extends Pick<KeyRecord, "kid" | "exp" | "nonce" | "scope"> {
  readonly pipeline: string;
  readonly job: string;
  readonly attempt: number;
}

/**
 * The secrets that keys are derived from. Functions read them when they start: to rotate, add a secret first, make it current
 * when no function runs any more that does not know it, and take the old one away when its last key has died.
 */
export interface KeyRing {
  readonly current: string;
  readonly secrets: ReadonlyMap<string, Buffer>;
}

/** The name under which the ring is kept. Upper case: no definition can list it for a stage to read. */
export const KEY_RING_SECRET = "CALLBACK-KEYS";

/** Flat, because Secrets Manager can generate such a secret by itself: `{ "current": ID, ID: hexadecimal digits, … }`. */
const Stored = z.object({ current: z.string() }).catchall(z.string().regex(/^[0-9a-f]{64,}$/));
const KID = /^[a-z1-9][a-z0-9-]{0,31}$/;

/** @throws Error when the text is not a ring, or has no current secret; it says nothing of the text, which is secret */
export function readKeyRing(text: string): KeyRing {
  const result = Stored.safeParse(jsonIn(text));
  if (result.success) {
    const { current, ...secrets } = result.data;
    const kids = Object.keys(secrets);
    if (kids.includes(current) && kids.every((kid) => KID.test(kid))) {
      return { current, secrets: new Map(kids.map((kid) => [kid, Buffer.from(secrets[kid] ?? "", "hex")])) };
    }
  }
  throw new Error(
    'the secrets of callback keys are not { "current": ID, ID: 64 or more hexadecimal digits, … }',
  );
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What stands before the proof. */
const claimed = ({ kid, pipeline, job, attempt, exp, scope, nonce }: KeyClaims): string =>
  [VERSION, kid, pipeline, job, attempt, exp, scope, nonce].join(".");

/** The secret of an attempt that begins: the job's, or the current one when that was taken away since the attempt before. */
export const kidNow = (kid: string, ring: KeyRing): string => (ring.secrets.has(kid) ? kid : ring.current);

/** @throws Error when the ring no longer has the key's secret */
export function derivedKey(claims: KeyClaims, ring: KeyRing): string {
  const secret = ring.secrets.get(claims.kid);
  if (!secret) throw new Error(`there is no secret "${claims.kid}" to make a key of`);
  const text = claimed(claims);
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}

/** @param random 32 random bytes */
export const randomKey = (claims: Omit<KeyClaims, "kid">, random: Buffer): string =>
  `${claimed({ ...claims, kid: RANDOM_KID })}.${random.toString("base64url")}`;

export const isDerived = ({ kid }: Pick<KeyRecord, "kid">): boolean => kid !== RANDOM_KID;

export const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex");

/** What a text claims to be the key of; nothing of it is proved yet, unless its secret is one of ours and it is not. */
export function readKey(text: string): (KeyClaims & { readonly proof: string }) | undefined {
  const parts = text.length > KEY_LENGTH ? null : FORM.exec(text);
  if (!parts) return undefined;
  const [, kid = "", pipeline = "", job = "", attempt, exp, scope = "", nonce = "", proof = ""] = parts;
  if (!Object.hasOwn(SCOPES, scope)) return undefined;
  return {
    kid,
    pipeline,
    job,
    attempt: Number(attempt),
    exp: Number(exp),
    scope: scope as Scope,
    nonce,
    proof,
  };
}

/** Whether a key is old, or was not made by us. Answers without a row; of a random key it cannot tell. */
export function isForged(text: string, claims: KeyClaims, ring: KeyRing, now: number): boolean {
  if (now >= claims.exp * 1000) return true;
  if (!isDerived(claims)) return false;
  return !ring.secrets.has(claims.kid) || !isEqual(derivedKey(claims, ring), text);
}

/** Whether a key that is not forged is the row's, and what must come with it has come. */
export function isGranted(
  text: string,
  claims: KeyClaims,
  record: KeyRecord,
  second: string | undefined,
): boolean {
  if (record.isRevoked || isDerived(record) !== isDerived(claims) || record.nonce !== claims.nonce)
    return false;
  if (record.hash !== undefined && !isEqual(hashOf(text), record.hash)) return false;
  return record.second === undefined || isEqual(hashOf(second ?? ""), record.second);
}

/** In constant time, whatever the two are. */
const isEqual = (a: string, b: string): boolean =>
  timingSafeEqual(createHash("sha256").update(a).digest(), createHash("sha256").update(b).digest());

/** A text that others wrote, as it may be kept and shown: a program that prints its environment prints its key. */
export const withoutKeys = (text: string): string => text.replaceAll(/mk1(?:\.[A-Za-z0-9_-]+){8}/g, "[key]");
