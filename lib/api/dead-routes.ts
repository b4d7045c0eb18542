import * as z from "zod";
import { canRetry, canSkip, type DeadFilter, matches, retryDead, skipDead } from "../job/error-bucket.ts";
import type { DeadRows } from "../job/queries.ts";
import type { JobRecord } from "../job/record.ts";
import { edgeNamed, stageOf } from "../plan/find.ts";
import type { PipelinePlan } from "../plan/plan.ts";
import { sendTogether } from "../queue/send-together.ts";
import type { Sender } from "../queue/sender.ts";
import { REASONS, type Reason } from "../stage/failure.ts";
import { type ApiRequest, type ApiResponse, bodyOf, ok, Problem, queryOf } from "./http.ts";
import { shownJob } from "./job-view.ts";
import { type ApiDependencies, defined, known, pipelineIn, type Route } from "./route.ts";

const Selection = z.strictObject({
  ids: z.array(z.string()).min(1).optional(),
  edge: z.string().optional(),
  stage: z.string().optional(),
  reason: z.enum(Object.keys(REASONS) as [Reason, ...Reason[]]).optional(),
  message: z.string().min(1).optional(),
});
/** From where a page of the error bucket goes on. */
const After = { after: z.string().min(1).max(300).optional() };
const DeadList = Selection.omit({ ids: true }).extend(After);
const DeadAction = Selection.extend({
  ...After,
  all: z.literal(true).optional(),
  dryRun: z.boolean().default(false),
});

/** Rows of the error bucket that one request looks at: each may hold a message of 64 KB, and an answer 6 MB. */
const DEAD_PAGE = 50;

/** The error bucket. */
export const DEAD_ROUTES: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/pipelines/{pipeline}/dead",
    does: "the error bucket, a page: `?edge=&stage=&reason=&message=&after=`",
    handle: async (request, api) => {
      const pipeline = pipelineIn(request, api);
      const { rows, next } = await pick(pipeline, queryOf(request, DeadList), api);
      return ok({ jobs: rows.map(shownJob), ...(next !== undefined && { next }) });
    },
  },
  {
    method: "POST",
    path: "/v1/pipelines/{pipeline}/dead/retry",
    does: "sends a page of it to its stage again: a selection, or `{ all: true }`; `{ dryRun: true }`",
    handle: (request, api) =>
      actOnDead(request, api, {
        dry: (row) => (canRetry(row) ? "would-retry" : "not-retryable"),
        act: (row, pipeline, sender) =>
          retryDead(row, pipeline, { store: api.jobs, sender, clock: api.clock }),
      }),
  },
  {
    method: "POST",
    path: "/v1/pipelines/{pipeline}/dead/skip",
    does: "gives a page of it up, in the same way",
    handle: (request, api) =>
      actOnDead(request, api, {
        dry: (row) => (canSkip(row) ? "would-skip" : "unfinished"),
        act: (row) => skipDead(row, { store: api.jobs, clock: api.clock }),
      }),
  },
];

interface DeadVerb {
  /** What it would do, without doing it. */
  dry(row: JobRecord): string;
  act(row: JobRecord, pipeline: PipelinePlan, sender: Sender): Promise<string>;
}

interface DeadAnswer {
  readonly id: string;
  readonly token: string;
  readonly outcome: string;
}

/** Acts on a page of the error bucket. Each job has its own outcome: what fails for one is no reason to stop. */
async function actOnDead(request: ApiRequest, api: ApiDependencies, verb: DeadVerb): Promise<ApiResponse> {
  const pipeline = pipelineIn(request, api);
  const { all, dryRun, after, ...selection } = bodyOf(request, DeadAction);
  if (all === undefined && Object.keys(defined(selection)).length === 0) {
    throw new Problem(
      422,
      "empty-selection",
      "nothing is selected",
      "select by ids, edge, stage, reason or message; or all of them",
    );
  }
  const { rows, next } = await pick(pipeline, { ...selection, after }, api);
  const act = async (row: JobRecord, sender: Sender): Promise<DeadAnswer> => {
    const outcome = dryRun
      ? verb.dry(row)
      : await verb
          .act(row, pipeline, sender)
          .catch((error: unknown) => `failed: ${(error as Error).message}`);
    return { id: row.id, token: row.token, outcome };
  };
  const jobs = await sendTogether(
    api.sender,
    api.clock,
    rows.map((row) => (sender) => act(row, sender)),
  );
  return ok({ matched: rows.length, dryRun, jobs, ...(next !== undefined && { next }) });
}

type Picking = DeadFilter & { readonly edge?: string | undefined; readonly after?: string | undefined };

async function pick(
  pipeline: PipelinePlan,
  { edge, after, ...filter }: Picking,
  { queries }: ApiDependencies,
): Promise<DeadRows> {
  const id = edge === undefined ? undefined : known(() => edgeNamed(pipeline, edge)).id;
  if (filter.stage !== undefined) known(() => stageOf(pipeline, filter.stage ?? ""));
  const { rows, next } = await queries.dead(pipeline.id, { edge: id, after, limit: DEAD_PAGE });
  return { rows: rows.filter((row) => matches(row, filter)), next };
}
