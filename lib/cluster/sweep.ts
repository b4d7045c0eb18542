import { isOpen, type LastingJob } from "../job/lasting.ts";
import { jobInClusterName } from "../plan/names.ts";
import { seeThrough } from "../stage/settle.ts";
import { isHeavy } from "./base-pod.ts";
import { clusterJobOf, meantFor } from "./carrier.ts";
import { classify } from "./classify.ts";
import { poolsOf } from "./clear-up.ts";
import { act, type ImageDependencies, look } from "./image-attempts.ts";
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

/** Jobs that were in the cluster, by name, each with the ids of those that are in it. */
type Found = Map<string, readonly string[]>;

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
  const found: Found = new Map();
  for await (const job of cluster.jobs(settings.app)) {
    if (!dependencies.hasTime()) return counts;
    found.set(job.name, job.jobs);
    batch.push(job);
    if (batch.length === AT_ONCE) await work();
  }
  await work();
  for await (const finding of sweepSlots(found, dependencies)) count(finding);
  for await (const finding of sweepClusterSlots(found, dependencies)) count(finding);
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
  const pipeline = job.labels[LABELS.pipeline] ?? "";
  const read = await Promise.all(job.jobs.map((id) => jobs.get(pipeline, id)));
  const rows = read.filter((row) => row !== undefined);
  if (rows.length === 0 && clock.now() - job.createdAt < ORPHAN_MS) return "unknown";
  const current = rows.filter((row) => isCurrent(row, job.name));
  const waited = current.filter(({ state }) => state !== "RESET");
  if (waited.length === 0) {
    // A job that was reset waits for somebody; its places are given back below.
    await cluster.deleteJob(job);
    if (current.length > 0) return "reset";
    const [finding, whose] = rows.length > 0 ? ["stale", "an attempt that is over"] : ["orphan", "no row"];
    log("info", `the Job is of ${whose}: deleted`, { clusterJob: job.name });
    return finding;
  }
  const events = pods.length === 0 ? await cluster.events(job.name) : [];
  const verdict = classify(job, pods, events, clock.now());
  const findings = await Promise.all(
    waited.map(async (row) => {
      if (isOpen(row)) {
        await act(row, { job, verdict }, 1, dependencies);
        return verdict.kind;
      }
      if (sinceLast(row, clock.now()) < FOLLOW_UP_MS) return "ending";
      await seeThrough(row, dependencies);
      return "followed-up";
    }),
  );
  return findings.includes(verdict.kind) ? verdict.kind : (findings[0] ?? verdict.kind);
}

/** Whoever has ended a job is seeing it through, and would send the same once more beside the sweep; after so long they died. */
const FOLLOW_UP_MS = 60_000;

/** Milliseconds since something happened to a job. */
const sinceLast = ({ history }: Pick<LastingJob, "history">, now: number): number =>
  now - Date.parse(history.at(-1)?.at ?? "");

/**
 * Whoever stood still between its two places may take the second when the Job is through, and the first was given back: only
 * here it is to be seen.
 */
async function* sweepClusterSlots(found: Found, dependencies: ImageDependencies): AsyncGenerator<string> {
  const { plan, slots, clusterJobs } = dependencies;
  const pool = clusterPool(clusterJobs);
  for (const name of await slots.held(pool)) {
    const needs = await Promise.all(plan.pipelines.map(({ id }) => needing(name, id, found, dependencies)));
    if (needs.some((rows) => rows.length > 0)) continue;
    await slots.free(pool, name);
    yield "freed";
  }
}

/** Gives back places of Jobs that nobody needs; and finds what ran and has no Job any more. */
async function* sweepSlots(found: Found, dependencies: ImageDependencies): AsyncGenerator<string> {
  for (const { id: pipeline, stages } of dependencies.plan.pipelines) {
    for (const stage of stages.filter(isHeavy)) {
      const pools = poolsOf(stage, { pipeline }, dependencies);
      for (const name of await dependencies.slots.held(pools[0])) {
        // What is wrong with one is no reason to leave the others as they are.
        const finding = await sweepSlot(name, pipeline, pools, found, dependencies).catch(
          (error: unknown) => {
            dependencies.log("error", `the place is not swept: ${(error as Error).message}`, {
              clusterJob: name,
            });
            return "error";
          },
        );
        if (finding !== undefined) yield finding;
      }
    }
  }
}

async function sweepSlot(
  name: string,
  pipeline: string,
  pools: readonly SlotPool[],
  found: Found,
  dependencies: ImageDependencies,
): Promise<string | undefined> {
  const needed = await needing(name, pipeline, found, dependencies);
  if (needed.length === 0) {
    await freeAll(dependencies.slots, pools, name);
    return "freed";
  }
  if (found.has(name)) return undefined;
  let finding: string | undefined;
  for (const row of needed.filter((each) => each.state === "RUNNING" && isOpen(each))) {
    // Looked for once more: it may have been made since the list was.
    const seen = await look(row, dependencies);
    await act(row, seen, 1, dependencies);
    if (seen.verdict.kind === "absent") finding = "vanished";
  }
  return finding;
}

/** The rows of those that run in a Job, or for which it is to be made. */
async function needing(
  name: string,
  pipeline: string,
  found: Found,
  { jobs, clock }: ImageDependencies,
): Promise<LastingJob[]> {
  const carrier = await jobs.get(pipeline, jobInClusterName(name));
  if (!carrier) return [];
  const inJob = found.get(name);
  const ids = new Set([...meantFor(name, carrier), ...(inJob ?? [])]);
  ids.delete(carrier.id);
  const others = await Promise.all([...ids].map((id) => jobs.get(pipeline, id)));
  return [carrier, ...others.filter((row) => row !== undefined)].filter(
    (row) =>
      isCurrent(row, name) &&
      row.state !== "RESET" &&
      (inJob !== undefined || !isForgotten(row, clock.now())),
  );
}

/** The Job is that of its attempt, and it has not been seen through. */
const isCurrent = (row: LastingJob, name: string): boolean => !row.settled && clusterJobOf(row) === name;

/** It was opened by a retry that died before it sent the message: nobody will make a Job for it. */
const isForgotten = (row: LastingJob, now: number): boolean =>
  row.state === "CREATED" && row.dead !== undefined && sinceLast(row, now) >= ORPHAN_MS;
