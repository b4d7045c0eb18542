import type { Delivery } from "../queue/delivery.ts";
import { sendTogether } from "../queue/send-together.ts";
import type { Sender } from "../queue/sender.ts";
import { attemptOne, isBegun } from "./attempt.ts";
import { StageFailure } from "./failure.ts";
import { release } from "./give-back.ts";
import { type Received, receive, refuse, sendAfresh } from "./receive.ts";
import { type LightDependencies, type LightStage, seeThrough } from "./trial.ts";

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
      settle: () => refuse(delivery, received, light.pipeline, dependencies),
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
