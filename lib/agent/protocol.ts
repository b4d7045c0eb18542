import * as z from "zod/mini";
import "../schema-messages.ts";
import { ObjectRef, PayloadRef } from "../token/envelope.ts";
import type { Json } from "../token/json.ts";
import { nameDefect } from "../token/object-name.ts";

/**
 * What the agent in a pod and the API say to each other, and the manifest that the agent leaves in the bucket: version 1.
 * A pod holds its job's key and no credentials of the cloud; every object goes by a URL that is good for one object and some
 * minutes.
 *
 * The manifest is durable: it is written last, once for each attempt, and says what the attempt has put out. Its format is
 * read by later releases; a change raises `v`.
 */

const Sha256 = z.string().check(z.regex(/^[0-9a-f]{64}$/));
const Size = z.int().check(z.minimum(0));

/** How many objects one request may ask URLs for. */
export const PAGE = 250;

/**
 * S3 takes no more than this in one request; what is larger would have to be sent in parts.
 * (docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html)
 */
export const MAX_FILE_BYTES = 5 * 1024 ** 3;

/** A pod's uid: a part of keys. */
export const PodUid = z.string().check(z.regex(/^[a-zA-Z0-9-]{1,64}$/));

/** S3 takes keys of 1024 bytes; what stands before the name has at most some 250. */
const MAX_NAME_BYTES = 512;

/** The name of an object below the pod's prefix: no way out of it, nothing that a terminal would obey. */
export const FileName = z.string().check(
  z.refine((name) => nameDefect(name) === undefined, {
    error: 'a relative path without empty, "." or ".." steps, and without control characters',
  }),
  z.refine((name) => Buffer.byteLength(name) <= MAX_NAME_BYTES, {
    error: `at most ${MAX_NAME_BYTES} bytes`,
  }),
);

/** What a pod's manifest tells the agent of an attempt that runs in it. */
export const AgentAttempt = z.strictObject({
  job: z.uuid(),
  attempt: z.int().check(z.minimum(1)),
  /** The job's own. */
  key: z.string().check(z.minLength(1)),
  /** Of several tokens in a pod: the one's folder below those for input and output. */
  folder: z.optional(z.string().check(z.regex(/^[0-9a-zA-Z-]{1,64}$/))),
  /** Where the program may report on the token, and by which key; it finds both in `token.json`. */
  callback: z.optional(z.strictObject({ url: z.string(), key: z.string() })),
});
export type AgentAttempt = z.infer<typeof AgentAttempt>;

/** `GET /v1/jobs/{job}/pod/input?from=N` */
export const InputPage = z.strictObject({
  token: z.string(),
  run: z.string(),
  attempt: z.int(),
  /** Absent beyond the first page. */
  data: z.optional(z.custom<Json>()),
  /** Where the data is read, as a `Payload`, that an answer cannot hold. */
  payload: z.optional(z.strictObject({ object: PayloadRef, url: z.string() })),
  objects: z.array(
    z.strictObject({
      /** A file's name, unlike every other of the token. */
      name: z.string(),
      object: ObjectRef,
      url: z.string(),
    }),
  ),
  /** Where the next page begins. */
  next: z.optional(z.int()),
});
export type InputPage = z.infer<typeof InputPage>;

/** `POST /v1/jobs/{job}/pod/uploads` */
export const UploadsRequest = z.strictObject({
  pod: PodUid,
  files: z
    .array(z.strictObject({ name: FileName, size: Size.check(z.maximum(MAX_FILE_BYTES)), sha256: Sha256 }))
    .check(z.minLength(1), z.maxLength(PAGE)),
});
export type UploadsRequest = z.infer<typeof UploadsRequest>;

/** A request that stores one object: PUT, with exactly these headers. */
export const Upload = z.strictObject({
  key: z.string(),
  url: z.string(),
  headers: z.record(z.string(), z.string()),
});
export type Upload = z.infer<typeof Upload>;

/** In the order in which they were asked for. */
export const UploadsAnswer = z.strictObject({ uploads: z.array(Upload) });

/** Whoever commits an attempt reads its manifest as a whole: 32 MiB, or 25,000 outputs, need some 350 MB (measured). */
export const MAX_MANIFEST_BYTES = 32 * 1024 ** 2;

/** `POST /v1/jobs/{job}/pod/manifest` */
export const ManifestRequest = z.strictObject({
  size: Size.check(z.maximum(MAX_MANIFEST_BYTES)),
  sha256: Sha256,
});
export type ManifestRequest = z.infer<typeof ManifestRequest>;

export const Manifest = z.strictObject({
  v: z.literal(1),
  job: z.string(),
  attempt: z.int(),
  pod: PodUid,
  outputs: z.array(z.strictObject({ data: z.optional(z.custom<Json>()), objects: z.array(ObjectRef) })),
});
export type Manifest = z.infer<typeof Manifest>;

/** `POST /v1/jobs/{job}/events` */
export const EventAnswer = z.object({
  applied: z.boolean(),
  state: z.optional(z.string()),
  reason: z.optional(z.string()),
});
export type EventAnswer = z.infer<typeof EventAnswer>;

/** Below an attempt's path. "_" begins names of our own. */
export const MANIFEST_NAME = "_manifest.json";
