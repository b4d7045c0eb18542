import { type Clock, isoTime } from "../clock.ts";
import { type Announce, changeBetween } from "../job/announce.ts";
import { begin } from "../job/decide.ts";
import { type LastingJob, NEW_JOB, type Receipt, receiptsOf } from "../job/lasting.ts";
import type { JobStore } from "../job/record.ts";
import { LIMITS } from "../plan/limits.ts";
import type { PipelinePlan, StagePlan, StageWork } from "../plan/plan.ts";
import type { Delivery } from "../queue/delivery.ts";
import { StageFailure } from "./failure.ts";
import { release } from "./give-back.ts";
import { happen, type LastingDependencies, rulesOf } from "./lasting.ts";
import { type Received, receive, refuse, sendAfresh } from "./receive.ts";
import { seeThrough } from "./settle.ts";

/**
 * Takes tokens on for work that outlasts an invocation. For one token the order of writes is: the job's row, which from then
 * on holds the token as well → whatever starts the work → the message is parked: it stays claimed until the attempt must
 * have ended, and comes back when nobody has ended it. Whatever dies in between, the message comes back, and the row tells
 * how far it had come.
 */

/** What is done for one kind of work. */
export interface Dispatching {
  /**
   * Starts the current attempts, or sees how they stand and what is to be done. May be called again at any time.
   *
   * @returns what was done for each, in their order
   */
  attend(waiting: readonly Waiting[]): Promise<readonly PromiseSettledResult<Attended>[]>;
}

/** A job, and how often its message has been received. */
export interface Waiting {
  readonly row: LastingJob;
  readonly receiveCount: number;
}

export interface Attended {
  readonly row: LastingJob;
  /** When to look again, if that is before the attempt's time is over. */
  readonly againSeconds?: number;
}

export type Dispatchings = Partial<Record<StageWork["kind"], Dispatching>>;

export interface DispatchDependencies extends LastingDependencies {
  /** For messages that are no tokens. */
  readonly strays: JobStore;
  readonly dispatchings: Dispatchings;
  /** The secret that keys are derived from, by its id. */
  readonly kid: string;
  /** 16 random bytes, as hexadecimal digits. */
  readonly newNonce: () => string;
}

interface Place {
  readonly pipeline: PipelinePlan;
  readonly stage: StagePlan;
}

/**
 * Works on a batch.
 *
 * @returns the ids of the messages that must not be acknowledged: most of them, since a parked message stays in flight
 */
export async function dispatchBatch(
  deliveries: readonly Delivery[],
  place: Place,
  dependencies: DispatchDependencies,
): Promise<string[]> {
  const done = new Set<Delivery>();
  /** Whatever goes wrong with one message, it is received again, and the others go on. */
  const unlessFailed = async <T>(delivery: Delivery, work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      dependencies.log("error", `not dispatched: ${(error as Error).message}`, {
        message: delivery.messageId,
      });
      await release(delivery, delivery.receiveCount, dependencies);
      return undefined;
    }
  };
  const taken = await Promise.all(
    deliveries.map((delivery) =>
      unlessFailed(delivery, async () => {
        const held = await take(delivery, place, dependencies);
        if (!held) done.add(delivery);
        return held;
      }),
    ),
  );
  const held = taken.filter((each) => each !== undefined);
  const attended = await attend(held, place, dependencies);
  await Promise.all(
    held.map((each, index) =>
      unlessFailed(each.delivery, async () => {
        if (await putAway(each, attended[index], dependencies)) done.add(each.delivery);
      }),
    ),
  );
  return deliveries.filter((delivery) => !done.has(delivery)).map(({ messageId }) => messageId);
}

/** A message with the row of its job, which is not done with. */
interface Held {
  readonly delivery: Delivery;
  readonly received: Received;
  readonly row: LastingJob;
}

/** Undefined when the message is done with. */
async function take(
  delivery: Delivery,
  place: Place,
  dependencies: DispatchDependencies,
): Promise<Held | undefined> {
  const received = receive(delivery, place);
  if (received instanceof StageFailure) {
    await refuse(delivery, received, place.pipeline, { ...dependencies, jobs: dependencies.strays });
    return undefined;
  }
  const known = await adopt(await ensureRow(received, delivery, dependencies), delivery, dependencies);
  const row = await seeThrough(known, dependencies);
  return isDone(row) ? undefined : { delivery, received, row };
}

/** Waiting for a place in a cluster, for days, is no failure: it must not lead to the dead-letter queue. */
const WORN_RECEIVES = LIMITS.maxReceiveCount.value - 100;

