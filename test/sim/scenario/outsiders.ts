import { isLasting, type LastingJob } from "../../../lib/job/lasting.ts";
import type { JobRecord } from "../../../lib/job/record.ts";
import type { Services } from "../services/services.ts";
import { payloadIn } from "../witness/commits.ts";
import { envelopeIn } from "../witness/messages.ts";
import type { Truth } from "../witness/truth.ts";
import type { Prng } from "../world/prng.ts";
import type { World } from "../world/world.ts";
import { Data, newData, type Poison } from "./poison.ts";
import { pause, type Report, type Reporting, report } from "./reports.ts";
import type { CallApi } from "./traffic.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
/** A system finds out about a job that it is to do. */
const LONGEST_NOTICE_MS = 2 * MINUTE;
const LONGEST_WORK_MS = 4 * MINUTE;
/** Around the scenario's timeout of 20 minutes. */
const SLOW_WORK_MS = 45 * MINUTE;
/** Not every answer comes at the first try. */
const TRIES = 5;

export interface Outside extends Reporting {
  readonly services: Services;
  readonly truth: Truth;
  readonly callApi: CallApi;
}

/**
 * The systems that do the work of external stages. They are told of an attempt that begins, ask for its key, work, store what
 * they make below its path and report; most of the time.
 *
 * @returns to be told of each attempt that begins
 */
export function outsiders(outside: Outside): (row: JobRecord) => void {
  const { world } = outside;
  const { timeline, prng, faults } = world;
  return (row) => {
    if (!isLasting(row) || row.stage !== "review" || faults.strikes("outsider-absent")) return;
    const workers = faults.strikes("outsider-doubled") ? 2 : 1;
    for (let index = 0; index < workers; index += 1)
      timeline.after(prng.below(LONGEST_NOTICE_MS), () => void work(row, outside));
  };
}

async function work(row: LastingJob, outside: Outside): Promise<void> {
  const { world, truth } = outside;
  const { prng, faults } = world;
  const key = await askForKey(row.id, outside);
  if (key === undefined) return;
  // What the system sees of the job when it has its key: perhaps a later attempt than the one it was told of.
  const current = truth.job(row.id).row;
  if (!current || !isLasting(current)) return;
  truth.job(row.id).runs += 1;
  const tell = (event: string, data?: unknown): Promise<unknown> =>
    report(current.id, key, withId({ event, ...(data !== undefined && { data }) }, prng), outside);
  if (prng.chance(0.8)) void tell("run");
  const isSlow = faults.strikes("outsider-slow");
  await pause(world, isSlow ? prng.below(SLOW_WORK_MS) : prng.between(SECOND, LONGEST_WORK_MS));
  for (let left = prng.chance(0.3) ? 5 : prng.below(2); left > 0; left -= 1) {
    void tell("update", { progress: left });
    await pause(world, prng.below(MINUTE));
  }
  const data = dataOf(current, outside);
  const poison = data.poison?.stage === current.stage ? data.poison.how : undefined;
  if (poison) return spoil(poison, tell);
  if (faults.strikes("outsider-fails")) return void tell("fail", "the system is out of order");
  const content = prng.hex(24);
  const name = `${prng.hex(8)}.txt`;
  outside.services.bucket.put(`${current.path.slice(1)}/${name}`, Buffer.from(content));
  await pause(world, prng.below(SECOND));
  // Refused, and said again as it should be.
  if (prng.chance(0.15)) await tell("finish", NOWHERE);
  await tell("finish", { outputs: outputsOf(data, content, name, world) });
}

export const outputsOf = (data: Data, content: string, name: string, { prng }: World) =>
  Array.from({ length: prng.chance(0.2) ? prng.pick([0, 5]) : 1 }, () => ({
    data: { ...data, nonce: prng.hex(8), content },
    objects: [name],
  }));

/** Outputs that are not there. */
export const NOWHERE = { outputs: [{ objects: ["nowhere.txt"] }] };

/** What poison does to a system. */
async function spoil(how: Poison, tell: (event: string, data?: unknown) => Promise<unknown>): Promise<void> {
  if (how === "throw" || how === "reject") await tell("fail", "poison");
  // The answer says what is wrong with it, again and again.
  if (how === "output" || how === "input") await tell("finish", NOWHERE);
}

/** Some systems name their reports, for others the same words are the same report. */
const withId = (said: Report, prng: Prng): Report =>
  prng.chance(0.5) ? { ...said, eventId: prng.hex(16) } : said;

/** What the token says that waits for a job. */
export function dataOf(
  { body = "" }: JobRecord,
  { world, services }: Pick<Outside, "world" | "services">,
): Data {
  const payload = envelopeIn(body)?.payload;
  const { data } = payload ? payloadIn(payload, services.bucket) : {};
  if (data === undefined || data === null) return newData(world.prng, 0, 0);
  const { padding: _padding, ...rest } = Data.parse(data);
  return rest;
}

async function askForKey(job: string, { world, callApi }: Outside): Promise<string | undefined> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const { status, body } = await callApi({ method: "POST", path: "/v1/jobs/{job}/key", params: { job } });
    if (status === 200) return (body as { key: string }).key;
    await pause(world, world.prng.below(MINUTE));
  }
  return undefined;
}
