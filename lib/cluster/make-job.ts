import { MillraceError } from "../errors.ts";
import { derivedKey, kidNow, type Scope } from "../job/callback-key.ts";
import { expiryFrom } from "../job/decide.ts";
import { isOpen, type LastingChange, type LastingJob } from "../job/lasting.ts";
import { clusterJobName } from "../plan/names.ts";
import { loadPayload } from "../stage/emission.ts";
import { StageFailure } from "../stage/failure.ts";
import { attemptSecondsOf, happen, placeOf } from "../stage/lasting.ts";
import { decodeEnvelope } from "../token/envelope.ts";
import { SHARED_ATTEMPT } from "./carrier.ts";
import { letGo, poolsOf, stageOf } from "./clear-up.ts";
import { ClusterError, type Ensured } from "./cluster.ts";
import type { Acted, ImageDependencies } from "./image-attempts.ts";
import { failed } from "./judgement.ts";
import { type JobManifest, jobManifest, type PodToken } from "./manifest.ts";
import { freeAll, takeAll } from "./slots.ts";

/** How the Job of an attempt is made, or of the first attempts of several tokens: a place, the rows, the Job. */

/**
 * A cluster that is full, or does not answer, is asked again soon, and then less and less often: a place that is given back
 * stays empty for at most that long. Each time costs two writes and a request or two to the queue, for ten thousand tokens
 * that wait less than a dollar an hour.
 */
export function waitSeconds(receiveCount: number, random: number): number {
  const full = Math.min(LONGEST_WAIT_SECONDS, 2 * 1.5 ** Math.min(20, Math.max(0, receiveCount - 1)));
  return Math.ceil(full * (1 - random / 2));
}

const LONGEST_WAIT_SECONDS = 120;

/** A place for the Job that has this job's name. */
export async function takePlace(row: LastingJob, dependencies: ImageDependencies): Promise<boolean> {
  const pools = poolsOf(stageOf(row, dependencies), row, dependencies);
  const take = (): Promise<boolean> => takeAll(dependencies.slots, pools, clusterJobName(row.id, row.begun));
  if (await take()) return true;
  if (row.begun === SHARED_ATTEMPT) return false;
  // Nobody may have given back that of the attempt before.
  await letGo(row, row.begun - 1, dependencies);
  return take();
}

/** Jobs of one stage that are to share a Kubernetes Job; several only at their first attempt. */
export type Group = readonly [carrier: LastingJob, ...others: LastingJob[]];

/**
 * Makes one Job for a group, if there is a place for it.
 *
 * @returns what was done for each, in their order
 * @throws ClusterError when the cluster answers what it should not
 */
export async function makeJob(
  group: Group,
  receiveCount: number,
  dependencies: ImageDependencies,
): Promise<readonly Acted[]> {
  const [carrier] = group;
  const againSeconds = waitSeconds(receiveCount, dependencies.random());
  const later = group.map((row): Acted => ({ row, againSeconds }));
  if (!(await takePlace(carrier, dependencies))) return later;
  if (carrier.begun > 1) await letGo(carrier, carrier.begun - 1, dependencies);
  const started = await start(group, dependencies);
  // Whoever has written the carrier's row meanwhile may need the place; if not, the sweep gives it back.
  if (!started) return later;
  const acted = new Map<string, Acted>();
  for (const each of await submit(started, againSeconds, dependencies)) acted.set(each.row.id, each);
  return later.map((each) => acted.get(each.row.id) ?? each);
}

/**
 * The time of an attempt, and its key's, begins when there is a place for it. The carrier is written first: what the others
 * say of it is true then.
 *
 * @returns the rows as they are then, without those that others have written, or that have ended; undefined when the carrier is
 *   one of these
 */
async function start(group: Group, dependencies: ImageDependencies): Promise<Group | undefined> {
  const [carrier, ...others] = group;
  const { work } = stageOf(carrier, dependencies);
  const isSharing =
    carrier.begun === SHARED_ATTEMPT && (work.batch !== undefined || carrier.carrier !== undefined);
  const own = isSharing ? { carrier: carrier.id, carried: group.map(({ id }) => id) } : {};
  const first = await startOne(carrier, own, dependencies);
  if (!first) return undefined;
  const set = { carrier: carrier.id };
  const started = await Promise.all(others.map((row) => startOne(row, set, dependencies)));
  return [first, ...started.filter((row) => row !== undefined)];
}

async function startOne(
  row: LastingJob,
  sharing: Pick<LastingChange["set"], "carrier" | "carried">,
  { jobs, clock, plan, ring }: ImageDependencies,
): Promise<LastingJob | undefined> {
  const now = clock.now();
  const deadline = now + attemptSecondsOf(placeOf(row, plan).stage) * 1000;
  const key = row.key && { ...row.key, kid: kidNow(row.key.kid, ring), exp: expiryFrom(now, deadline) };
  const isFresh = row.deadline !== undefined && deadline - row.deadline < FRESH_MS;
  // It has hardly waited: the row says so already.
  if (isFresh && key?.kid === row.key?.kid && sharing.carrier === undefined) return row;
  const set = { deadline, ...(key && { key }), ...sharing };
  const { isOurs, row: after } = await jobs.write(row, { set, entries: [] });
  return isOurs && after && isOpen(after) ? after : undefined;
}

