import { makeBoard } from "../board/board.ts";
import { tally } from "../board/tally.ts";
import { pipelineUuid } from "../token/ids.ts";
import { ok } from "./http.ts";
import { pipelineIn, type Route } from "./route.ts";

/** Pipelines, and where their tokens are. */
export const PIPELINE_ROUTES: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/pipelines",
    does: "the pipelines, each with the fingerprint of its components",
    handle: async (_, { plan }) =>
      ok({
        // The UUID is the one in archive paths.
        pipelines: plan.pipelines.map(({ id, name, version }) => ({
          id,
          name,
          version,
          uuid: pipelineUuid(id, version),
        })),
      }),
  },
  {
    method: "GET",
    path: "/v1/pipelines/{pipeline}",
    does: "the plan of one",
    handle: async (request, api) => ok(pipelineIn(request, api)),
  },
  {
    method: "GET",
    path: "/v1/pipelines/{pipeline}/board",
    does: "where its tokens are",
    handle: async (request, api) => {
      const pipeline = pipelineIn(request, api);
      // Counts before rows: a token that moves meanwhile is seen twice rather than not at all.
      const counts = await api.countsOf(pipeline);
      const [arrivals, rows] = await Promise.all([
        api.queries.arrivals(pipeline.id),
        api.queries.summaries(pipeline.id),
      ]);
      const tokens = arrivals.map((arrival) => arrival.token);
      return ok(makeBoard(pipeline, tally(tokens, rows), counts));
    },
  },
];
