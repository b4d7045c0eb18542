import { isOpen, type LastingJob } from "../job/lasting.ts";
import { clusterJobName } from "../plan/names.ts";
import { seeThrough } from "../stage/settle.ts";
import { isHeavy } from "./base-pod.ts";
import { classify } from "./classify.ts";
import { act, type ImageDependencies, look, poolsOf } from "./image-attempts.ts";
import { LABELS } from "./manifest.ts";
import type { ObservedJob, ObservedPod } from "./observed.ts";
import { clusterPool, freeAll, type SlotPool } from "./slots.ts";

/**
 * Looks at every Job of the deployment, once a minute: what callbacks cannot tell (an image that is not there, a machine that
 * died), and what nobody has told because a callback was lost. What it finds enters the same state machine as a callback, and
 * so may be found twice. Jobs that nobody waits for are deleted, and places whose jobs are through are given back.
 */

/** So many of each kind of finding. */
export type Swept = Readonly<Record<string, number>>;

/** A Job whose row is not to be seen may be older than a read; after so long there is none. */
const ORPHAN_MS = 600_000;
const AT_ONCE = 8;

export async function sweep(dependencies: ImageDependencies): Promise<Swept> {
  const { cluster, settings, log } = dependencies;
  const counts: Record<string, number> = {};
  const count = (finding: string): void => {
    counts[finding] = (counts[finding] ?? 0) + 1;
  };
  // Pods before Jobs: a Job that is made between the two has no pods yet, and is not missed by them.
  const pods = await cluster.podsByJob(settings.app);
  let batch: ObservedJob[] = [];
  const work = async (): Promise<void> => {
    await Promise.all(
      batch.map((job) =>
        sweepOne(job, pods.get(job.name) ?? [], dependencies)
          .then(count)
          .catch((error: unknown) => {
            count("error");
            log("error", `not swept: ${(error as Error).message}`, { clusterJob: job.name });
          }),
      ),
    );
    batch = [];
  };
  const seen = new Set<string>();
  for await (const job of cluster.jobs(settings.app)) {
    if (!dependencies.hasTime()) return counts;
    seen.add(job.name);
    batch.push(job);
    if (batch.length === AT_ONCE) await work();
  }
  await work();
  for await (const finding of sweepSlots(seen, dependencies)) count(finding);
  for await (const finding of sweepClusterSlots(seen, dependencies)) count(finding);
  return counts;
}

/** @returns what was found */
async function sweepOne(
  job: ObservedJob,
  pods: readonly ObservedPod[],
  dependencies: ImageDependencies,
): Promise<string> {
  const { cluster, jobs, clock, log } = dependencies;
  if (job.deletingAt !== undefined) return "ending";
  const { [LABELS.pipeline]: pipeline = "", [LABELS.job]: id = "", [LABELS.attempt]: attempt } = job.labels;
  const row = await jobs.get(pipeline, id);
  if (!row && clock.now() - job.createdAt < ORPHAN_MS) return "unknown";
  if (!row || row.settled || row.begun !== Number(attempt)) {
    log("info", row ? "the Job is of an attempt that is over: deleted" : "the Job is of no row: deleted", {
      clusterJob: job.name,
    });
    await cluster.deleteJob(job);
    return row ? "stale" : "orphan";
  }
  if (row.state === "RESET") {
    // It waits for somebody; its places are given back below.
    await cluster.deleteJob(job);
    return "reset";
  }
  if (!isOpen(row)) {
    await seeThrough(row, dependencies);
    return "followed-up";
  }
  const events = pods.length === 0 ? await cluster.events(job.name) : [];
  const verdict = classify(job, pods, events, clock.now());
  await act(row, verdict, 1, dependencies);
  return verdict.kind;
}

/**
 * Whoever stood still between its two places may take the second when the job is through, and the first was given back: only
 * here it is to be seen.
 */
async function* sweepClusterSlots(
  seen: ReadonlySet<string>,
  { plan, slots, jobs, clock, clusterJobs }: ImageDependencies,
): AsyncGenerator<string> {
  const pool = clusterPool(clusterJobs);
  for (const id of await slots.held(pool)) {
    const rows = await Promise.all(plan.pipelines.map((pipeline) => jobs.get(pipeline.id, id)));
    if (rows.some((row) => row && !isIdle(row, seen, clock.now()))) continue;
    await slots.free(pool, id);
    yield "freed";
  }
}

/** Gives back places of jobs that are through, or are not there; and finds what ran and has no Job any more. */
async function* sweepSlots(
  seen: ReadonlySet<string>,
  dependencies: ImageDependencies,
): AsyncGenerator<string> {
  for (const { id: pipeline, stages } of dependencies.plan.pipelines) {
    for (const stage of stages.filter(isHeavy)) {
      const pools = poolsOf(stage, { pipeline }, dependencies);
      for (const id of await dependencies.slots.held(pools[0])) {
        // What is wrong with one is no reason to leave the others as they are.
        const finding = await sweepSlot(id, pipeline, pools, seen, dependencies).catch((error: unknown) => {
          dependencies.log("error", `the place is not swept: ${(error as Error).message}`, { job: id });
          return "error";
        });
        if (finding !== undefined) yield finding;
      }
    }
  }
}

async function sweepSlot(
  id: string,
  pipeline: string,
  pools: readonly SlotPool[],
  seen: ReadonlySet<string>,
  dependencies: ImageDependencies,
): Promise<string | undefined> {
  const row = await dependencies.jobs.get(pipeline, id);
  if (!row || isIdle(row, seen, dependencies.clock.now())) {
    await freeAll(dependencies.slots, pools, id);
    return "freed";
  }
  if (row.state !== "RUNNING" || !isOpen(row) || seen.has(clusterJobName(id, row.begun))) return undefined;
  // Looked for once more: it may have been made since the list was.
  const verdict = await look(row, dependencies);
  await act(row, verdict, 1, dependencies);
  return verdict.kind === "absent" ? "vanished" : undefined;
}

/** Nobody works on the job: it is through, waits for somebody, or was opened by a retry that died before it sent the message. */
const isIdle = (row: LastingJob, seen: ReadonlySet<string>, now: number): boolean =>
  row.settled === true ||
  row.state === "RESET" ||
  (row.state === "CREATED" &&
    row.dead !== undefined &&
    !seen.has(clusterJobName(row.id, row.begun)) &&
    now - Date.parse(row.history.at(-1)?.at ?? "") >= ORPHAN_MS);
