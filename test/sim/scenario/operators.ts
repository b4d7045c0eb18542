import type { JobRecord } from "../../../lib/job/record.ts";
import type { ApiCall } from "../world/functions.ts";
import type { World } from "../world/world.ts";
import { PIPELINE } from "./pipeline.ts";
import type { CallApi } from "./traffic.ts";

/** People at the error bucket: they list, retry and skip, now and then, and do not wait for each other. */
export function sendOperators(
  world: World,
  callApi: CallApi,
  { count, untilMs, longestPauseMs }: { count: number; untilMs: number; longestPauseMs: number },
): void {
  const { timeline, prng } = world;
  const end = timeline.now() + untilMs;
  const next = (): void => {
    timeline.after(prng.between(5000, longestPauseMs), () => {
      if (timeline.now() > end) return;
      void act(world, callApi);
      next();
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

async function act({ prng }: World, callApi: CallApi): Promise<void> {
  const { status, body } = await callApi(dead("", {}));
  if (status !== 200) return;
  const { jobs } = body as { jobs: JobRecord[] };
  if (jobs.length === 0) return;
  const { id, reason, stage, edge } = prng.pick(jobs);
  const edgeName = PIPELINE.edges.find((each) => each.id === edge)?.name;
  const choice = prng.below(10);
  if (choice === 0) await callApi(dead("/skip", { body: { ids: [id] } }));
  else if (choice === 1) await callApi(dead("/retry", { body: { edge: edgeName, stage, dryRun: true } }));
  else if (choice < 5) await callApi(dead("/retry", { body: { all: true } }));
  else if (choice < 7) await callApi(dead("/retry", { body: { reason: reason ?? "error" } }));
  else await callApi(dead("/retry", { body: { ids: [id] } }));
}

/** Takes everything out of the error bucket once, as somebody does when the trouble is over. */
export const retryAll = (callApi: CallApi): Promise<unknown> =>
  callApi(dead("/retry", { body: { all: true } }));
