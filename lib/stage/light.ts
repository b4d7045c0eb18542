import { type Clock, isoTime } from "../clock.ts";
import type { FailedJob, HistoryEntry, JobIdentity, JobRecord, JobStore, LogLine } from "../job/record.ts";
import { parkStray } from "../job/stray.ts";
import type { Logger } from "../log.ts";
import { edgeOf } from "../plan/find.ts";
import { attemptPrefix, resultPrefix } from "../plan/names.ts";
import type { EdgePlan, PipelinePlan, StagePlan } from "../plan/plan.ts";
import type { Delivery } from "../queue/delivery.ts";
import type { Claims, Sender } from "../queue/sender.ts";
import { decodeEnvelope, type Envelope } from "../token/envelope.ts";
import { jobId } from "../token/ids.ts";
import type { ObjectStore } from "../token/objects.ts";
import { emit, loadPayload, storeOutputs } from "./emission.ts";
import { failureOf, REASONS, StageFailure, stackOf } from "./failure.ts";
import { type SecretStore, type Work, type Worked, WorkFailed } from "./work.ts";

/**
 * The loop of every light stage. For one token the order of writes is: run → outputs below the attempt's own prefix →
 * one conditional commit of the job's row, which holds the list of outputs → emit what was committed → acknowledge. The
 * commit is the only point at which anything is decided; whatever dies before or after it is made good by the message,
 * which comes back until somebody has seen it through. (Model-checked; every other order of these steps loses or doubles
 * tokens.)
 */

export interface LightStage {
  readonly pipeline: PipelinePlan;
  readonly stage: StagePlan;
  readonly work: Work;
}

export interface LightDependencies {
  readonly clock: Clock;
  readonly jobs: JobStore;
  readonly sender: Sender;
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

/** Time that storing, committing and sending may take after a token's own time is over. */
const SETTLE_MS = 10_000;

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
  const settle = async (delivery: Delivery): Promise<void> => {
    const settled = await settleOne(delivery, light, dependencies).catch((error: unknown) => {
      dependencies.log("error", `not settled: ${(error as Error).message}`, {
        message: delivery.messageId,
        receiveCount: delivery.receiveCount,
      });
      return release(delivery, delivery.receiveCount, dependencies);
    });
    if (!settled) unsettled.push(delivery.messageId);
  };
  // A message that came back may have killed the function that held it. It runs when its neighbours are safe, and alone.
  const fresh = deliveries.filter(({ receiveCount, fromDead }) => receiveCount === 1 && !fromDead);
  const suspects = deliveries
    .filter((delivery) => !fresh.includes(delivery))
    .sort((a, b) => a.receiveCount - b.receiveCount);
  await Promise.all(fresh.map(settle));
  for (const suspect of suspects) await settle(suspect);
  return unsettled;
}

/** True when the message is done with: its outputs are in their queues, or its job lies in the error bucket. */
async function settleOne(
  delivery: Delivery,
  light: LightStage,
  dependencies: LightDependencies,
): Promise<boolean> {
  const { jobs } = dependencies;
  let received: Received;
  try {
    received = receive(delivery, light);
  } catch (error) {
    const edge = light.pipeline.edges.find(
      ({ queue }) => delivery.queue === queue.name || delivery.queue === queue.dead.name,
    );
    if (!edge) throw new Error(`the queue ${delivery.queue} belongs to no edge of ${light.pipeline.id}`);
    await parkStray(delivery, failureOf(error), { pipeline: light.pipeline, edge }, dependencies);
    return true;
  }
  const { job, envelope } = received;
  // A first delivery of what was sent once needs no look at the row: the commit finds out.
  const isKnown = delivery.receiveCount > 1 || delivery.fromDead || envelope.resend === true;
  const row = isKnown ? await jobs.get(job.pipeline, job.id) : undefined;
  if (row && (await seeThrough(row, received, light, dependencies))) return true;

  const attempt = (row?.attempt ?? 0) + 1;
  const trial: Trial = {
    ...received,
    delivery,
    attempt,
    forgiven: row?.attemptsForgiven ?? 0,
    startedAt: dependencies.clock.now(),
  };
  if (delivery.fromDead && delivery.receiveCount > SOLITARY_RUNS) {
    return fail(trial, new StageFailure("crash", crashMessage(received.edge)), [], light, dependencies);
  }
  if (dependencies.remainingMs() < light.stage.timeoutSeconds * 1000 + SETTLE_MS)
    return release(delivery, 0, dependencies);
  return attemptOne(trial, light, dependencies);
}

/**
 * What comes out of the dead-letter queue has been received many times without an end, perhaps only because a neighbour
 * in its batches kept killing the function. It comes alone now, and gets so many fair runs before it is given up.
 */
const SOLITARY_RUNS = 2;

const crashMessage = ({ queue }: EdgePlan): string =>
  `${REASONS.crash.what} (received ${queue.maxReceiveCount} times with others and ${SOLITARY_RUNS} times alone)`;

interface Received {
  readonly job: JobIdentity;
  readonly envelope: Envelope;
  readonly edge: EdgePlan;
}