/** True when the message is done with. */
async function putAway(
  { delivery, received }: Held,
  attended: PromiseSettledResult<Attended> | undefined,
  dependencies: DispatchDependencies,
): Promise<boolean> {
  if (attended?.status !== "fulfilled") throw attended?.reason;
  const { row, againSeconds } = attended.value;
  if (isDone(row)) return true;
  // A copy that is younger takes its place; the row has it all.
  const isWorn = delivery.receiveCount >= WORN_RECEIVES;
  if (await sendAfresh(received, dependencies.sender, dependencies.clock, isWorn)) return true;
  await park(delivery, againSeconds ?? secondsLeft(row, dependencies.clock), dependencies);
  return false;
}

const isDone = ({ settled }: LastingJob): boolean => settled === true;

/** The job's row, which is there once the token was received for the first time. */
async function ensureRow(
  { job, envelope }: Received,
  delivery: Delivery,
  { jobs, plan, clock, kid, newNonce, announce }: DispatchDependencies,
): Promise<LastingJob> {
  const known = await jobs.get(job.pipeline, job.id);
  if (known) return known;
  const now = clock.now();
  const bare: LastingJob = {
    ...NEW_JOB,
    ...job,
    path: "",
    key: { kid, exp: 0, nonce: newNonce(), scope: "work" },
    receipt: receiptOf(delivery),
    body: delivery.body,
    history: [{ event: "create", at: isoTime(envelope.enqueuedAt) }],
  };
  const row: LastingJob = {
    ...bare,
    ...begin(bare, 1, rulesOf(bare, plan), now),
  };
  const first = await jobs.create(row);
  if (!first) await tell(announce, row);
  return first ?? (await jobs.get(job.pipeline, job.id)) ?? row;
}

async function tell(announce: Announce, row: LastingJob): Promise<void> {
  const change = changeBetween(undefined, row);
  if (change) await announce(change);
}

/** Only the newest receipt ends a message. */
async function adopt(
  row: LastingJob,
  delivery: Delivery,
  { jobs }: Pick<DispatchDependencies, "jobs">,
): Promise<LastingJob> {
  let current: LastingJob = row;
  while (!current.settled && !receiptsOf(current).some(({ handle }) => handle === delivery.receiptHandle)) {
    const { row: now } = await jobs.write(current, { set: noted(current, receiptOf(delivery)), entries: [] });
    if (!now) throw new Error(`the row of job ${row.id} is gone`);
    current = now;
  }
  return current;
}

const receiptOf = ({ queue, messageId: message, receiptHandle: handle }: Delivery): Receipt => ({
  queue,
  message,
  handle,
});

/** More copies than this are nobody's: each ends when it comes back. */
const COPIES_KEPT = 8;

function noted({ receipt, copies = [] }: LastingJob, own: Receipt): Pick<LastingJob, "receipt" | "copies"> {
  if (!receipt || receipt.message === own.message) return { receipt: own };
  const others = copies.filter(({ message }) => message !== own.message);
  return { receipt, copies: [...others, own].slice(-COPIES_KEPT) };
}

/** Does what the stage's kind of work needs; where that is nothing, ends attempts whose time is over. */
function attend(
  held: readonly Held[],
  { stage }: Place,
  dependencies: DispatchDependencies,
): Promise<readonly PromiseSettledResult<Attended>[]> {
  const { clock, dispatchings } = dependencies;
  const own = dispatchings[stage.work.kind];
  const isLate = ({ state, deadline }: LastingJob): boolean =>
    deadline !== undefined && clock.now() >= deadline && state !== "RESET";
  if (own) {
    return own.attend(held.map(({ row, delivery: { receiveCount } }) => ({ row, receiveCount })));
  }
  return Promise.allSettled(
    held.map(async ({ row }) => ({ row: isLate(row) ? await timeOut(row, stage, dependencies) : row })),
  );
}

/** @returns the row with its next attempt, or in the error bucket */
async function timeOut(
  row: LastingJob,
  stage: StagePlan,
  dependencies: DispatchDependencies,
): Promise<LastingJob> {
  const { row: after } = await happen(
    row,
    {
      event: "fail",
      attempt: row.begun,
      eventId: `timeout-${row.begun}`,
      failure: { reason: "timeout", message: `the work took longer than ${stage.timeoutSeconds} s` },
    },
    dependencies,
  );
  return after;
}

/** What a claim may last from a receive; a little is kept for the way. */
const LONGEST_CLAIM_SECONDS = LIMITS.visibility.value - 300;
/** An answer that is on its way when the time is over should still count. */
const GRACE_SECONDS = 5;

function secondsLeft({ deadline }: LastingJob, clock: Clock): number {
  if (deadline === undefined) return LONGEST_CLAIM_SECONDS;
  return Math.ceil((deadline - clock.now()) / 1000) + GRACE_SECONDS;
}

async function park(
  { queue, receiptHandle }: Delivery,
  wanted: number,
  { claims }: Pick<DispatchDependencies, "claims">,
): Promise<void> {
  const seconds = Math.max(1, Math.min(LONGEST_CLAIM_SECONDS, wanted));
  await claims.release(queue, receiptHandle, seconds);
}
