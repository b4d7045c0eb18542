import type { LastingJob, LastingStore } from "../job/lasting.ts";
import type { LogLine } from "../job/record.ts";
import { jobInClusterName } from "../plan/names.ts";
import type { Plan } from "../plan/plan.ts";
import { type ClearedUp, placeOf } from "../stage/lasting.ts";
import { type HeavyStage, isHeavy, MAIN } from "./base-pod.ts";
import { clusterJobOf, meantFor, runsIn } from "./carrier.ts";
import { newest } from "./classify.ts";
import { type Cluster, ClusterError } from "./cluster.ts";
import type { ClusterDependencies } from "./image-attempts.ts";
import { tailOf } from "./log-lines.ts";
import type { ObservedJob } from "./observed.ts";
import { clusterPool, freeAll, type SlotPool, stagePool } from "./slots.ts";

/** What an attempt has in the cluster, and how it is taken away: its Job with the pod, and its places. */

export type ClearingDependencies = Pick<ClusterDependencies, "cluster" | "slots" | "clusterJobs"> & {
  readonly plan: Plan;
  readonly jobs: Pick<LastingStore, "get">;
};

/** Takes away what the current attempt has. Keeps the end of its output. */
export const clearUp =
  (dependencies: ClearingDependencies) =>
  async (row: LastingJob): Promise<ClearedUp> => {
    const log = await letGo(row, row.begun, dependencies);
    return log ? { log } : {};
  };

/**
 * Takes away what an attempt has, unless another token still needs it.
 *
 * @returns the last lines of the user's container
 */
export async function letGo(
  row: LastingJob,
  attempt: number,
  dependencies: ClearingDependencies,
): Promise<LogLine[] | undefined> {
  const { cluster, slots } = dependencies;
  const name = clusterJobOf(row, attempt);
  const job = await cluster.getJob(name);
  const log = job && (await logOf(job, cluster));
  if (await isNeeded(name, job, row, dependencies)) return log;
  if (job) await cluster.deleteJob(job);
  await freeAll(slots, poolsOf(stageOf(row, dependencies), row, dependencies), name);
  return log;
}

async function logOf(job: ObservedJob, cluster: Cluster): Promise<LogLine[] | undefined> {
  const pod = newest(await cluster.pods(job.name));
  // Of a machine that is gone there is no log to be had, and its Job has to go all the same.
  const text = pod && (await cluster.logTail(pod.name, MAIN, LOG_LINES).catch(unlessClusterFault));
  return text === undefined ? undefined : tailOf(text);
}

const LOG_LINES = 40;

function unlessClusterFault(error: unknown): undefined {
  if (!(error instanceof ClusterError)) throw error;
}

/** Another than this one may still finish in the Job; of one that is gone, would have to be told so. */
async function isNeeded(
  name: string,
  job: ObservedJob | undefined,
  own: LastingJob,
  { jobs }: ClearingDependencies,
): Promise<boolean> {
  const carrier = jobInClusterName(name);
  const row = carrier === own.id ? own : !job && (await jobs.get(own.pipeline, carrier));
  const ids = job?.jobs ?? (row ? meantFor(name, row) : []);
  for (const id of ids) {
    if (id === own.id) continue;
    const other = await jobs.get(own.pipeline, id);
    if (other && runsIn(other, name)) return true;
  }
  return false;
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

export function stageOf(row: LastingJob, { plan }: { readonly plan: Plan }): HeavyStage {
  const { stage } = placeOf(row, plan);
  if (isHeavy(stage)) return stage;
  throw new Error(`the stage "${stage.name}" runs in no cluster`);
}
