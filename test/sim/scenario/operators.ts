import type { JobRecord } from "../../../lib/job/record.ts";
import type { ApiCall } from "../world/functions.ts";
import type { World } from "../world/world.ts";
import { PIPELINE } from "./pipeline.ts";
import type { CallApi } from "./traffic.ts";

export interface Operators {
  readonly count: number;
  /** When they go home. */
  readonly until: number;
  readonly longestPauseMs: number;
}

const SHORTEST_PAUSE_MS = 5000;
/** An API that fails is left alone for a while: what a retry has left half done stays so. */
const LONGEST_ABSENCE_MS = 15 * 60_000;

/**
 * People at the error bucket: they list, retry and skip, now and then, and do not wait for each other. Only when the API
 * fails, all of them come back later.
 */
export function sendOperators(
  world: World,
  callApi: CallApi,
  { count, until, longestPauseMs }: Operators,
): void {
  const { timeline, prng } = world;
  let absentUntil = timeline.now();
  const next = (): void => {
    const pause = prng.between(SHORTEST_PAUSE_MS, longestPauseMs);
    timeline.schedule(Math.max(timeline.now(), absentUntil) + pause, () => {
      if (timeline.now() > until) return;
      next();
      if (timeline.now() < absentUntil) return;
      void act(world, callApi).then((isServed) => {
        if (!isServed) absentUntil = timeline.now() + prng.below(LONGEST_ABSENCE_MS);
      });
    });
  };
  for (let index = 0; index < count; index += 1) next();
}

const LIST: ApiCall = {
  method: "GET",
  path: "/v1/pipelines/{pipeline}/dead",
  params: { pipeline: PIPELINE.id },
};

type DeadCall = ApiCall & { readonly body: object };

const dead = (action: "retry" | "skip", body: object): DeadCall => ({
  ...LIST,
  method: "POST",
  path: `${LIST.path}/${action}`,
  body,
});

/** @returns false when the API failed in the middle of something */
async function act({ prng }: World, callApi: CallApi): Promise<boolean> {
  const listed = await callApi(LIST);
  if (listed.status !== 200) return true;
  const { jobs } = listed.body as { jobs: JobRecord[] };
  if (jobs.length === 0) return true;
  return callPages(actionOn(prng.pick(jobs), prng.below(10)), callApi);
}

function actionOn({ id, reason, stage, edge }: JobRecord, choice: number): DeadCall {
  const edgeName = PIPELINE.edges.find((each) => each.id === edge)?.name;
  if (choice === 0) return dead("skip", { ids: [id] });
  if (choice === 1) return dead("retry", { edge: edgeName, stage, dryRun: true });
  if (choice < 5) return dead("retry", { all: true });
  if (choice < 7) return dead("retry", { reason: reason ?? "error" });
  return dead("retry", { ids: [id] });
}

/** Acts on one page of the error bucket after the other, as the command line does. False when the API failed. */
async function callPages(call: DeadCall, callApi: CallApi): Promise<boolean> {
  let after: string | undefined;
  do {
    const { status, body } = await callApi({ ...call, body: { ...call.body, after } });
    if (status !== 200) return false;
    after = (body as { next?: string }).next;
  } while (after !== undefined);
  return true;
}

/** Takes everything out of the error bucket once, as somebody does when the trouble is over. */
export const retryAll = (callApi: CallApi): Promise<unknown> =>
  callPages(dead("retry", { all: true }), callApi);