interface Trial extends Received {
  readonly delivery: Delivery;
  readonly attempt: number;
  readonly forgiven: number;
  readonly startedAt: number;
}

function receive({ body }: Delivery, { pipeline, stage }: LightStage): Received {
  const envelope = decodeEnvelope(body);
  if (envelope.pipeline !== pipeline.id || !stage.in.includes(envelope.edge)) {
    throw new StageFailure(
      "malformed",
      `the token is addressed to the edge "${envelope.edge}" of "${envelope.pipeline}", which does not lead to "${stage.name}"`,
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

/** True when the row says that the work is decided: then what was committed is sent, and nothing is run. */
async function seeThrough(
  row: JobRecord,
  { job, envelope }: Received,
  { pipeline }: LightStage,
  dependencies: LightDependencies,
): Promise<boolean> {
  if (row.committed) {
    await emit(
      { job, commit: row.committed, hops: envelope.hops, resend: true },
      pipeline,
      sending(dependencies),
    );
    return true;
  }
  return row.reason !== undefined;
}

const sending = ({ objects, sender, clock }: LightDependencies) => ({
  objects,
  sender,
  now: () => clock.now(),
});

async function attemptOne(
  trial: Trial,
  light: LightStage,
  dependencies: LightDependencies,
): Promise<boolean> {
  const { pipeline, stage } = light;
  const { job, envelope } = trial;
  const attemptId = dependencies.newId();
  const prefix = attemptPrefix(job.pipeline, job.stage, job.token, attemptId);
  let worked: Worked;
  try {
    worked = await work(trial, prefix, light, dependencies);
  } catch (error) {
    const log = error instanceof WorkFailed ? error.log : [];
    return fail(
      trial,
      failureOf(error instanceof WorkFailed ? error.cause : error),
      log,
      light,
      dependencies,
    );
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
    history: [...beginningOf(trial), { event: "finish", at: isoTime(now) }],
  });
  // Somebody else was first: its outputs count, and whoever comes here sends them, because it may be dead.
  if (lost) return seeThrough(lost, trial, light, dependencies);
  await emit(
    { job, commit: own, hops: envelope.hops, resend: trial.delivery.receiveCount > 1 },
    pipeline,
    sending(dependencies),
  );
  return true;
}

async function work(
  { job, envelope, attempt }: Trial,
  prefix: string,
  { pipeline, stage, work }: LightStage,
  dependencies: LightDependencies,
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
async function fail(
  trial: Trial,
  failure: StageFailure,
  log: readonly LogLine[],
  light: LightStage,
  dependencies: LightDependencies,
): Promise<boolean> {
  const { job, delivery, attempt, edge } = trial;
  const tries = attempt - trial.forgiven;
  const isLast = !REASONS[failure.reason].retry || tries >= edge.maxAttempts || delivery.fromDead;
  const at = isoTime(dependencies.clock.now());
  const failed: FailedJob = {
    attempt,
    reason: failure.reason,
    error: { message: failure.message, stack: stackOf(failure) },
    history: [...beginningOf(trial), { event: isLast ? "fail" : "retry", at, attempt, data: told(failure) }],
    log,
    body: delivery.body,
  };
  dependencies.log(isLast ? "error" : "warn", failure.message, {
    job: job.id,
    token: job.token,
    attempt,
    reason: failure.reason,
  });
  const row = isLast
    ? await dependencies.jobs.park(job, failed, at)
    : await dependencies.jobs.noteRetry(job, failed);
  if (row && (await seeThrough(row, trial, light, dependencies))) return true;
  if (isLast && !row) return true;
  return release(delivery, tries, dependencies);
}

/** As much of a failure as fits into a history. */
const told = ({ reason, message }: StageFailure): string => `${reason}: ${message}`.slice(0, 200);

/** The first attempt's entries; a later one finds them on the row. */
function beginningOf({ envelope, attempt, startedAt }: Trial): HistoryEntry[] {
  const run: HistoryEntry = { event: "run", at: isoTime(startedAt), attempt };
  return attempt === 1 ? [{ event: "create", at: isoTime(envelope.enqueuedAt) }, run] : [run];
}

const BACKOFF_MAX_SECONDS = 300;

/** 1 s, 2 s, 4 s … with up to half of it off, so that what failed together does not come back together. */
export function backoffSeconds(tries: number, random: number): number {
  const full = Math.min(BACKOFF_MAX_SECONDS, 2 ** Math.max(0, tries - 1));
  return Math.ceil(full * (1 - random / 2));
}

/** Gives the claim back early. If that fails, the claim runs out by itself: nothing depends on it. */
async function release(
  delivery: Delivery,
  tries: number,
  { claims, random, log }: LightDependencies,
): Promise<false> {
  const afterSeconds = tries === 0 ? 0 : backoffSeconds(tries, random());
  await claims.release(delivery.queue, delivery.receiptHandle, afterSeconds).catch((error: unknown) => {
    log("warn", `the claim was not given back: ${(error as Error).message}`, { message: delivery.messageId });
  });
  return false;
}
