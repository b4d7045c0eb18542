import { MillraceError } from "../errors.ts";
import { derivedKey, type KeyRing, kidNow, type Scope } from "../job/callback-key.ts";
import { expiryFrom, type JobCall } from "../job/decide.ts";
import { isOpen, type LastingJob } from "../job/lasting.ts";
import type { LogLine } from "../job/record.ts";
import { clusterJobName } from "../plan/names.ts";
import type { Attended, Dispatching } from "../stage/dispatch.ts";
import { loadPayload } from "../stage/emission.ts";
import { StageFailure } from "../stage/failure.ts";
import {
  attemptSecondsOf,
  type ClearedUp,
  happen,
  type LastingDependencies,
  type Outcome,
  placeOf,
} from "../stage/lasting.ts";
import { decodeEnvelope } from "../token/envelope.ts";
import { type HeavyStage, isHeavy, MAIN } from "./base-pod.ts";
import { classify, newest, type Verdict } from "./classify.ts";
import { type Cluster, ClusterError, type Ensured } from "./cluster.ts";
import { failed, judge } from "./judgement.ts";
import { tailOf } from "./log-lines.ts";
import { type ClusterSettings, type JobManifest, jobManifest } from "./manifest.ts";
import { clusterPool, freeAll, type SlotPool, type Slots, stagePool, takeAll } from "./slots.ts";

/**
 * Attempts of stages that run in a cluster. The row comes first, then a place, then the Job, whose name is made of job and
 * attempt: to make it twice is to find it. Whatever dies in between, the message comes back, and what is there tells how far
 * it had come.
 */
export interface ClusterDependencies {
  readonly cluster: Cluster;
  readonly slots: Slots;
  readonly settings: ClusterSettings;
  readonly ring: KeyRing;
  /** Active Jobs at once, of all stages. */
  readonly clusterJobs: number;
  /** Whether an attempt has left its manifest. */
  hasManifest(row: LastingJob): Promise<boolean>;
}

export type ImageDependencies = LastingDependencies & ClusterDependencies;

/** What one look may lead to: a failure, then the next attempt's Job. */
const STEPS = 4;

export const imageDispatching = (dependencies: ImageDependencies): Dispatching => ({
  attend: async (first, receiveCount) => {
    let row = first;
    for (let step = 0; step < STEPS && isOpen(row); step += 1) {
      // Without a place there is no Job: nothing is asked of the cluster by those who wait.
      if (row.state === "CREATED" && !(await hasPlace(row, dependencies)))
        return { row, againSeconds: waitSeconds(receiveCount, dependencies.random()) };
      const verdict = await look(row, dependencies);
      const next = await act(row, verdict, receiveCount, dependencies);
      if (!next.isChanged) return next;
      row = next.row;
    }
    return { row };
  },
});

/** What has become of the current attempt. Pods and events are asked for only when the Job alone does not say. */
export async function look(row: LastingJob, { cluster, clock }: ImageDependencies): Promise<Verdict> {
  const job = await cluster.getJob(clusterJobName(row.id, row.begun));
  if (!job) return { kind: "absent" };
  const pods = await cluster.pods(job.name);
  const events = pods.length === 0 ? await cluster.events(job.name) : [];
  return classify(job, pods, events, clock.now());
}

interface Acted extends Attended {
  /** There is something new to look at. */
  readonly isChanged: boolean;
}

/** Does what is to be done about what was seen. */
export async function act(
  row: LastingJob,
  verdict: Verdict,
  receiveCount: number,
  dependencies: ImageDependencies,
): Promise<Acted> {
  const mayHaveEnded = verdict.kind === "absent" || verdict.kind === "succeeded" || verdict.kind === "failed";
  const hasManifest = mayHaveEnded && (await dependencies.hasManifest(row));
  const judgement = judge(row, verdict, hasManifest, dependencies.clock.now());
  if (judgement.kind === "leave") return { row, isChanged: false, ...judgement };
  if (judgement.kind === "make") return make(row, receiveCount, dependencies);
  const { row: after, kind } = await enter(row, judgement.call, dependencies);
  const isChanged = kind === "applied" && (after.begun !== row.begun || !isOpen(after));
  return { row: after, isChanged };
}

