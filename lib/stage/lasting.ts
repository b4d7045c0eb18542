import { type Clock, isoTime, sleep } from "../clock.ts";
import { deadlineSecondsOf } from "../cluster/base-pod.ts";
import { type Announce, changeBetween } from "../job/announce.ts";
import { type AttemptRules, decide, type JobCall } from "../job/decide.ts";
import {
  hasToken,
  type LastingChange,
  type LastingJob,
  type LastingStore,
  storedData,
} from "../job/lasting.ts";
import type { Commit } from "../job/record.ts";
import type { Logger } from "../log.ts";
import { edgeOf, pipelineOf, stageOf } from "../plan/find.ts";
import { attemptPrefix, eventDataKey } from "../plan/names.ts";
import type { PipelinePlan, Plan, StagePlan } from "../plan/plan.ts";
import type { Acknowledge, Claims, Sender } from "../queue/sender.ts";
import type { ObjectStore } from "../token/objects.ts";
import { spill, storeOutputs } from "./emission.ts";
import type { CheckedOutput } from "./outputs.ts";
import { followUp } from "./settle.ts";

/**
 * What happens to a lasting job, whoever brings it about: a callback, the dispatcher, the sweep, a person. The row is read,
 * a pure function decides, and the change is written if the row is still what was read; then what follows from it is
 * done, which whoever comes next can finish.
 */

export interface LastingDependencies {
  readonly plan: Plan;
  readonly clock: Clock;
  readonly jobs: LastingStore;
  readonly objects: ObjectStore;
  readonly sender: Sender;
  readonly claims: Claims;
  readonly acknowledge: Acknowledge;
  readonly announce: Announce;
  /** What an attempt that is said to have finished has put out. @throws StageFailure when that cannot be passed on */
  readonly outputsOf: OutputsOf;
  /** Takes away what a job has in the cluster. Absent where there is no way to it. */
  readonly clearUp?: (row: LastingJob) => Promise<ClearedUp>;
  /** From 0 to 1, for the jitter of back-off. */
  readonly random: () => number;
  readonly hasTime: () => boolean;
  readonly log: Logger;
}

/** What is worth keeping of what was taken away. */
export type ClearedUp = Pick<LastingChange["set"], "log">;

export type OutputsOf = (
  row: LastingJob,
  call: JobCall,
  place: JobPlace,
) => Promise<readonly CheckedOutput[]>;

/** Where a job with a token belongs. */
export interface JobPlace {
  readonly pipeline: PipelinePlan;
  readonly stage: StagePlan;
}

export type Outcome =
  | { readonly kind: "applied"; readonly row: LastingJob }
  /** Nothing was changed, and sending it again is of no use. */
  | { readonly kind: "ignored"; readonly reason: string; readonly row: LastingJob }
  | { readonly kind: "refused"; readonly message: string; readonly row: LastingJob };

/** Whoever wrote in vain waits for a while by chance, at most twice as long each time. */
const ROUNDS = 40;
const pauseMs = (round: number): number => Math.min(1500, 50 * 2 ** round);

/**
 * Lets an event happen to a job, once.
 *
 * @throws Error when others wrote whenever this did, or a service failed: it may be done again
 */
export async function happen(
  first: LastingJob,
  call: JobCall,
  dependencies: LastingDependencies,
): Promise<Outcome> {
  const { clock, random } = dependencies;
  let row: LastingJob | undefined = first;
  let prepared = await withSmallData(first, call, dependencies);
  /** The attempt whose outputs have been prepared. */
  let madeFor: number | undefined;
  for (let round = 0; row && round < ROUNDS; round += 1) {
    // Only of an attempt that may still finish: what another put out is not looked at.
    if (needsCommit(row, call) && madeFor !== row.begun) {
      madeFor = row.begun;
      prepared = { ...prepared, commit: await commitOf(row, call, dependencies) };
    }
    const tried = await tryOnce(row, prepared, dependencies);
    if ("kind" in tried) return tried;
    row = tried.current;
    await sleep(clock, random() * pauseMs(round));
  }
  throw new Error(`the job ${first.id} was written by others all the time, or is gone`);
}

