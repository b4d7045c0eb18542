import { type Clock, isoTime } from "../clock.ts";
import type { HistoryEntry, JobIdentity, JobRecord } from "../job/record.ts";
import type { Delivery } from "../queue/delivery.ts";
import { REASONS, StageFailure } from "./failure.ts";
import { release } from "./give-back.ts";
import {
  type Candidate,
  fail,
  type LightStage,
  SETTLE_MS,
  seeThrough,
  type Trial,
  type TrialDependencies,
  workAndCommit,
} from "./trial.ts";

/** Which attempt a message gets, and whether it gets one now. */

/** True when the message is done with. */
export async function attemptOne(
  candidate: Candidate,
  light: LightStage,
  dependencies: TrialDependencies,
): Promise<boolean> {
  const { delivery, isSuspect, row } = candidate;
  if (dependencies.remainingMs() < light.stage.timeoutSeconds * 1000 + SETTLE_MS) {
    return release(delivery, delivery.receiveCount, dependencies);
  }
  if (isSuspect) return attemptAlone(candidate, light, dependencies);
  const attempt = (row?.attempt ?? 0) + 1;
  const trial = trialOf(candidate, attempt, dependencies.clock);
  return workAndCommit({ ...trial, beginning: [...createdOf(candidate), runOf(trial)] }, light, dependencies);
}

/**
 * A message that came back may have killed the function that held it. Before it is worked on again, alone, its attempt is
 * put on record: if the function dies once more, that attempt is found begun and not ended when the message comes back, and
 * counts as failed. So a crash is charged to the token that was being worked on, and to no neighbour.
 */
async function attemptAlone(
  candidate: Candidate,
  light: LightStage,
  dependencies: TrialDependencies,
): Promise<boolean> {
  const { row, job, edge, delivery } = candidate;
  if (row && isAnothers(row, delivery) && mayBeAlive(row, light, dependencies.clock)) {
    return release(delivery, delivery.receiveCount, dependencies);
  }
  const died = diedOf(candidate, dependencies.clock);
  if (died && died.tries >= edge.maxAttempts) {
    return fail(died, new StageFailure("crash", REASONS.crash.what), [], light, dependencies);
  }
  const ended = died?.attempt ?? row?.attempt ?? 0;
  const trial = trialOf(candidate, ended + 1, dependencies.clock);
  const by = dependencies.newId();
  try {
    // Within the try: what a service says has failed may have been written all the same.
    const inTheWay = await dependencies.jobs.noteBegun(job, {
      attempt: trial.attempt,
      ended,
      endedBefore: row?.attempt ?? 0,
      by,
      for: delivery.messageId,
      at: isoTime(trial.startedAt),
      history: [...createdOf(candidate), ...(died ? [...died.beginning, crashOf(died)] : [])],
    });
    if (inTheWay) {
      return (
        (await seeThrough(inTheWay, candidate, light, dependencies)) ||
        release(delivery, trial.tries, dependencies)
      );
    }
    return await workAndCommit({ ...trial, beginning: [runOf(trial)], begunBy: by }, light, dependencies);
  } catch (error) {
    await takeBack(job, by, dependencies);
    throw error;
  }
}

/** An attempt was begun alone that has not ended. */
export const isBegun = ({ begun = 0, attempt }: JobRecord): boolean => begun > attempt;

/** Another copy of the token has begun it: that one's coming back tells of a dead function, and this one's does not. */
const isAnothers = (row: JobRecord, { messageId }: Delivery): boolean =>
  isBegun(row) && row.begunFor !== messageId;

const mayBeAlive = ({ begunAt = "" }: JobRecord, { stage }: LightStage, clock: Clock): boolean =>
  clock.now() < Date.parse(begunAt) + stage.function.timeoutSeconds * 1000;

/** The attempt that was begun alone and never ended. */
function diedOf(candidate: Candidate, clock: Clock): Trial | undefined {
  const { row } = candidate;
  if (!row || !isBegun(row)) return undefined;
  const { begun: attempt = 0, begunBy, begunAt: at = "" } = row;
  return {
    ...trialOf(candidate, attempt, clock),
    ...(begunBy !== undefined && { begunBy }),
    beginning: [{ event: "run", at, attempt }],
  };
}

/** A service failed, and the stage did not: the attempt must not be taken for a crash. */
async function takeBack(job: JobIdentity, by: string, { jobs, log }: TrialDependencies): Promise<void> {
  await jobs.takeBack(job, by).catch((error: unknown) => {
    log("warn", `an attempt was not taken back: ${(error as Error).message}`, { job: job.id });
  });
}

function trialOf(candidate: Candidate, attempt: number, clock: Clock): Omit<Trial, "beginning"> {
  const { job, envelope, edge, delivery, row } = candidate;
  return {
    job,
    envelope,
    edge,
    delivery,
    attempt,
    tries: attempt - (row?.attemptsForgiven ?? 0),
    startedAt: clock.now(),
  };
}

const createdOf = ({ row, envelope }: Candidate): HistoryEntry[] =>
  row ? [] : [{ event: "create", at: isoTime(envelope.enqueuedAt) }];

const runOf = ({ attempt, startedAt }: Pick<Trial, "attempt" | "startedAt">): HistoryEntry => ({
  event: "run",
  at: isoTime(startedAt),
  attempt,
});

const crashOf = ({ attempt, startedAt }: Pick<Trial, "attempt" | "startedAt">): HistoryEntry => ({
  event: "retry",
  at: isoTime(startedAt),
  attempt,
  data: `crash: ${REASONS.crash.what}`,
});
