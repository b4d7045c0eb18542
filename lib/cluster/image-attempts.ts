import type { KeyRing } from "../job/callback-key.ts";
import type { JobCall } from "../job/decide.ts";
import { isOpen, type LastingJob, type Written } from "../job/lasting.ts";
import type { Attended, Dispatching, Waiting } from "../stage/dispatch.ts";
import { StageFailure } from "../stage/failure.ts";
import { happen, type LastingDependencies, type Outcome } from "../stage/lasting.ts";
import { clusterJobOf, isShared, SHARED_ATTEMPT } from "./carrier.ts";
import { classify, type Verdict } from "./classify.ts";
import { stageOf } from "./clear-up.ts";
import type { Cluster } from "./cluster.ts";
import { failed, judge } from "./judgement.ts";
import { type Group, makeJob, takePlace, waitSeconds } from "./make-job.ts";
import type { ClusterSettings } from "./manifest.ts";
import type { ObservedJob } from "./observed.ts";
import type { Slots } from "./slots.ts";

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

/** What was done for a job, and what came of it. */
export interface Acted extends Attended {
  /** There is something new to look at. */
  readonly isChanged?: boolean;
  /** A Job is to be made for it, together with others. */
  readonly isToShare?: boolean;
}

/** What one look may lead to: a failure, then the next attempt's Job. */
const STEPS = 4;

export const imageDispatching = (dependencies: ImageDependencies): Dispatching => ({
  attend: async (waiting) => {
    const attended = await Promise.allSettled(waiting.map((each) => attendOne(each, dependencies)));
    const sharing = waiting.flatMap(({ receiveCount }, index) => {
      const each = attended[index];
      return each?.status === "fulfilled" && each.value.isToShare
        ? [{ row: each.value.row, receiveCount }]
        : [];
    });
    const shared = await share(onceEach(sharing), dependencies);
    return attended.map((each, index) => shared.get(waiting[index]?.row.id ?? "") ?? each);
  },
});

/**
 * A token whose message is there twice may be given to one pod: the row that was read last can still be written. Who was a
 * carrier before comes first: there may be a place in its name.
 */
function onceEach(waiting: readonly Waiting[]): Waiting[] {
  const newest = new Map<string, Waiting>();
  for (const each of waiting) {
    const { id, rev } = each.row;
    if (rev >= (newest.get(id)?.row.rev ?? 0)) newest.set(id, each);
  }
  const wasCarrier = ({ row }: Waiting): number => Number(row.carrier === row.id);
  return [...newest.values()].sort((a, b) => wasCarrier(b) - wasCarrier(a));
}

async function attendOne(
  { row: first, receiveCount }: Waiting,
  dependencies: ImageDependencies,
): Promise<Acted> {
  let row = first;
  for (let step = 0; step < STEPS && isOpen(row); step += 1) {
    const isNew = row.state === "CREATED";
    const isInShared = row.begun === SHARED_ATTEMPT && row.carrier !== undefined;
    if (isNew && !isInShared) {
      if (isShareable(row, dependencies)) return { row, isToShare: true };
      // Without a place there is no Job: nothing is asked of the cluster by those who wait.
      if (!(await takePlace(row, dependencies)))
        return { row, againSeconds: waitSeconds(receiveCount, dependencies.random()) };
    }
    const acted = await act(row, await look(row, dependencies), receiveCount, dependencies);
    if (!acted.isChanged) return acted;
    row = acted.row;
  }
  return { row };
}

/** It may be given to a pod together with others. */
const isShareable = (row: LastingJob, dependencies: ImageDependencies): boolean =>
  row.begun === SHARED_ATTEMPT && batchOf(row, dependencies) > 1;

const batchOf = (row: LastingJob, dependencies: ImageDependencies): number =>
  stageOf(row, dependencies).work.batch ?? 1;

/** Makes Jobs for tokens that share them, as full as they get. What was done for each, by the id of its job. */
async function share(
  waiting: readonly Waiting[],
  dependencies: ImageDependencies,
): Promise<Map<string, PromiseSettledResult<Acted>>> {
  const results = new Map<string, PromiseSettledResult<Acted>>();
  await Promise.all(
    groupsOf(waiting, dependencies).map(async ([first, ...others]) => {
      const group: Group = [first.row, ...others.map(({ row }) => row)];
      const receiveCount = Math.max(first.receiveCount, ...others.map((each) => each.receiveCount));
      const [made] = await Promise.allSettled([makeJob(group, receiveCount, dependencies)]);
      for (const [index, { id }] of group.entries()) {
        const acted = made.status === "fulfilled" ? made.value[index] : undefined;
        if (acted) results.set(id, { status: "fulfilled", value: acted });
        else if (made.status === "rejected") results.set(id, made);
      }
    }),
  );
  return results;
}

/** As many as share a Job, and at the end what is left. */
function groupsOf(
  [first, ...others]: readonly Waiting[],
  dependencies: ImageDependencies,
): [Waiting, ...Waiting[]][] {
  if (!first) return [];
  const more = batchOf(first.row, dependencies) - 1;
  return [[first, ...others.slice(0, more)], ...groupsOf(others.slice(more), dependencies)];
}

/** A Job, if there is one, and what has become of it. */
export interface Seen {
  readonly job: ObservedJob | undefined;
  readonly verdict: Verdict;
}

/** What has become of the current attempt. Pods and events are asked for only when the Job alone does not say. */
export async function look(row: LastingJob, { cluster, clock }: ImageDependencies): Promise<Seen> {
  const job = await cluster.getJob(clusterJobOf(row));
  // Whoever was to make it for this one as well may have died, and somebody else have made it for others.
  if (!job?.jobs.includes(row.id)) return { job: undefined, verdict: { kind: "absent" } };
  const pods = await cluster.pods(job.name);
  const events = pods.length === 0 ? await cluster.events(job.name) : [];
  return { job, verdict: classify(job, pods, events, clock.now()) };
}

/** Does what is to be done about what was seen. */
export async function act(
  row: LastingJob,
  { job, verdict }: Seen,
  receiveCount: number,
  dependencies: ImageDependencies,
): Promise<Acted> {
  const mayHaveEnded = verdict.kind === "absent" || verdict.kind === "succeeded" || verdict.kind === "failed";
  const hasManifest = mayHaveEnded && (await dependencies.hasManifest(row));
  const known = { hasManifest, isShared: isShared(row, job) };
  const judgement = judge(row, verdict, known, dependencies.clock.now());
  if (judgement.kind === "leave") return { row, ...judgement };
  if (judgement.kind === "make") {
    const { isOurs, row: own } = await forItself(row, dependencies);
    if (!isOurs || !own) return { row: own ?? row, isChanged: true };
    if (isShareable(own, dependencies)) return { row: own, isToShare: true };
    const [made = { row: own }] = await makeJob([own], receiveCount, dependencies);
    return made;
  }
  const { row: after, kind } = await enter(row, judgement.call, dependencies);
  const isChanged = kind === "applied" && (after.begun !== row.begun || !isOpen(after));
  return { row: after, isChanged };
}

/** It no longer belongs to the Job that another named and that is not there: whose place would be kept, and waited for. */
async function forItself(row: LastingJob, { jobs }: ImageDependencies): Promise<Written> {
  const { id, carrier = id } = row;
  if (carrier === id) return { isOurs: true, row };
  return jobs.write(row, { set: { carrier: id }, entries: [] });
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