/** @returns the row as it is now, when somebody else wrote it meanwhile */
async function tryOnce(
  row: LastingJob,
  call: JobCall,
  dependencies: LastingDependencies,
): Promise<Outcome | { readonly current: LastingJob | undefined }> {
  const { jobs, plan, clock } = dependencies;
  if (await jobs.knows(row, call.eventId))
    return { kind: "ignored", reason: "duplicate", row: await followUp(row, dependencies) };
  const decision = decide(row, call, rulesOf(row, plan), clock.now());
  if (decision.verdict === "refused") return { kind: "refused", message: decision.message, row };
  if (decision.verdict === "late") return late(row, call, decision.reason, dependencies);
  const { isOurs, row: current } = await jobs.write(row, decision.change);
  if (!isOurs || !current) return { current };
  const change = changeBetween(row, current);
  if (change) await dependencies.announce(change);
  // Nobody can have sent before what was committed just now.
  const isNew = row.committed === undefined;
  return { kind: "applied", row: await followUp(current, dependencies, { isNew }) };
}

async function late(
  row: LastingJob,
  call: JobCall,
  reason: string,
  dependencies: LastingDependencies,
): Promise<Outcome> {
  const { event, attempt, eventId, data, ref } = call;
  const at = isoTime(dependencies.clock.now());
  await dependencies.jobs.noteLate(row, {
    event,
    at,
    eventId,
    ...(attempt !== undefined && { attempt }),
    ...(data !== undefined && { data }),
    ...(ref && { ref }),
  });
  // Its sender may be the only one who still comes.
  return { kind: "ignored", reason, row: await followUp(row, dependencies) };
}

/** What an event carries lies in the bucket when it is large: a row is billed by its size, at each write. */
async function withSmallData(
  { pipeline, id }: LastingJob,
  { data, ...call }: JobCall,
  { objects }: LastingDependencies,
): Promise<JobCall> {
  if (data === undefined) return call;
  const keyOf = (sha256: string): string => eventDataKey(pipeline, id, sha256);
  return { ...call, ...storedData(await spill({ data, objects: [] }, keyOf, objects)) };
}

const needsCommit = (row: LastingJob, { event, commit, attempt = row.begun }: JobCall): boolean =>
  event === "finish" &&
  !commit &&
  hasToken(row) &&
  attempt === row.begun &&
  (row.state === "CREATED" || row.state === "RUNNING");

async function commitOf(
  row: LastingJob,
  call: JobCall,
  { plan, objects, outputsOf }: LastingDependencies,
): Promise<Commit> {
  const place = placeOf(row, plan);
  const outputs = await outputsOf(row, call, place);
  const attempt = String(row.begun);
  return storeOutputs(outputs, { attempt, prefix: `${row.path.slice(1)}/`, to: place.stage.out }, objects);
}

/** @throws MillraceError when the plan no longer has it */
export function placeOf({ pipeline: id, stage }: LastingJob, plan: Plan): JobPlace {
  const pipeline = pipelineOf(plan, id);
  return { pipeline, stage: stageOf(pipeline, stage) };
}

export function rulesOf(row: LastingJob, plan: Plan): AttemptRules {
  if (!hasToken(row)) return { maxAttempts: 1, pathOf: () => row.path };
  const { pipeline, stage } = placeOf(row, plan);
  return {
    maxAttempts: edgeOf(pipeline, row.edge).maxAttempts,
    timeoutSeconds: attemptSecondsOf(stage),
    pathOf: (attempt) => attemptPath(row, attempt),
  };
}

/** The cluster ends an attempt by itself; this is when nobody waits for that any longer. */
const CLUSTER_GRACE_SECONDS = 120;

/** Seconds after which an attempt has failed if nothing was heard of it. */
export const attemptSecondsOf = (stage: StagePlan): number =>
  stage.work.kind === "image" ? deadlineSecondsOf(stage) + CLUSTER_GRACE_SECONDS : stage.timeoutSeconds;

/** Where the outputs of an attempt belong: what another attempt wrote cannot be taken for them. */
export const attemptPath = (
  { pipeline, stage, token }: Pick<LastingJob, "pipeline" | "stage" | "token">,
  attempt: number,
): string => `/${attemptPrefix(pipeline, stage, token, String(attempt)).slice(0, -1)}`;
