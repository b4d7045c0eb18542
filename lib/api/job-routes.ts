import * as z from "zod";
import { JOB_STATES } from "../job/machine.ts";
import { stageOf } from "../plan/find.ts";
import { notFound, ok, queryOf } from "./http.ts";
import { defined, isId, known, pipelineIn, type Route } from "./route.ts";

const JobsQuery = z.strictObject({
  stage: z.string().optional(),
  state: z.string().toUpperCase().pipe(z.enum(JOB_STATES)).optional(),
  run: z.string().optional(),
  // Two hundred rows of the largest kind stay within the 6 MB that a function may answer.
  limit: z.coerce.number().int().min(1).max(200).default(50),
});

/** The records of stages working on tokens. */
export const JOB_ROUTES: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/pipelines/{pipeline}/jobs",
    does: "the newest records: `?stage=&state=&run=&limit=`",
    handle: async (request, api) => {
      const pipeline = pipelineIn(request, api);
      const { limit, ...wanted } = queryOf(request, JobsQuery);
      if (wanted.stage !== undefined) known(() => stageOf(pipeline, wanted.stage ?? ""));
      return ok({ jobs: await api.queries.list(pipeline.id, { ...defined(wanted), limit }) });
    },
  },
  {
    method: "GET",
    path: "/v1/jobs/{job}",
    does: "one record",
    handle: async ({ params: { job = "" } }, { plan, jobs }) => {
      const rows = await Promise.all(
        plan.pipelines.map(({ id }) => (isId(job) ? jobs.get(id, job) : undefined)),
      );
      const row = rows.find((candidate) => candidate !== undefined);
      if (!row) throw notFound(`there is no job "${job}"`, "list them: GET /v1/pipelines/{pipeline}/jobs");
      return ok(row);
    },
  },
];
