import type { Clock } from "../clock.ts";
import type { JobIdentity } from "../job/record.ts";
import { parkStray } from "../job/stray.ts";
import { edgeOf } from "../plan/find.ts";
import type { Delivery } from "../queue/delivery.ts";
import { sendTogether } from "../queue/send-together.ts";
import type { Sender } from "../queue/sender.ts";
import { decodeEnvelope, type Envelope, encodeEnvelope } from "../token/envelope.ts";
import { jobId } from "../token/ids.ts";
import { attemptOne, isBegun } from "./attempt.ts";
import { StageFailure } from "./failure.ts";
import { release } from "./give-back.ts";
import { type LightDependencies, type LightStage, type Received, seeThrough } from "./trial.ts";

/**
 * The loop of every light stage. For one token the order of writes is: run → outputs below the attempt's own prefix →
 * one conditional commit of the job's row, which holds the list of outputs → emit what was committed → acknowledge. The
 * commit is the only point at which anything is decided; whatever dies before or after it is made good by the message,
 * which comes back until somebody has seen it through. (Model-checked; every other order of these steps loses or doubles
 * tokens.)
 */

/** Works on one message. True when it is done with: its outputs are in their queues, or its job is in the error bucket. */
type Settle = (sender: Sender) => Promise<boolean>;

interface Task {
  readonly delivery: Delivery;
  readonly settle: Settle;
  /** It has been received before: its neighbours go first, and it runs alone. */
  readonly isSuspect: boolean;
  /** An attempt at it was begun alone and never ended: it runs last. */
  readonly isBlamed: boolean;
  /** Absent when the message is no token. */
  readonly received?: Received;
}

/**
 * Works on a batch.
 *
 * @returns the ids of the messages that are not done and must not be acknowledged
 */
export async function runBatch(
  deliveries: readonly Delivery[],
  light: LightStage,
  dependencies: LightDependencies,
): Promise<string[]> {
  const unsettled: string[] = [];
  const giveUp = async (delivery: Delivery, error: unknown): Promise<void> => {
    const { messageId, receiveCount } = delivery;
    dependencies.log("error", `not settled: ${(error as Error).message}`, {
      message: messageId,
      receiveCount,
    });
    await release(delivery, receiveCount, dependencies);
    unsettled.push(messageId);
  };
  const run = async ({ delivery, settle, received }: Task, sender: Sender): Promise<void> => {
    try {
      if (await settle(sender)) return;
      if (received && (await sendAfresh(received, sender, dependencies.clock))) return;
      unsettled.push(delivery.messageId);
    } catch (error) {
      await giveUp(delivery, error);
    }
  };
  const tasks = await Promise.all(
    deliveries.map((delivery) =>
      taskOf(delivery, light, dependencies).catch(async (error: unknown) => {
        await giveUp(delivery, error);
        return undefined;
      }),
    ),
  );
  const known = tasks.filter((task) => task !== undefined);
  const runTogether = (some: readonly Task[]): Promise<unknown> =>
    sendTogether(
      dependencies.sender,
      dependencies.clock,
      some.map((task) => (sender) => run(task, sender)),
    );
  await runTogether(known.filter(({ isSuspect }) => !isSuspect));
  for (const suspect of known.filter(({ isSuspect }) => isSuspect).sort(byBlame))
    await runTogether([suspect]);
  return unsettled;
}

const byBlame = (a: Task, b: Task): number =>
  Number(a.isBlamed) - Number(b.isBlamed) || a.delivery.receiveCount - b.delivery.receiveCount;

async function taskOf(delivery: Delivery, light: LightStage, dependencies: LightDependencies): Promise<Task> {
  const isSuspect = delivery.receiveCount > 1 || delivery.fromDead;
  const received = receive(delivery, light);
  if (received instanceof StageFailure) {
    return {
      delivery,
      isSuspect,
      isBlamed: false,
      settle: () => refuse(delivery, received, light, dependencies),
    };
  }
  const { job, envelope } = received;
  // A first delivery of what was sent once needs no look at the row: the commit finds out.
  const isKnown = isSuspect || envelope.resend === true;
  const row = isKnown ? await dependencies.jobs.get(job.pipeline, job.id) : undefined;
  return {
    delivery,
    isSuspect,
    received,
    isBlamed: row !== undefined && isBegun(row),
    settle: async (sender) => {
      const own = { ...dependencies, sender };
      if (row && (await seeThrough(row, received, light, own))) return true;
      return attemptOne({ ...received, delivery, isSuspect, row }, light, own);
    },
  };
}

/** Our own messages hold a few kilobytes. What is larger was not sent by a stage, and would not fit into a job's row. */
const MAX_BODY_BYTES = 65_536;

/** SQS deletes what it has kept for ten days (`QueuePlan.retentionSeconds`), whatever became of it. */
const OLD_MS = 7 * 86_400_000;

/**
 * A token that is not done with, and is getting old: a copy with all of its time before it takes its place. True when it
 * has been sent, and this message may go.
 */
async function sendAfresh({ envelope, edge }: Received, sender: Sender, clock: Clock): Promise<boolean> {
  const now = clock.now();
  if (now - envelope.enqueuedAt < OLD_MS) return false;
  await sender.send(edge.queue.name, encodeEnvelope({ ...envelope, enqueuedAt: now, resend: true }));
  return true;
}

/** What a message says, or why it says nothing. */
function receive({ body }: Delivery, { pipeline, stage }: LightStage): Received | StageFailure {
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
async function refuse(
  delivery: Delivery,
  failure: StageFailure,
  { pipeline }: LightStage,
  dependencies: LightDependencies,
): Promise<true> {
  const edge = pipeline.edges.find(
    ({ queue }) => delivery.queue === queue.name || delivery.queue === queue.dead.name,
  );
  if (!edge) throw new Error(`the queue ${delivery.queue} belongs to no edge of ${pipeline.id}`);
  await parkStray(delivery, failure, { pipeline, edge }, dependencies);
  return true;
}
