import { tally } from "../../../lib/board/tally.ts";
import { jobQueries } from "../../../lib/job/queries.aws.ts";
import type { JobRecord } from "../../../lib/job/record.ts";
import { edgeOf } from "../../../lib/plan/find.ts";
import type { Payload, PayloadRef } from "../../../lib/token/envelope.ts";
import { PIPELINE } from "../scenario/pipeline.ts";
import { type Data, REASON_OF } from "../scenario/poison.ts";
import type { Services } from "../services/services.ts";
import { TABLE, tableClient } from "../services/table-client.ts";
import { Sandbox } from "../world/sandbox.ts";
import type { World } from "../world/world.ts";
import { payloadIn } from "./commits.ts";
import { envelopeIn } from "./messages.ts";
import { jobIdOf, short, type Truth } from "./truth.ts";

/**
 * What must hold when the world has healed, somebody has retried what lay in the error bucket, and nothing moves any
 * more. Only then it shows that nothing was lost: everything that entered is done, or lies in the error bucket for a
 * reason that is really there.
 */
export async function checkAtRest(world: World, services: Services, truth: Truth): Promise<void> {
  checkQueues(services, truth);
  checkTokens(truth);
  checkJobs(services, truth);
  await checkBoard(world, services, truth);
}

function checkQueues({ queues }: Services, truth: Truth): void {
  for (const name of queues.names)
    if (queues.size(name) > 0) truth.violate(`${queues.size(name)} messages are left in ${name}`);
}

/** Every token that entered or was committed has a job that is over. */
function checkTokens(truth: Truth): void {
  for (const token of truth.promised)
    if (!truth.tokens.has(token))
      truth.violate(`the token ${short(token)} was accepted and never seen again`);
  for (const token of truth.tokens.values()) {
    const row = truth.jobs.get(jobIdOf(token))?.row;
    const what = `the token ${short(token.id)} on ${token.edge}`;
    if (token.parent === undefined && !truth.arrivals.has(token.id)) truth.violate(`${what} has no arrival`);
    if (!row) truth.violate(`${what} has no job`);
    else if (!["FINISHED", "FAILED", "RETIRED"].includes(row.state))
      truth.violate(`${what} is ${row.state}, and nothing will work on it`);
  }
  for (const token of truth.arrivals)
    if (!truth.tokens.has(token)) truth.violate(`the arrival ${short(token)} came from nowhere`);
}

/** Every job in the error bucket is there for a reason that can be seen; every other job's objects are there. */
function checkJobs({ bucket }: Services, truth: Truth): void {
  for (const [id, { row, children }] of truth.jobs) {
    if (
      row?.state === "FAILED" &&
      !isJustified(row, truth, (payload) => payloadIn(payload, bucket), bucket.find.bind(bucket))
    )
      truth.violate(
        `job ${short(id)} (${row.stage}) lies in the error bucket without need: ${row.reason}: ${row.error?.message}`,
      );
    if (children?.some(({ isSent }) => !isSent))
      truth.violate(`job ${short(id)} has outputs that were never sent`);
    if (row?.state === "FINISHED" && row.stage === "last") checkResult(row, bucket, truth);
  }
  for (const [key, etag] of truth.referenced)
    if (bucket.find({ key, etag }) === undefined) truth.violate(`the object ${key} is not there any more`);
}

function checkResult({ id, token }: JobRecord, bucket: Services["bucket"], truth: Truth): void {
  const [key, ...others] = bucket.keysBelow(`results/${PIPELINE.id}/${token}`);
  if (key === undefined || others.length > 0)
    truth.violate(`job ${short(id)} has published ${others.length + 1} results`);
  else if (bucket.head(key).metadata["millrace-owner"] !== id)
    truth.violate(`the result ${key} is not job ${short(id)}'s`);
}

function isJustified(
  { id, stage, reason, body = "" }: JobRecord,
  truth: Truth,
  load: (payload: Payload | PayloadRef) => Payload,
  find: Services["bucket"]["find"],
): boolean {
  const stray = truth.strays.get(id);
  if (stray !== undefined) return reason === "malformed" && body === stray;
  const payload = envelopeIn(body)?.payload;
  if (payload === undefined) return false;
  const { data, objects } = load(payload);
  if (reason === "object-missing") return objects.some((object) => find(object) === undefined);
  const { poison } = (data ?? {}) as Partial<Data>;
  return poison?.stage === stage && REASON_OF[poison.how] === reason;
}

/** Where nothing but tokens was at fault, nothing is done more often than it must be. */
export function checkCalm(truth: Truth): void {
  for (const [id, { row, runs, deaths, openings }] of truth.jobs) {
    if (!row) continue;
    const what = `in a calm world, job ${short(id)} (${row.stage})`;
    if (runs > edgeOf(PIPELINE, row.edge).maxAttempts * (openings + 1) + deaths)
      truth.violate(`${what} ran ${runs} times`);
  }
}

/** What the board adds up must be what entered and what became of it. */
async function checkBoard(world: World, { table }: Services, truth: Truth): Promise<void> {
  const queries = jobQueries(tableClient(table, new Sandbox("board", world.timeline), world), TABLE);
  const [arrivals, rows, dead] = await inWorld(world, () =>
    Promise.all([queries.arrivals(PIPELINE.id), queries.summaries(PIPELINE.id), queries.dead(PIPELINE.id)]),
  );
  const { runs, edges } = tally(
    arrivals.map(({ token }) => token),
    rows,
  );
  const jobs = [...truth.jobs.values()].flatMap(({ row }) => row ?? []);
  const failed = jobs.filter(({ state }) => state === "FAILED");
  const failedRuns = new Set(failed.map(({ run }) => run)).size;
  const expected = { put: truth.arrivals.size + truth.strays.size, outstanding: 0, error: failedRuns };
  const sum = [...edges.values()].reduce((total, { done, error }) => total + done + error, 0);
  const isBalanced =
    runs.put === expected.put &&
    runs.outstanding === 0 &&
    runs.error === expected.error &&
    runs.done + runs.error === runs.put &&
    sum === jobs.length;
  if (!isBalanced)
    truth.violate(
      `the board says ${JSON.stringify({ ...runs, jobs: sum })}, true is ${JSON.stringify({ ...expected, jobs: jobs.length })}`,
    );
  const listed = dead.map(({ id }) => id).sort();
  if (
    listed.join() !==
    failed
      .map(({ id }) => id)
      .sort()
      .join()
  )
    truth.violate(`the error bucket lists ${listed.length} jobs, ${failed.length} lie in it`);
}

/** Something outside of any function asks the services; it takes virtual time like everything else. */
async function inWorld<Value>({ timeline }: World, ask: () => Promise<Value>): Promise<Value> {
  const answer = ask();
  await timeline.run({ until: timeline.now() + 3_600_000, events: Number.POSITIVE_INFINITY });
  return answer;
}
