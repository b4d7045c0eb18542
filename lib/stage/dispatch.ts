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
  /** Starts the current attempt, or sees how it stands and what is to be done. May be called again at any time. */
  attend(row: LastingJob, receiveCount: number): Promise<Attended>;
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
  const unsettled = await Promise.all(
    deliveries.map(async (delivery) => {
      try {
        return (await dispatch(delivery, place, dependencies)) ? [] : [delivery.messageId];
      } catch (error) {
        dependencies.log("error", `not dispatched: ${(error as Error).message}`, {
          message: delivery.messageId,
        });
        await release(delivery, delivery.receiveCount, dependencies);
        return [delivery.messageId];
      }
    }),
  );
  return unsettled.flat();
}

/** True when the message is done with. */
async function dispatch(
  delivery: Delivery,
  place: Place,
  dependencies: DispatchDependencies,
): Promise<boolean> {
  const received = receive(delivery, place);
  if (received instanceof StageFailure)
    return refuse(delivery, received, place.pipeline, { ...dependencies, jobs: dependencies.strays });
  const row = await adopt(await ensureRow(received, delivery, dependencies), delivery, dependencies);
  if (isDone(await seeThrough(row, dependencies))) return true;
  const { row: attended, againSeconds } = await attend(row, place, delivery.receiveCount, dependencies);
  if (isDone(attended)) return true;
  // A copy that is younger takes its place; the row has it all.
  if (await sendAfresh(received, dependencies.sender, dependencies.clock)) return true;
  await park(delivery, againSeconds ?? secondsLeft(attended, dependencies.clock), dependencies);
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

/** Does what the stage's kind of work needs; where that is nothing, ends an attempt whose time is over. */
async function attend(
  row: LastingJob,
  { stage }: Place,
  receiveCount: number,
  dependencies: DispatchDependencies,
): Promise<Attended> {
  const { clock, dispatchings } = dependencies;
  const own = dispatchings[stage.work.kind];
  if (own && row.state !== "RESET") return own.attend(row, receiveCount);
  const isLate = row.deadline !== undefined && clock.now() >= row.deadline && row.state !== "RESET";
  return { row: isLate ? await timeOut(row, stage, dependencies) : row };
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
