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
const LONGEST_ABSENCE_MS = 6 * 60_000;

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

const dead = (action: "" | "/retry" | "/skip", more: Partial<ApiCall>): ApiCall => ({
  method: action === "" ? "GET" : "POST",
  path: `/v1/pipelines/{pipeline}/dead${action}`,
  params: { pipeline: PIPELINE.id },
  ...more,
});

/** @returns false when the API failed in the middle of something */
async function act({ prng }: World, callApi: CallApi): Promise<boolean> {
  const listed = await callApi(dead("", {}));
  if (listed.status !== 200) return true;
  const { jobs } = listed.body as { jobs: JobRecord[] };
  if (jobs.length === 0) return true;
  const { status } = await callApi(actionOn(prng.pick(jobs), prng.below(10)));
  return status === 200;
}

function actionOn({ id, reason, stage, edge }: JobRecord, choice: number): ApiCall {
  const edgeName = PIPELINE.edges.find((each) => each.id === edge)?.name;
  if (choice === 0) return dead("/skip", { body: { ids: [id] } });
  if (choice === 1) return dead("/retry", { body: { edge: edgeName, stage, dryRun: true } });
  if (choice < 5) return dead("/retry", { body: { all: true } });
  if (choice < 7) return dead("/retry", { body: { reason: reason ?? "error" } });
  return dead("/retry", { body: { ids: [id] } });
}

/** Takes everything out of the error bucket once, as somebody does when the trouble is over. */
export const retryAll = (callApi: CallApi): Promise<unknown> =>
  callApi(dead("/retry", { body: { all: true } }));
