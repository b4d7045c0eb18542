import { type Clock, isoTime } from "../clock.ts";
import type { FailedJob, HistoryEntry, JobRecord, JobStore, LogLine } from "../job/record.ts";
import type { Logger } from "../log.ts";
import { edgeOf } from "../plan/find.ts";
import { attemptPrefix, resultPrefix } from "../plan/names.ts";
import type { PipelinePlan, StagePlan } from "../plan/plan.ts";
import type { Delivery } from "../queue/delivery.ts";
import type { BatchingSender, Claims, Sender } from "../queue/sender.ts";
import type { ObjectStore } from "../token/objects.ts";
import { type EmissionDependencies, emit, loadPayload, storeOutputs } from "./emission.ts";
import { excerpt, failureOf, REASONS, StageFailure, stackOf } from "./failure.ts";
import { release } from "./give-back.ts";
import type { Received } from "./receive.ts";
import { type SecretStore, type Work, type Worked, WorkFailed } from "./work.ts";

/** One attempt of a light stage at one token, from its beginning to the acknowledgement. */

export interface LightStage {
  readonly pipeline: PipelinePlan;
  readonly stage: StagePlan;
  readonly work: Work;
}

export interface LightDependencies {
  readonly clock: Clock;
  readonly jobs: JobStore;
  readonly sender: BatchingSender;
  readonly claims: Claims;
  readonly objects: ObjectStore;
  readonly secrets: SecretStore;
  /** Random, for the prefixes of attempts. */
  readonly newId: () => string;
  /** From 0 to 1, for the jitter of back-off. */
  readonly random: () => number;
  /** Milliseconds until this invocation is ended from outside. */
  readonly remainingMs: () => number;
  readonly log: Logger;
}

/** A message that is to be worked on, with what is known of its job. */
export interface Candidate extends Received {
  readonly delivery: Delivery;
  readonly isSuspect: boolean;
  readonly row: JobRecord | undefined;
}

export interface Trial extends Received {
  readonly delivery: Delivery;
  /** From 1, over the job's whole life. */
  readonly attempt: number;
  /** Attempts that count against the edge's limit, this one included. */
  readonly tries: number;
  readonly startedAt: number;
  /** What the job's history does not say yet of this attempt's beginning. */
  readonly beginning: readonly HistoryEntry[];
  /** When it was begun alone, who began it. */
  readonly begunBy?: string;
}

/** Time that storing, committing and sending may take after a token's own time is over. */
export const SETTLE_MS = 5000;

/** True when the row says that the work is decided: then what was committed is sent, and nothing is run. */
export async function seeThrough(
  row: JobRecord,
  { job, envelope }: Received,
  { pipeline }: LightStage,
  dependencies: TrialDependencies,
): Promise<boolean> {
  if (row.committed) {
    const emission = { job, commit: row.committed, hops: envelope.hops, resend: true, sent: row.sent ?? 0 };
    await emit(emission, pipeline, sending(dependencies));
    return true;
  }
  return row.reason !== undefined;
}

/** What one token's attempt is given: its own share of the sender. */
export type TrialDependencies = Omit<LightDependencies, "sender"> & { readonly sender: Sender };

const sending = ({
  objects,
  sender,
  clock,
  jobs,
  remainingMs,
  log,
}: TrialDependencies): EmissionDependencies => ({
  log,
  objects,
  sender,
  now: () => clock.now(),
  noteSent: jobs.noteSent,
  hasTime: () => remainingMs() > SETTLE_MS,
});

/** Runs the stage and commits what comes of it. True when the message is done with. */
export async function workAndCommit(
  trial: Trial,
  light: LightStage,
  dependencies: TrialDependencies,
): Promise<boolean> {
  const { pipeline, stage } = light;
  const { job, envelope } = trial;
  const attemptId = dependencies.newId();
  const prefix = attemptPrefix(job.pipeline, job.stage, job.token, attemptId);
  let worked: Worked;
  try {
    worked = await work(trial, prefix, light, dependencies);
  } catch (error) {
    if (error instanceof WorkFailed)
      return fail(trial, failureOf(error.cause), error.log, light, dependencies);
    if (error instanceof StageFailure) return fail(trial, error, [], light, dependencies);
    // A service failed, not the stage: no attempt is spent on that.
    throw error;
  }
  const own = await storeOutputs(
    worked.outputs,
    { attempt: attemptId, prefix, to: stage.out },
    dependencies.objects,
  );
  const now = dependencies.clock.now();
  const lost = await dependencies.jobs.commit(job, {
    attempt: trial.attempt,
    committed: own,
    durationMs: now - trial.startedAt,
    log: worked.log,
    history: [...trial.beginning, { event: "finish", at: isoTime(now) }],
  });
  // Somebody else was first: its outputs count, and whoever comes here sends them, because it may be dead.
  if (lost) return seeThrough(lost, trial, light, dependencies);
  // Nobody can have sent them before: whoever commits is the first to know them.
  await emit(
    { job, commit: own, hops: envelope.hops, resend: false, sent: 0 },
    pipeline,
    sending(dependencies),
  );
  return true;
}

async function work(
  { job, envelope, attempt }: Trial,
  prefix: string,
  { pipeline, stage, work }: LightStage,
  dependencies: TrialDependencies,
): Promise<Worked> {
  const { data = null, objects } = await loadPayload(envelope.payload, dependencies.objects);
  const edges = stage.out.map((id) => edgeOf(pipeline, id));
  return work(
    {
      job: job.id,
      token: { id: job.token, run: job.run, data, objects, attempt },
      prefix,
      resultPrefix: resultPrefix(job.pipeline),
      timeoutMs: stage.timeoutSeconds * 1000,
      routing: { fanout: stage.fanout, edges },
    },
    dependencies,
  );
}

/** Another attempt while there are any; then, or when none can help, the error bucket. */
export async function fail(
  trial: Trial,
  failure: StageFailure,
  log: readonly LogLine[],
  light: LightStage,
  dependencies: TrialDependencies,
): Promise<boolean> {
  const { job, delivery, attempt, tries, edge, beginning, begunBy } = trial;
  const isLast = !REASONS[failure.reason].retry || tries >= edge.maxAttempts;
  const at = isoTime(dependencies.clock.now());
  const failed: FailedJob = {
    attempt,
    reason: failure.reason,
    error: { message: failure.message, stack: stackOf(failure) },
    history: [...beginning, { event: isLast ? "fail" : "retry", at, attempt, data: told(failure) }],
    log,
    body: delivery.body,
    ...(begunBy !== undefined && { begunBy }),
  };
  const about = { job: job.id, token: job.token, attempt, reason: failure.reason };
  dependencies.log(isLast ? "error" : "warn", failure.message, about);
  const row = isLast
    ? await dependencies.jobs.park(job, failed, at)
    : await dependencies.jobs.noteRetry(job, failed);
  if (row && (await seeThrough(row, trial, light, dependencies))) return true;
  if (isLast && !row) return true;
  return release(delivery, tries, dependencies);
}

/** As much of a failure as fits into a history. */
const told = ({ reason, message }: StageFailure): string => excerpt(`${reason}: ${message}`, 200);
