import * as z from "zod/mini";
import "../schema-messages.ts";
import { StageFailure } from "../stage/failure.ts";
import { type Json, messageJson, parseJson } from "./json.ts";

/**
 * What travels in a queue: version 1 of the envelope. A token's data and objects stand in it when they are small
 * ({@link INLINE_BYTES}) and behind `payload` when they are not, so that ten envelopes share one billed chunk of 64 KB
 * and no token is too large for a message.
 *
 * The format is durable: messages written by one release are read by the next. A change raises `v`, keeps a reader of
 * the version before, and is written down in CHANGELOG.md.
 */

const Sha256 = z.string().check(z.regex(/^[0-9a-f]{64}$/));

/** An object in the bucket, of exactly one version where the bucket keeps versions. */
export const ObjectRef = z.strictObject({
  key: z.string().check(z.minLength(1)),
  size: z.int().check(z.minimum(0)),
  etag: z.string(),
  versionId: z.optional(z.string()),
  sha256: z.optional(Sha256),
});
export type ObjectRef = z.infer<typeof ObjectRef>;

/** What a stage works on and what it puts out. */
export const Payload = z.strictObject({ data: z.optional(z.custom<Json>()), objects: z.array(ObjectRef) });
export type Payload = z.infer<typeof Payload>;

/** A payload too large for an envelope: where it lies, and the hash that it must have. */
export const PayloadRef = z.strictObject({
  key: z.string().check(z.minLength(1)),
  size: z.int().check(z.minimum(0)),
  etag: z.string(),
  versionId: z.optional(z.string()),
  sha256: Sha256,
});
export type PayloadRef = z.infer<typeof PayloadRef>;

export const Envelope = z.strictObject({
  v: z.literal(1),
  /** The token. */
  id: z.uuid(),
  pipeline: z.string().check(z.minLength(1)),
  /** Fingerprint of the definition that sent it. */
  flowVersion: z.string(),
  edge: z.string().check(z.minLength(1)),
  /** The job that emitted it; absent for what arrived from outside. */
  parent: z.optional(z.uuid()),
  /** The token that arrived from outside and that this one descends from. */
  run: z.uuid(),
  hops: z.int().check(z.minimum(0)),
  payload: z.union([Payload, PayloadRef]),
  traceparent: z.string(),
  /** Milliseconds. */
  enqueuedAt: z.int(),
  /** It may have been sent before: whoever receives it reads the job's row before working. */
  resend: z.optional(z.literal(true)),
});
export type Envelope = z.infer<typeof Envelope>;

/** A payload of at most so many bytes of JSON travels in the envelope. */
export const INLINE_BYTES = 4096;

export const isSpilled = (payload: Payload | PayloadRef): payload is PayloadRef => "key" in payload;

export const encodeEnvelope = (envelope: Envelope): string => messageJson(envelope);

/** The longest piece of a foreign message that is quoted in an error. */
const QUOTED = 200;

/**
 * Reads a message's body.
 *
 * @throws StageFailure `malformed`, which no retry can mend
 */
export function decodeEnvelope(body: string): Envelope {
  let data: Json;
  try {
    data = parseJson(body);
  } catch (error) {
    throw new StageFailure(
      "malformed",
      `the message is not JSON (${(error as Error).message}): ${body.slice(0, QUOTED)}`,
    );
  }
  const result = Envelope.safeParse(data);
  if (result.success) return result.data;
  const version = (data as { v?: unknown } | null)?.v;
  const what =
    version === 1 || version === undefined
      ? z.prettifyError(result.error).replaceAll("\n", "; ")
      : `unknown version ${JSON.stringify(version)}`;
  throw new StageFailure(
    "malformed",
    `the message is not a token of version 1: ${what.slice(0, 2 * QUOTED)}`,
  );
}
