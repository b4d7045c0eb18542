import * as z from "zod/mini";
import { type Clock, isoTime } from "../clock.ts";
import type { JobStore } from "../job/record.ts";
import { parkStray } from "../job/stray.ts";
import type { Logger } from "../log.ts";
import { edgeOf } from "../plan/find.ts";
import { arrivalPayloadKey } from "../plan/names.ts";
import type { InputPlan, PipelinePlan } from "../plan/plan.ts";
import { sendTogether } from "../queue/send-together.ts";
import type { BatchingSender, Sender } from "../queue/sender.ts";
import { spill } from "../stage/emission.ts";
import { StageFailure } from "../stage/failure.ts";
import { type Envelope, encodeEnvelope, type ObjectRef, type Payload } from "../token/envelope.ts";
import { objectTokenId, traceparent } from "../token/ids.ts";
import { type Json, parseJson } from "../token/json.ts";
import type { ObjectStore } from "../token/objects.ts";

/**
 * How tokens enter. Whatever arrives lies in the pipeline's intake queue first: from there on nothing can be lost. Each
 * message becomes an arrival on record and a token on the queue of its input; both are named by what arrived, so that a
 * message that comes twice, or is taken up again after a crash, is the same arrival and the same token.
 */

/** A token put by the API: version 1. */
export const PutMessage = z.strictObject({
  v: z.literal(1),
  kind: z.literal("put"),
  token: z.uuid(),
  input: z.string(),
  data: z.optional(z.custom<Json>()),
  /** What the caller calls it. */
  key: z.optional(z.string()),
});
export type PutMessage = z.infer<typeof PutMessage>;

/**
 * EventBridge's event for a new object, as far as it is used
 * (docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html). Its keys are plain, unlike those of S3's own notifications.
 */
const ObjectCreatedEvent = z.object({
  source: z.literal("aws.s3"),
  "detail-type": z.literal("Object Created"),
  detail: z.object({
    bucket: z.object({ name: z.string() }),
    object: z.object({
      key: z.string().check(z.minLength(1)),
      size: z.int().check(z.minimum(0)),
      etag: z.string(),
      "version-id": z.optional(z.string()),
      sequencer: z.optional(z.string()),
    }),
  }),
});
type ObjectCreatedEvent = z.infer<typeof ObjectCreatedEvent>;

interface Entering {
  readonly token: string;
  readonly input: InputPlan;
  readonly payload: Payload;
  readonly source?: string;
}

export interface IntakeDependencies {
  readonly clock: Clock;
  readonly jobs: JobStore;
  readonly sender: BatchingSender;
  readonly objects: ObjectStore;
  /** The bucket that uploads are expected in. */
  readonly bucket: string;
  readonly log: Logger;
}

/**
 * Takes in a batch.
 *
 * @returns the ids of the messages that are not done and must not be acknowledged
 */
export async function takeInBatch(
  messages: readonly Message[],
  pipeline: PipelinePlan,
  dependencies: IntakeDependencies,
): Promise<string[]> {
  const unsettled = await sendTogether(
    dependencies.sender,
    dependencies.clock,
    messages.map((message) => async (sender) => {
      try {
        await takeIn(message, pipeline, { ...dependencies, sender });
        return [];
      } catch (error) {
        dependencies.log("error", `not taken in: ${(error as Error).message}`, {
          message: message.messageId,
        });
        return [message.messageId];
      }
    }),
  );
  return unsettled.flat();
}

interface Message {
  readonly messageId: string;
  readonly body: string;
}

/** What one message is given: its own share of the sender. */
type EnteringDependencies = Omit<IntakeDependencies, "sender"> & { readonly sender: Sender };