const FRESH_MS = 60_000;

/** @param group whose time has begun */
async function submit(
  group: Group,
  againSeconds: number,
  dependencies: ImageDependencies,
): Promise<readonly Acted[]> {
  const { slots, cluster, log } = dependencies;
  const [carrier] = group;
  const name = clusterJobName(carrier.id, carrier.begun);
  const pools = poolsOf(stageOf(carrier, dependencies), carrier, dependencies);
  const manifest = await manifestOf(group, dependencies).catch(async (error: unknown) => {
    await freeAll(slots, pools, name);
    return failureIn(error);
  });
  if (manifest instanceof StageFailure) return endAll(group, manifest, dependencies);
  try {
    return await heed(group, await cluster.ensureJob(manifest), manifest, againSeconds, dependencies);
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    if (error.isRefusal) return endAll(group, new StageFailure("refused", error.message), dependencies);
    // Where nobody answered, the Job may have been made, and keeps its place.
    if (error.isCertain) await freeAll(slots, pools, name);
    if (!error.isBusy) throw error;
    log("warn", `the cluster has no room: ${error.message}`, { job: carrier.id });
    return group.map((row) => ({ row, againSeconds }));
  }
}

/** Why there can be no Job: its input is gone, or the operator no longer allows what its pod does. */
function failureIn(error: unknown): StageFailure {
  if (error instanceof StageFailure) return error;
  if (error instanceof MillraceError) return new StageFailure("refused", error.message);
  throw error;
}

/** A Job that was deleted is gone soon, and its name free. */
const ENDING_SECONDS = 5;

/** Does what the cluster's answer asks for. */
async function heed(
  rows: readonly LastingJob[],
  ensured: Ensured,
  { metadata: { name } }: JobManifest,
  againSeconds: number,
  dependencies: ImageDependencies,
): Promise<readonly Acted[]> {
  const about = { clusterJob: name, jobs: rows.map(({ id }) => id) };
  switch (ensured.kind) {
    case "made": {
      const [violation] = ensured.warnings.filter((warning) => /violate PodSecurity/.test(warning));
      // Kubernetes takes the Job, and would refuse its pods for ever.
      if (violation !== undefined) return endAll(rows, new StageFailure("refused", violation), dependencies);
      for (const warning of ensured.warnings)
        dependencies.log("warn", `the cluster warns: ${warning}`, about);
      return rows.map((row) => ({ row }));
    }
    case "adopted":
      if (!ensured.isSame)
        dependencies.log("warn", `${name} was made for others, or from an earlier definition`, about);
      return rows.map((row) => (ensured.job.jobs.includes(row.id) ? { row } : { row, againSeconds }));
    case "ending":
      return rows.map((row) => ({ row, againSeconds: ENDING_SECONDS }));
    case "foreign":
      return endAll(
        rows,
        new StageFailure("refused", `there is a Job ${name} that is not ours`),
        dependencies,
      );
  }
}

/** Ends attempts that have not begun in the cluster. */
const endAll = (
  rows: readonly LastingJob[],
  { reason, message }: StageFailure,
  dependencies: ImageDependencies,
): Promise<Acted[]> =>
  Promise.all(
    rows.map(async (row) => {
      const { row: after } = await happen(row, failed(row, reason, message, {}), dependencies);
      return { row: after, isChanged: true };
    }),
  );

/** A variable of the environment ends at 128 KiB in Linux; what is longer is in the file alone. */
const MAX_ENV_BYTES = 32_768;

async function manifestOf(
  group: Group,
  { plan, settings, ring, objects }: ImageDependencies,
): Promise<JobManifest> {
  const [carrier] = group;
  const stage = stageOf(carrier, { plan });
  const tokens = group.map((row): PodToken => {
    const { pipeline, id: job, begun: attempt, key } = row;
    if (!key) throw new Error(`the row of job ${job} has no key`);
    const keyFor = (scope: Scope): string => derivedKey({ ...key, pipeline, job, attempt, scope }, ring);
    return {
      job: row,
      attempt,
      agentKey: keyFor("work"),
      ownKey: keyFor(stage.work.finishedBy === "callback" ? "work" : "progress"),
    };
  });
  if (stage.work.batch !== undefined) return jobManifest(stage, tokens, settings);
  const { data = null } = await loadPayload(decodeEnvelope(carrier.body ?? "").payload, objects);
  const input = JSON.stringify(data);
  return jobManifest(stage, tokens, settings, Buffer.byteLength(input) <= MAX_ENV_BYTES ? input : undefined);
}
