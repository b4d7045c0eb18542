import * as z from "zod";
import { makeBoard, type QueueCounts } from "../board/board.ts";
import { lineage, tokenLog } from "../board/lineage.ts";
import { tally } from "../board/tally.ts";
import type { Clock } from "../clock.ts";
import type { PutMessage } from "../intake/intake.ts";
import { type DeadFilter, type ErrorBucketStore, matches, retryDead, skipDead } from "../job/error-bucket.ts";
import type { JobQueries } from "../job/queries.ts";
import type { JobRecord, JobStore } from "../job/record.ts";
import { edgeNamed } from "../plan/find.ts";
import type { InputPlan, PipelinePlan, Plan } from "../plan/plan.ts";
import { sendTogether } from "../queue/send-together.ts";
import type { BatchingSender, Sender } from "../queue/sender.ts";
import { outputsOf } from "../stage/emission.ts";
import { putTokenId } from "../token/ids.ts";
import { type Json, messageJson } from "../token/json.ts";
import type { ObjectStore } from "../token/objects.ts";
import { type ApiRequest, type ApiResponse, bodyOf, notFound, ok, Problem, queryOf } from "./http.ts";

/** The HTTP API: version 1. One row for each route; both realisers of a plan serve exactly these. */
export interface Route {
  readonly method: "GET" | "POST";
  readonly path: string;
  handle(request: ApiRequest, api: ApiDependencies): Promise<ApiResponse>;
}

export interface ApiDependencies {
  readonly plan: Plan;
  readonly clock: Clock;
  readonly jobs: JobStore & ErrorBucketStore;
  readonly queries: JobQueries;
  readonly sender: BatchingSender;
  readonly objects: ObjectStore;
  countsOf(pipeline: PipelinePlan): Promise<ReadonlyMap<string, QueueCounts>>;
  /** A URL by which an object can be uploaded for a while, without further credentials. */
  uploadUrl(key: string): Promise<string>;
  newId(): string;
}

const PutToken = z.strictObject({
  data: z.custom<Json>().optional(),
  /** What the caller calls it: repeating a put with the same key does not make a second token. */
  key: z.string().min(1).max(512).optional(),
});
const Put = z.strictObject({ input: z.string().optional(), tokens: z.array(PutToken).min(1).max(100) });

const Upload = z.strictObject({ input: z.string().optional(), name: z.string().min(1).max(900) });

const JobsQuery = z.strictObject({
  stage: z.string().optional(),
  state: z.string().toUpperCase().optional(),
  run: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(50),
});

const Selection = z.strictObject({
  ids: z.array(z.string()).min(1).optional(),
  edge: z.string().optional(),
  stage: z.string().optional(),
  reason: z.string().optional(),
  message: z.string().min(1).optional(),
});
const DeadAction = Selection.extend({ all: z.literal(true).optional(), dryRun: z.boolean().default(false) });

/** A message holds 1 MiB; what is larger than this belongs into an object. */
const MAX_DATA_BYTES = 262_144;

