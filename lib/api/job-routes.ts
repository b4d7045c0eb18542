import * as z from "zod";
import { instanceName, SESSION } from "../archive/instance-name.ts";
import { archivePath, LAYOUTS } from "../archive/path.ts";
import { isoTime } from "../clock.ts";
import { changeBetween } from "../job/announce.ts";
import { isLasting, type LastingJob, NEW_JOB, NO_EDGE } from "../job/lasting.ts";
import { JOB_STATES } from "../job/machine.ts";
import type { JobRecord } from "../job/record.ts";
import { pipelineOf, stageOf } from "../plan/find.ts";
import { madeJobId } from "../token/ids.ts";
import { canonicalJson, DATA_DEPTH, depthExceeds, type Json } from "../token/json.ts";
import { findJob } from "./find-job.ts";
import { type ApiResponse, bodyOf, ok, Problem, queryOf } from "./http.ts";
import { callbackUrl, issueKey } from "./job-keys.ts";
import { listedJob, shownJob, shownV1 } from "./job-view.ts";
import { defined, known, type LastingApiDependencies, pipelineIn, type Route } from "./route.ts";

const JobsQuery = z.strictObject({
  stage: z.string().optional(),
  state: z.string().toUpperCase().pipe(z.enum(JOB_STATES)).optional(),
  run: z.string().optional(),
  // Two hundred rows of the largest kind stay within the 6 MB that a function may answer.
  limit: z.coerce.number().int().min(1).max(200).default(50),
});

const JobQuery = z.strictObject({
  shape: z.enum(["v1", "v2"]).default("v2"),
  /** Number of the first entry of the history that is shown. */
  from: z.coerce.number().int().min(0).default(0),
});

/** Entries of a history in one answer: each holds 4 KB at most, twice that where all of it has to be escaped. */
const HISTORY_PAGE = 500;

const Name = z.string().min(1).max(200);
const Create = z.strictObject({
  pipeline: z.string(),
  /** The stage of the pipeline that the job does the work of, if of any. */
  stage: z.string().optional(),
  parameters: z.custom<Json>().default(null),
  /** What the job is about, from the whole to the part: a laboratory, an experiment, a sample. */
  belongsTo: z.array(Name).max(8).default([]),
  /** What its archive path is called by, in the place of two words. */
  session: z.string().regex(SESSION, { error: "4 to 64 letters, digits, '.', '_' and '-'" }).optional(),
  layout: z.enum(LAYOUTS).default("v2"),
  /** A second factor, to be shown with the key. */
  nonce: z.boolean().default(false),
});

/** The parameters stand on the job's row. */
const MAX_PARAMETER_BYTES = 65_536;

/** The records of stages working on tokens, and of jobs that outsiders made. */
export const JOB_ROUTES: readonly Route<LastingApiDependencies>[] = [
  {
    method: "GET",
    path: "/v1/pipelines/{pipeline}/jobs",
    does: "the newest records: `?stage=&state=&run=&limit=`",
    handle: async (request, api) => {
      const pipeline = pipelineIn(request, api);
      const { limit, ...wanted } = queryOf(request, JobsQuery);
      if (wanted.stage !== undefined) known(() => stageOf(pipeline, wanted.stage ?? ""));
      const rows = await api.queries.list(pipeline.id, { ...defined(wanted), limit });
      return ok({ jobs: rows.map(listedJob) });
    },
  },
  {
    method: "GET",
    path: "/v1/jobs/{job}",
    does: "one record, with its history: `?from=&shape=v1`",
    handle: async (request, api) => {
      const page = queryOf(request, JobQuery);
      const row = await findJob(request, api);
      return isLasting(row) ? shownLasting(row, page, api.lasting) : ok(shownJob(row));
    },
  },
  {
    method: "POST",
    path: "/v1/jobs",
    does: "makes a job that others do the work of, or finds it: `{ pipeline, parameters, stage?, belongsTo?, session?, nonce? }`",
    handle: async (request, api) => {
      const wanted = bodyOf(request, Create);
      const made = await makeJob(wanted, api);
      const { id, path, state } = made.row;
      // Whoever repeats it gets no second key: the first may be in use. A new one is asked for, and ends the first.
      if (!made.key) return ok({ id, path, state });
      const { key, nonce, record } = made.key;
      const callback = callbackUrl(request, id, key, nonce);
      const second = nonce === undefined ? {} : { nonce };
      return ok({ id, key, callback, path, state, expires: isoTime(record.exp * 1000), ...second }, 201);
    },
  },
];

async function shownLasting(
  row: LastingJob,
  { shape, from }: z.infer<typeof JobQuery>,
  { jobs }: LastingApiDependencies["lasting"],
): Promise<ApiResponse> {
  const history = await jobs.history(row, from, HISTORY_PAGE);
  const end = from + history.length;
  const next = end < row.moved + row.history.length ? { next: end } : {};
  if (shape === "v1") return ok({ ...shownV1(row, history), ...next });
  return ok({ ...shownJob(row), history, late: await jobs.late(row), ...next });
}

async function makeJob(
  { pipeline: id, stage = "", parameters, belongsTo, session, layout, nonce }: z.infer<typeof Create>,
  { plan, lasting, ring, randomBytes, clock }: LastingApiDependencies,
) {
  const pipeline = known(() => pipelineOf(plan, id));
  if (stage !== "") known(() => stageOf(pipeline, stage));
  checkParameters(parameters);
  const job = madeJobId(pipeline.id, pipeline.version, stage, canonicalJson([belongsTo, parameters]));
  const existing = await lasting.jobs.get(pipeline.id, job);
  if (existing) return { row: existing };
  const now = clock.now();
  const instance = instanceName(job, now, session);
  const path = archivePath({ layout, pipeline, belongsTo, parameters, instance });
  const bare: LastingJob & JobRecord = {
    ...NEW_JOB,
    id: job,
    pipeline: pipeline.id,
    stage,
    edge: NO_EDGE,
    token: job,
    run: job,
    path,
    parameters,
    history: [{ event: "create", at: isoTime(now) }],
  };
  const key = issueKey(bare, { ring, randomBytes, now }, nonce);
  const row = { ...bare, key: key.record };
  const first = await lasting.jobs.create(row);
  if (first) return { row: first };
  const change = changeBetween(undefined, row);
  if (change) await lasting.announce(change);
  return { row, key };
}

function checkParameters(parameters: Json): void {
  const text = JSON.stringify(parameters);
  const size = Buffer.byteLength(text);
  if (size > MAX_PARAMETER_BYTES)
    throw new Problem(
      413,
      "too-large",
      `parameters has ${size} bytes, at most ${MAX_PARAMETER_BYTES} are taken`,
    );
  if (depthExceeds(text, DATA_DEPTH))
    throw new Problem(422, "too-deep", `parameters is nested deeper than ${DATA_DEPTH} levels`);
}
