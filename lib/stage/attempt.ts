import { type Clock, isoTime } from "../clock.ts";
import type { HistoryEntry, JobIdentity } from "../job/record.ts";
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
  const last =
    row && row.begun !== undefined && row.begun > row.attempt ? { ...row, attempt: row.begun } : undefined;
  // Another copy of the token: the one that began the attempt may be working on it, and its own message will tell.
  if (last && last.begunFor !== delivery.messageId && !delivery.fromDead) {
    return release(delivery, delivery.receiveCount, dependencies);
  }
  const died = last && {
    ...trialOf(candidate, last.attempt, dependencies.clock),
    ...(last.begunBy !== undefined && { begunBy: last.begunBy }),
  };
  const told = last ? [{ event: "run", at: last.begunAt ?? "", attempt: last.attempt } as const] : [];
  if (died && died.tries >= edge.maxAttempts) {
    return fail(
      { ...died, beginning: told },
      new StageFailure("crash", REASONS.crash.what),
      [],
      light,
      dependencies,
    );
  }
  const ended = last?.attempt ?? row?.attempt ?? 0;
  const trial = trialOf(candidate, ended + 1, dependencies.clock);
  const by = dependencies.newId();
  const inTheWay = await dependencies.jobs.noteBegun(job, {
    attempt: trial.attempt,
    ended,
    by,
    for: delivery.messageId,
    at: isoTime(trial.startedAt),
    history: [...createdOf(candidate), ...told, ...(died ? [crashOf(died)] : [])],
  });
  if (inTheWay) {
    return (
      (await seeThrough(inTheWay, candidate, light, dependencies)) ||
      release(delivery, trial.tries, dependencies)
    );
  }
  try {
    return await workAndCommit({ ...trial, beginning: [runOf(trial)], begunBy: by }, light, dependencies);
  } catch (error) {
    await takeBack(job, by, dependencies);
    throw error;
  }
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