/** Outputs that are there and cannot be passed on are a failure of their attempt. */
async function enter(row: LastingJob, call: JobCall, dependencies: ImageDependencies): Promise<Outcome> {
  try {
    return await happen(row, call, dependencies);
  } catch (error) {
    if (!(error instanceof StageFailure)) throw error;
    return happen(row, failed(row, error.reason, error.message, {}), dependencies);
  }
}

const hasPlace = (row: LastingJob, dependencies: ImageDependencies): Promise<boolean> =>
  takeAll(dependencies.slots, poolsOf(stageOf(row, dependencies), row, dependencies), row.id);

/** A cluster that is full, or does not answer, is asked again soon, and then less and less often. */
export function waitSeconds(receiveCount: number, random: number): number {
  const full = Math.min(120, 2 * 1.5 ** Math.min(20, Math.max(0, receiveCount - 1)));
  return Math.ceil(full * (1 - random / 2));
}

/** Makes the attempt's Job, if there is a place for it. */
async function make(row: LastingJob, receiveCount: number, dependencies: ImageDependencies): Promise<Acted> {
  const { slots, cluster, random, log } = dependencies;
  const later = { row, isChanged: false, againSeconds: waitSeconds(receiveCount, random()) };
  const pools = poolsOf(stageOf(row, dependencies), row, dependencies);
  if (!(await takeAll(slots, pools, row.id))) return later;
  if (row.begun > 1) await deleteJob(clusterJobName(row.id, row.begun - 1), dependencies);
  const started = await startClock(row, dependencies);
  if (!started || started.begun !== row.begun || !isOpen(started)) return { ...later, row: started ?? row };
  const manifest = await manifestOf(started, dependencies).catch(async (error: unknown) => {
    await freeAll(slots, pools, row.id);
    return failureIn(error);
  });
  if (manifest instanceof StageFailure) return end(started, manifest, dependencies);
  try {
    return await made(started, await cluster.ensureJob(manifest), manifest, dependencies);
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    if (error.isRefusal) return end(started, new StageFailure("refused", error.message), dependencies);
    // Where nobody answered, the Job may have been made, and keeps its place.
    if (error.isCertain) await freeAll(slots, pools, row.id);
    if (!error.isBusy) throw error;
    log("warn", `the cluster has no room: ${error.message}`, { job: row.id });
    return { ...later, row: started };
  }
}

/** Why there can be no Job: its input is gone, or the operator no longer allows what its pod does. */
function failureIn(error: unknown): StageFailure {
  if (error instanceof StageFailure) return error;
  if (error instanceof MillraceError) return new StageFailure("refused", error.message);
  throw error;
}

async function made(
  row: LastingJob,
  ensured: Ensured,
  { metadata: { name } }: JobManifest,
  dependencies: ImageDependencies,
): Promise<Acted> {
  const about = { job: row.id, attempt: row.begun };
  switch (ensured.kind) {
    case "made": {
      const [violation] = ensured.warnings.filter((warning) => /violate PodSecurity/.test(warning));
      // Kubernetes takes the Job, and would refuse its pods for ever.
      if (violation !== undefined) return end(row, new StageFailure("refused", violation), dependencies);
      for (const warning of ensured.warnings)
        dependencies.log("warn", `the cluster warns: ${warning}`, about);
      return { row, isChanged: false };
    }
    case "adopted":
      if (!ensured.isSame) dependencies.log("warn", `${name} was made from an earlier definition`, about);
      return { row, isChanged: false };
    case "ending":
      return { row, isChanged: false, againSeconds: 5 };
    case "foreign":
      return end(row, new StageFailure("refused", `there is a Job ${name} that is not ours`), dependencies);
  }
}