export const ROUTES: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/pipelines",
    handle: async (_, { plan }) =>
      ok({ pipelines: plan.pipelines.map(({ id, name, version }) => ({ id, name, version })) }),
  },
  {
    method: "GET",
    path: "/v1/pipelines/{pipeline}",
    handle: async (request, api) => ok(pipelineIn(request, api)),
  },
  {
    method: "GET",
    path: "/v1/pipelines/{pipeline}/board",
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
  {
    method: "POST",
    path: "/v1/pipelines/{pipeline}/tokens",
    handle: async (request, api) => {
      const pipeline = pipelineIn(request, api);
      const { input: name, tokens } = bodyOf(request, Put);
      const input = inputOf(pipeline, name);
      const messages = tokens.map(({ data, key }, index): PutMessage => {
        const size = Buffer.byteLength(JSON.stringify(data ?? null));
        if (size > MAX_DATA_BYTES) {
          throw new Problem(
            413,
            "too-large",
            `tokens.${index}.data has ${size} bytes, at most ${MAX_DATA_BYTES} are taken`,
            "upload it as an object",
          );
        }
        const token = key === undefined ? api.newId() : putTokenId(pipeline.id, input.name, key);
        return {
          v: 1,
          kind: "put",
          token,
          input: input.name,
          ...(data !== undefined && { data }),
          ...(key !== undefined && { key }),
        };
      });
      const sends = messages.map(
        (message) => (sender: Sender) => sender.send(pipeline.intake.name, messageJson(message)),
      );
      await sendTogether(api.sender, api.clock, sends);
      return ok({ tokens: messages.map((message) => message.token) }, 202);
    },
  },
  {
    method: "POST",
    path: "/v1/pipelines/{pipeline}/uploads",
    handle: async (request, api) => {
      const pipeline = pipelineIn(request, api);
      const { input: wanted, name } = bodyOf(request, Upload);
      const uploads = pipeline.inputs.filter((input) => input.s3);
      const input = inputOf({ ...pipeline, inputs: uploads }, wanted);
      const { prefix, suffix } = input.s3 ?? { prefix: "", suffix: "" };
      if (!name.endsWith(suffix)) {
        throw new Problem(
          422,
          "wrong-suffix",
          `"${name}" does not end in "${suffix}", so nothing would come of it`,
          `the input "${input.name}" takes ${prefix}*${suffix}`,
        );
      }
      const key = prefix + name;
      return ok({ key, method: "PUT", url: await api.uploadUrl(key) }, 201);
    },
  },
  {
    method: "GET",
    path: "/v1/pipelines/{pipeline}/jobs",
    handle: async (request, api) => {
      const pipeline = pipelineIn(request, api);
      const { limit, ...wanted } = queryOf(request, JobsQuery);
      return ok({ jobs: await api.queries.list(pipeline.id, { ...defined(wanted), limit }) });
    },
  },
  {
    method: "GET",
    path: "/v1/jobs/{job}",
    handle: async ({ params: { job = "" } }, { plan, jobs }) => {
      const rows = await Promise.all(plan.pipelines.map((pipeline) => jobs.get(pipeline.id, job)));
      const row = rows.find((candidate) => candidate !== undefined);
      if (!row) throw notFound(`there is no job "${job}"`, "list them: GET /v1/pipelines/{pipeline}/jobs");
      return ok(row);
    },
  },
  {
    method: "GET",
    path: "/v1/tokens/{token}",
    handle: async ({ params: { token = "" } }, { plan, jobs, objects }) => {
      const reader = {
        get: jobs.get,
        outputsOf: (commit: Parameters<typeof outputsOf>[0]) => outputsOf(commit, objects),
      };
      for (const pipeline of plan.pipelines) {
        const found = await lineage(token, pipeline, reader);
        if (found) return ok({ pipeline: pipeline.id, ...found, log: tokenLog(found) });
      }
      throw notFound(
        `nothing is known of the token "${token}"`,
        "no attempt at it has ended yet, or the id is another's",
      );
    },
  },
  {
    method: "GET",
    path: "/v1/pipelines/{pipeline}/dead",
    handle: async (request, api) => {
      const pipeline = pipelineIn(request, api);
      return ok({ jobs: await pick(pipeline, queryOf(request, Selection.omit({ ids: true })), api) });
    },
  },
  {
    method: "POST",
    path: "/v1/pipelines/{pipeline}/dead/retry",
    handle: (request, api) =>
      actOnDead(request, api, (row, pipeline, sender) =>
        retryDead(row, pipeline, { store: api.jobs, sender, clock: api.clock }),
      ),
  },
  {
    method: "POST",
    path: "/v1/pipelines/{pipeline}/dead/skip",
    handle: (request, api) =>
      actOnDead(request, api, (row) => skipDead(row, { store: api.jobs, clock: api.clock })),
  },
];

interface DeadAnswer {
  readonly id: string;
  readonly token: string;
  readonly outcome: string;
}

async function actOnDead(
  request: ApiRequest,
  api: ApiDependencies,
  act: (row: JobRecord, pipeline: PipelinePlan, sender: Sender) => Promise<string>,
): Promise<ApiResponse> {
  const pipeline = pipelineIn(request, api);
  const { all, dryRun, ...selection } = bodyOf(request, DeadAction);
  if (all === undefined && Object.keys(defined(selection)).length === 0) {
    throw new Problem(
      422,
      "empty-selection",
      "nothing is selected",
      'say which: ids, edge, stage, reason or message; or "all": true',
    );
  }
  const rows = await pick(pipeline, selection, api);
  const outcomeOf = async (row: JobRecord, sender: Sender): Promise<DeadAnswer> => ({
    id: row.id,
    token: row.token,
    outcome: dryRun ? "would-change" : await act(row, pipeline, sender),
  });
  const jobs = await sendTogether(
    api.sender,
    api.clock,
    rows.map((row) => (sender) => outcomeOf(row, sender)),
  );
  return ok({ matched: rows.length, dryRun, jobs });
}

async function pick(
  pipeline: PipelinePlan,
  { edge, ...filter }: DeadFilter & { edge?: string | undefined },
  { queries }: ApiDependencies,
): Promise<JobRecord[]> {
  const id = edge === undefined ? undefined : known(() => edgeNamed(pipeline, edge)).id;
  const rows = await queries.dead(pipeline.id, id);
  return rows.filter((row) => matches(row, filter));
}

function pipelineIn({ params: { pipeline: id = "" } }: ApiRequest, { plan }: ApiDependencies): PipelinePlan {
  const pipeline = plan.pipelines.find((candidate) => candidate.id === id);
  if (pipeline) return pipeline;
  throw notFound(
    `there is no pipeline "${id}"`,
    `there is: ${plan.pipelines.map((each) => each.id).join(", ")}`,
  );
}

function inputOf({ id, inputs }: Pick<PipelinePlan, "id" | "inputs">, name: string | undefined): InputPlan {
  const names = inputs.map((input) => input.name).join(", ") || "none";
  const chosen =
    name === undefined
      ? inputs.length === 1
        ? inputs[0]
        : undefined
      : inputs.find((input) => input.name === name);
  if (chosen) return chosen;
  const what =
    name === undefined ? `"${id}" has ${inputs.length} such inputs` : `"${id}" has no such input "${name}"`;
  throw new Problem(422, "unknown-input", what, `say which input: ${names}`);
}

/** Look-ups speak of plans; to a caller of the API the same is a thing that was not found. */
function known<T>(find: () => T): T {
  try {
    return find();
  } catch (error) {
    throw notFound((error as Error).message);
  }
}

const defined = <T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