/** Resolves when the message may be acknowledged. What cannot be read goes to the error bucket of the first input. */
async function takeIn(
  message: Message,
  pipeline: PipelinePlan,
  dependencies: EnteringDependencies,
): Promise<void> {
  let entering: Entering[];
  try {
    entering = readMessage(message.body, pipeline, dependencies.bucket);
  } catch (error) {
    if (!(error instanceof StageFailure)) throw error;
    const [edge] = pipeline.edges;
    if (!edge) throw new Error(`the pipeline ${pipeline.id} has no edge`);
    return parkStray(message, error, { pipeline, edge }, dependencies);
  }
  if (entering.length === 0)
    dependencies.log("info", "nothing enters by this message", { messageId: message.messageId });
  await Promise.all(entering.map((one) => enter(one, pipeline, dependencies)));
}

function readMessage(body: string, pipeline: PipelinePlan, bucket: string): Entering[] {
  let data: Json;
  try {
    data = parseJson(body);
  } catch (cause) {
    throw new StageFailure("malformed", `the message is not JSON: ${(cause as Error).message}`, { cause });
  }
  const put = PutMessage.safeParse(data);
  if (put.success) return [fromPut(put.data, pipeline)];
  const event = ObjectCreatedEvent.safeParse(data);
  if (event.success) return fromObject(event.data, pipeline, bucket);
  throw new StageFailure("malformed", "the message is neither a put nor the event of a new object");
}

function fromPut({ token, input: name, data, key }: PutMessage, pipeline: PipelinePlan): Entering {
  const input = pipeline.inputs.find((candidate) => candidate.name === name);
  if (!input) throw new StageFailure("malformed", `the pipeline has no input "${name}"`);
  return {
    token,
    input,
    payload: { ...(data !== undefined && { data }), objects: [] },
    ...(key !== undefined && { source: key }),
  };
}

function fromObject({ detail }: ObjectCreatedEvent, pipeline: PipelinePlan, bucket: string): Entering[] {
  const { key, size, etag, sequencer = "", "version-id": version } = detail.object;
  // A bucket whose versions were switched off says "null", for every object alike.
  const versionId = version === "null" ? undefined : version;
  if (detail.bucket.name !== bucket)
    throw new StageFailure(
      "malformed",
      `the object lies in the bucket "${detail.bucket.name}", not in "${bucket}"`,
    );
  // What consoles make to show an empty folder.
  if (size === 0 && key.endsWith("/")) return [];
  const object: ObjectRef = {
    key,
    size,
    etag: `"${etag.replaceAll('"', "")}"`,
    ...(versionId !== undefined && { versionId }),
  };
  return pipeline.inputs
    .filter(({ s3 }) => s3 && key.startsWith(s3.prefix) && key.endsWith(s3.suffix))
    .map((input) => ({
      token: objectTokenId(pipeline.id, input.name, bucket, key, versionId ?? `${etag}#${sequencer}`),
      input,
      payload: { objects: [object] },
      source: `s3://${bucket}/${key}`,
    }));
}

async function enter(
  { token, input, payload, source }: Entering,
  pipeline: PipelinePlan,
  { clock, jobs, sender, objects }: EnteringDependencies,
): Promise<void> {
  const now = clock.now();
  const stored = await spill(payload, (sha256) => arrivalPayloadKey(pipeline.id, token, sha256), objects);
  const isNew = await jobs.arrive({
    v: 1,
    token,
    pipeline: pipeline.id,
    input: input.name,
    at: isoTime(now),
    ...(source !== undefined && { source }),
  });
  const edge = edgeOf(pipeline, input.edge);
  const envelope: Envelope = {
    v: 1,
    id: token,
    pipeline: pipeline.id,
    flowVersion: pipeline.version,
    edge: edge.id,
    run: token,
    hops: 0,
    payload: stored,
    traceparent: traceparent(token, token),
    enqueuedAt: now,
    ...(!isNew && { resend: true as const }),
  };
  // Also when the arrival is known: whoever recorded it may have died before this line.
  await sender.send(edge.queue.name, encodeEnvelope(envelope));
}
