import { createHash } from "node:crypto";
import type { Commit, CommittedOutput, JobIdentity } from "../job/record.ts";
import type { Logger } from "../log.ts";
import { edgeOf } from "../plan/find.ts";
import type { PipelinePlan } from "../plan/plan.ts";
import type { Sender } from "../queue/sender.ts";
import {
  type Envelope,
  encodeEnvelope,
  INLINE_BYTES,
  isSpilled,
  Payload,
  type PayloadRef,
} from "../token/envelope.ts";
import { childTokenId, traceparent } from "../token/ids.ts";
import { type ObjectStore, readBytes } from "../token/objects.ts";
import type { CheckedOutput } from "./outputs.ts";

/**
 * From outputs to messages, in two halves with the commit between them: `storeOutputs` makes the list that the commit
 * decides on, `emit` sends what was committed. The second half may happen several times and in several places; it sends
 * the same tokens each time.
 */

/**
 * A list of outputs up to this size stands on the job's row. An update bills each kilobyte of the row; an object costs
 * as much as eight (S3 PUT $5, DynamoDB write $0.625 per million), and a read at every emission.
 */
const ROW_BYTES = 8192;

export interface Emission {
  readonly job: JobIdentity;
  readonly commit: Commit;
  readonly hops: number;
  /** It may have been sent before. */
  readonly resend: boolean;
  /** So many of the outputs are known to have been sent. */
  readonly sent: number;
}

export interface EmissionDependencies {
  readonly objects: ObjectStore;
  readonly sender: Sender;
  readonly now: () => number;
  /** Notes how many outputs have been sent. Only so that a long list is not begun anew each time; nothing relies on it. */
  readonly noteSent: (job: JobIdentity, count: number) => Promise<void>;
  readonly hasTime: () => boolean;
  readonly log: Logger;
}

/** Outputs that are sent before the count is noted: what a crash makes to be sent again, at most. */
const CHUNK = 500;

/**
 * Stores what is too large for an envelope or a row below the attempt's prefix, and answers what is to be committed. Objects are
 * named by their content: of two who report the end of one attempt, the second must not overwrite what the first commits.
 */
export async function storeOutputs(
  outputs: readonly CheckedOutput[],
  { attempt, prefix, to }: { attempt: string; prefix: string; to: readonly string[] },
  objects: ObjectStore,
): Promise<Commit> {
  const committed: CommittedOutput[] = [];
  for (let start = 0; start < outputs.length; start += PUTS_AT_ONCE) {
    const some = outputs.slice(start, start + PUTS_AT_ONCE);
    committed.push(...(await Promise.all(some.map((output) => storeOne(output, prefix, objects)))));
  }
  const tokens = committed.reduce((sum, output) => sum + (output.to ?? to).length, 0);
  const base = { attempt, count: outputs.length, tokens, to };
  if (Buffer.byteLength(JSON.stringify(committed)) <= ROW_BYTES) return { ...base, outputs: committed };
  const lines = committed.map((output) => JSON.stringify(output)).join("\n");
  return {
    ...base,
    manifest: await putText((sha256) => `${prefix}_manifest-${sha256}.ndjson`, lines, objects),
  };
}

/** More would only wait for each other's connections, and run out of their time. */
const PUTS_AT_ONCE = 50;

async function storeOne(
  { data, objects: refs, to }: CheckedOutput,
  prefix: string,
  objects: ObjectStore,
): Promise<CommittedOutput> {
  const whole = { ...(data !== undefined && { data }), objects: [...refs] };
  const payload = await spill(whole, (sha256) => `${prefix}_payload-${sha256}.json`, objects);
  return { payload, ...(to && { to }) };
}

/**
 * A payload as it travels: itself when it is small, otherwise where it lies.
 *
 * @param keyOf the object's key, by the content's SHA-256
 */
export async function spill(
  payload: Payload,
  keyOf: (sha256: string) => string,
  objects: ObjectStore,
): Promise<Payload | PayloadRef> {
  const text = JSON.stringify(payload);
  return Buffer.byteLength(text) <= INLINE_BYTES ? payload : putText(keyOf, text, objects);
}

async function putText(
  keyOf: (sha256: string) => string,
  text: string,
  objects: ObjectStore,
): Promise<PayloadRef> {
  const sha256 = createHash("sha256").update(text).digest("hex");
  const { key, size, etag, versionId } = await objects.put(keyOf(sha256), text);
  return { key, size, sha256, etag, ...(versionId !== undefined && { versionId }) };
}

/** @throws StageFailure `object-missing`; Error when the content is not what was stored */
export async function loadPayload(payload: Payload | PayloadRef, objects: ObjectStore): Promise<Payload> {
  return isSpilled(payload) ? Payload.parse(JSON.parse(await getText(payload, objects))) : payload;
}

async function getText(ref: PayloadRef, objects: ObjectStore): Promise<string> {
  const bytes = await readBytes(objects, ref);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  if (sha256 !== ref.sha256)
    throw new Error(`the object ${ref.key} has the SHA-256 ${sha256}, not ${ref.sha256}`);
  return bytes.toString("utf8");
}

/**
 * Resolves when the queues have every message of the commit.
 *
 * @throws Error when time runs out before; the next one who comes goes on where this one stopped
 */
export async function emit(
  emission: Emission,
  pipeline: PipelinePlan,
  dependencies: EmissionDependencies,
): Promise<void> {
  const { job, commit, sent } = emission;
  const outputs = await outputsOf(commit, dependencies.objects);
  for (let start = sent; start < outputs.length; start += CHUNK) {
    if (start > sent && !dependencies.hasTime()) {
      throw new Error(`time is over when ${start} of ${outputs.length} outputs have been sent`);
    }
    const chunk = outputs.slice(start, start + CHUNK);
    await Promise.all(
      chunk.flatMap((output, index) => sendOne(output, start + index, emission, pipeline, dependencies)),
    );
    if (start + CHUNK < outputs.length) await noteSent(job, start + CHUNK, dependencies);
  }
}

/** Only a help to whoever comes next: it may fail. */
async function noteSent(
  job: JobIdentity,
  count: number,
  { noteSent, log }: EmissionDependencies,
): Promise<void> {
  await noteSent(job, count).catch((error: unknown) => {
    log("warn", `the count of sent outputs was not noted: ${(error as Error).message}`, { job: job.id });
  });
}

/** @param index the output's place in the whole list: part of its tokens' ids */
function sendOne(
  { payload, to }: CommittedOutput,
  index: number,
  { job, commit, hops, resend }: Emission,
  pipeline: PipelinePlan,
  { sender, now }: EmissionDependencies,
): Promise<void>[] {
  return (to ?? commit.to).map((edge) => {
    const envelope: Envelope = {
      v: 1,
      id: childTokenId(job.id, edge, index),
      pipeline: job.pipeline,
      flowVersion: pipeline.version,
      edge,
      parent: job.id,
      run: job.run,
      hops: hops + 1,
      payload,
      traceparent: traceparent(job.run, job.id),
      enqueuedAt: now(),
      ...(resend && { resend: true as const }),
    };
    return sender.send(edgeOf(pipeline, edge).queue.name, encodeEnvelope(envelope));
  });
}

/** The outputs that were committed, wherever they stand. */
export async function outputsOf(
  { outputs, manifest }: Commit,
  objects: ObjectStore,
): Promise<readonly CommittedOutput[]> {
  if (outputs || !manifest) return outputs ?? [];
  const text = await getText(manifest, objects);
  return text.split("\n").map((line) => JSON.parse(line) as CommittedOutput);
}
