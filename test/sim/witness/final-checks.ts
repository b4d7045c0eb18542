import type { JobState } from "../../../lib/job/machine.ts";
import type { JobRecord } from "../../../lib/job/record.ts";
import { edgeOf } from "../../../lib/plan/find.ts";
import { PIPELINE } from "../scenario/pipeline.ts";
import { type Data, reasonOf } from "../scenario/poison.ts";
import type { BucketModel } from "../services/bucket.ts";
import type { Services } from "../services/services.ts";
import type { World } from "../world/world.ts";
import { checkBoard } from "./board-check.ts";
import { payloadIn } from "./commits.ts";
import { checkHistories } from "./history-check.ts";
import { envelopeIn } from "./messages.ts";
import { jobIdOf, short, type Truth } from "./truth.ts";

/**
 * What must hold when the world has healed, somebody has retried what lay in the error bucket, and nothing moves any
 * more. Only then it shows that nothing was lost: everything that entered is done, or lies in the error bucket for a
 * reason that is really there.
 */
export async function checkAtRest(world: World, services: Services, truth: Truth): Promise<void> {
  checkQueues(services, truth);
  checkCluster(services, truth);
  checkArrivals(truth);
  checkTokens(truth);
  checkJobs(services, truth);
  await checkBoard(world, services, truth);
  await checkHistories(world, services, truth);
}

function checkCluster({ cluster, slots }: Services, truth: Truth): void {
  for (const { manifest } of cluster.jobs)
    truth.violate(`the Job ${manifest.metadata.name} is left in the cluster`);
  if (!slots.isEmpty) truth.violate("places in the cluster are taken, and nothing runs there");
}

function checkQueues({ queues }: Services, truth: Truth): void {
  for (const name of queues.names)
    if (queues.size(name) > 0) truth.violate(`${queues.size(name)} messages are left in ${name}`);
}

/** What was promised is known, and what is known came in by the intake. */
function checkArrivals(truth: Truth): void {
  for (const token of truth.promised)
    if (!truth.tokens.has(token))
      truth.violate(`the token ${short(token)} was accepted and never seen again`);
  for (const token of truth.arrivals)
    if (!truth.tokens.has(token)) truth.violate(`the arrival ${short(token)} came from nowhere`);
  for (const { id, parent } of truth.tokens.values())
    if (parent === undefined && !truth.arrivals.has(id))
      truth.violate(`the token ${short(id)} has no arrival`);
}

const OVER: ReadonlySet<JobState> = new Set(["FINISHED", "FAILED", "RETIRED"]);

/** Every token that entered or was committed, and every message that was none, has a job that is over. */
function checkTokens(truth: Truth): void {
  for (const token of truth.tokens.values()) {
    const row = truth.jobs.get(jobIdOf(token))?.row;
    const what = `the token ${short(token.id)} on ${token.edge}`;
    if (!row) truth.violate(`${what} has no job`);
    else if (!OVER.has(row.state)) truth.violate(`${what} is ${row.state}, and nothing will work on it`);
  }
  for (const id of truth.strays.keys())
    if (!truth.jobs.get(id)?.row) truth.violate(`the stray message of job ${short(id)} was lost`);
}

/** Every job in the error bucket is there for a reason that can be seen; what the others put out is there. */
function checkJobs({ bucket }: Services, truth: Truth): void {
  for (const [id, { row, children }] of truth.jobs) {
    if (!row) continue;
    const what = `job ${short(id)} (${row.stage})`;
    if (row.state === "FAILED" && !isJustified(row, bucket, truth))
      truth.violate(`${what} lies in the error bucket without need: ${row.reason}: ${row.error?.message}`);
    if (children?.some(({ isSent }) => !isSent)) truth.violate(`${what} has outputs that were never sent`);
    if (row.state === "FINISHED" && row.stage === "last") checkResult(row, bucket, truth);
  }
  for (const [key, etag] of truth.referenced)
    if (bucket.find({ key, etag }) === undefined) truth.violate(`the object ${key} is not there any more`);
}

function checkResult({ id, token }: JobRecord, bucket: BucketModel, truth: Truth): void {
  const [key, ...others] = bucket.keysBelow(`results/${PIPELINE.id}/${token}`);
  if (key === undefined || others.length > 0)
    truth.violate(`job ${short(id)} has published ${others.length + 1} results`);
  else if (bucket.head(key).metadata["millrace-owner"] !== id)
    truth.violate(`the result ${key} is not job ${short(id)}'s`);
}

function isJustified(
  { id, stage, reason, body = "" }: JobRecord,
  bucket: BucketModel,
  truth: Truth,
): boolean {
  const stray = truth.strays.get(id);
  if (stray !== undefined) return reason === "malformed" && body === stray;
  const payload = envelopeIn(body)?.payload;
  if (payload === undefined) return false;
  const { data, objects } = payloadIn(payload, bucket);
  if (reason === "object-missing") return objects.some((object) => bucket.find(object) === undefined);
  const { poison } = (data ?? {}) as Partial<Data>;
  return poison?.stage === stage && reasonOf(stage, poison.how) === reason;
}

/** Where nothing but tokens was at fault, nothing is done more often than it must be. */
export function checkCalm(truth: Truth): void {
  for (const [id, { row, runs, deaths, openings, hadCompany }] of truth.jobs) {
    if (!row) continue;
    const what = `in a calm world, job ${short(id)} (${row.stage})`;
    // A neighbour's poison ends the first attempt of all that share its pod.
    const forgiven = hadCompany ? 1 : 0;
    if (runs > edgeOf(PIPELINE, row.edge).maxAttempts * (openings + 1) + deaths + forgiven)
      truth.violate(`${what} ran ${runs} times`);
  }
}