/** Ends an attempt that has not begun in the cluster. */
async function end(
  row: LastingJob,
  { reason, message }: StageFailure,
  dependencies: ImageDependencies,
): Promise<Acted> {
  const { row: after } = await happen(row, failed(row, reason, message, {}), dependencies);
  return { row: after, isChanged: true };
}

/** The attempt's time, and its key's, begins when there is a place for it. Undefined when the row is gone. */
async function startClock(
  row: LastingJob,
  { jobs, clock, plan, ring }: ImageDependencies,
): Promise<LastingJob | undefined> {
  const now = clock.now();
  const deadline = now + attemptSecondsOf(placeOf(row, plan).stage) * 1000;
  const key = row.key && { ...row.key, kid: kidNow(row.key.kid, ring), exp: expiryFrom(now, deadline) };
  // It has hardly waited: the row says so already.
  if (row.deadline !== undefined && deadline - row.deadline < FRESH_MS && key?.kid === row.key?.kid)
    return row;
  const { row: after } = await jobs.write(row, { set: { deadline, ...(key && { key }) }, entries: [] });
  return after;
}

const FRESH_MS = 60_000;

/** A variable of the environment ends at 128 KiB in Linux; what is longer is in the file alone. */
const MAX_ENV_BYTES = 32_768;

async function manifestOf(
  row: LastingJob,
  { plan, settings, ring, objects }: ImageDependencies,
): Promise<JobManifest> {
  const { body = "", begun, key } = row;
  if (!key) throw new Error(`the row of job ${row.id} has no key`);
  const keyFor = (scope: Scope): string =>
    derivedKey({ ...key, pipeline: row.pipeline, job: row.id, attempt: begun, scope }, ring);
  const { data = null } = await loadPayload(decodeEnvelope(body).payload, objects);
  const input = JSON.stringify(data);
  return jobManifest(
    stageOf(row, { plan }),
    row,
    {
      attempt: begun,
      agentKey: keyFor("work"),
      reportKey: keyFor("progress"),
      ...(Buffer.byteLength(input) <= MAX_ENV_BYTES && { input }),
    },
    settings,
  );
}

/** Takes away what a job has in the cluster: its Job with the pod, and its places. Keeps the end of its output. */
export const clearUp =
  (dependencies: ClusterDependencies & Pick<LastingDependencies, "plan">) =>
  async (row: LastingJob): Promise<ClearedUp> => {
    const log = await deleteJob(clusterJobName(row.id, row.begun), dependencies);
    await freeAll(dependencies.slots, poolsOf(stageOf(row, dependencies), row, dependencies), row.id);
    return log ? { log } : {};
  };

/** @returns the last lines of the user's container */
async function deleteJob(
  name: string,
  { cluster }: Pick<ClusterDependencies, "cluster">,
): Promise<LogLine[] | undefined> {
  const job = await cluster.getJob(name);
  if (!job) return undefined;
  const pod = newest(await cluster.pods(name));
  // Of a machine that is gone there is no log to be had, and its Job has to go all the same.
  const text = pod && (await cluster.logTail(pod.name, MAIN, LOG_LINES).catch(unlessClusterFault));
  await cluster.deleteJob(job);
  return text === undefined ? undefined : tailOf(text);
}

const LOG_LINES = 40;

function unlessClusterFault(error: unknown): undefined {
  if (!(error instanceof ClusterError)) throw error;
}

/** Jobs of a stage at once, when its definition does not say. */
export const STAGE_JOBS = 20;

export const poolsOf = (
  stage: HeavyStage,
  { pipeline }: Pick<LastingJob, "pipeline">,
  { clusterJobs }: Pick<ClusterDependencies, "clusterJobs">,
): readonly [SlotPool, SlotPool] => [
  stagePool(pipeline, stage.name, stage.concurrency ?? STAGE_JOBS),
  clusterPool(clusterJobs),
];

function stageOf(row: LastingJob, { plan }: Pick<LastingDependencies, "plan">): HeavyStage {
  const { stage } = placeOf(row, plan);
  if (isHeavy(stage)) return stage;
  throw new Error(`the stage "${stage.name}" runs in no cluster`);
}
