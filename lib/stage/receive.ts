import type { Clock } from "../clock.ts";
import type { JobIdentity } from "../job/record.ts";
import { parkStray } from "../job/stray.ts";
import { edgeOf } from "../plan/find.ts";
import type { EdgePlan, PipelinePlan, StagePlan } from "../plan/plan.ts";
import type { Delivery } from "../queue/delivery.ts";
import type { Sender } from "../queue/sender.ts";
import { decodeEnvelope, type Envelope, encodeEnvelope } from "../token/envelope.ts";
import { jobId } from "../token/ids.ts";
import { StageFailure } from "./failure.ts";

/** What stages of every kind do with a message before they work on it. */

export interface Receiver {
  readonly pipeline: PipelinePlan;
  readonly stage: StagePlan;
}

export interface Received {
  readonly job: JobIdentity;
  readonly envelope: Envelope;
  readonly edge: EdgePlan;
}

/** Our own messages hold a few kilobytes. What is larger was not sent by a stage, and would not fit into a job's row. */
const MAX_BODY_BYTES = 65_536;

/** SQS deletes what it has kept for ten days (`QueuePlan.retentionSeconds`), whatever became of it. */
const OLD_MS = 7 * 86_400_000;

/**
 * A token that is not done with, and is getting old, or has been received almost as often as may be: a copy with all of that
 * before it takes its place. True when it has been sent, and this message may go.
 *
 * @param isWorn it has been received so often
 */
export async function sendAfresh(
  { envelope, edge }: Received,
  sender: Sender,
  clock: Clock,
  isWorn = false,
): Promise<boolean> {
  const now = clock.now();
  if (now - envelope.enqueuedAt < OLD_MS && !isWorn) return false;
  await sender.send(edge.queue.name, encodeEnvelope({ ...envelope, enqueuedAt: now, resend: true }));
  return true;
}

/** What a message says, or why it says nothing. */
export function receive(
  { body }: Pick<Delivery, "body">,
  { pipeline, stage }: Receiver,
): Received | StageFailure {
  const size = Buffer.byteLength(body);
  if (size > MAX_BODY_BYTES)
    return new StageFailure("malformed", `the message has ${size} bytes, a token at most ${MAX_BODY_BYTES}`);
  let envelope: Envelope;
  try {
    envelope = decodeEnvelope(body);
  } catch (error) {
    if (error instanceof StageFailure) return error;
    throw error;
  }
  if (envelope.pipeline !== pipeline.id || !stage.in.includes(envelope.edge)) {
    const address = `the edge "${envelope.edge}" of "${envelope.pipeline}"`;
    return new StageFailure(
      "malformed",
      `the token is addressed to ${address}, which does not lead to "${stage.name}"`,
    );
  }
  return { envelope, edge: edgeOf(pipeline, envelope.edge), job: identityOf(envelope, stage.name) };
}

const identityOf = ({ pipeline, id, edge, run, parent }: Envelope, stage: string): JobIdentity => ({
  id: jobId(pipeline, stage, id),
  pipeline,
  stage,
  edge,
  token: id,
  run,
  ...(parent !== undefined && { parent }),
});

/** Parks a message that is no token; no user code sees it. */
export async function refuse(
  delivery: Delivery,
  failure: StageFailure,
  pipeline: PipelinePlan,
  dependencies: Parameters<typeof parkStray>[3],
): Promise<true> {
  const edge = pipeline.edges.find(
    ({ queue }) => delivery.queue === queue.name || delivery.queue === queue.dead.name,
  );
  if (!edge) throw new Error(`the queue ${delivery.queue} belongs to no edge of ${pipeline.id}`);
  await parkStray(delivery, failure, { pipeline, edge }, dependencies);
  return true;
}
