import * as z from "zod";
import { forgetFiles, wipeArchive } from "../archive/wipe.ts";
import { isoTime } from "../clock.ts";
import type { JobCall } from "../job/decide.ts";
import { hasToken, type LastingJob } from "../job/lasting.ts";
import { JOB_EVENTS, type JobEvent } from "../job/machine.ts";
import { excerpt, StageFailure } from "../stage/failure.ts";
import { happen } from "../stage/lasting.ts";
import { depthExceeds, type Json } from "../token/json.ts";
import { EventId } from "./callback-form.ts";
import { findLastingJob } from "./find-job.ts";
import { type ApiResponse, bodyOf, notFound, ok, Problem } from "./http.ts";
import { callbackUrl, issueKey, type NewKey } from "./job-keys.ts";
import type { LastingApiDependencies, Route } from "./route.ts";

/** What operators may do to a lasting job, without its key. */

/** An operator's word is none of the events that only the making of a job is. */
const VERBS = [...JOB_EVENTS.filter((event) => event !== "create"), "cancel", "delete"] as const;
type Verb = Exclude<JobEvent, "create"> | "cancel" | "delete";

const Act = z.strictObject({
  data: z.custom<Json>().optional(),
  eventId: EventId.optional(),
  /** With `reset` and `delete`: only count what would be removed. */
  dryRun: z.boolean().default(false),
  /** With `delete`: also what the job has archived. */
  purge: z.boolean().default(false),
});
type Act = z.infer<typeof Act>;

const Keys = z.strictObject({ revoke: z.literal(true).optional() });

/** Nobody's note is nested so deeply. */
const MAX_DEPTH = 64;

export const OPERATOR_ROUTES: readonly Route<LastingApiDependencies>[] = [
  {
    method: "POST",
    path: "/v1/jobs/{job}/verbs/{verb}",
    does: `for operators, on a lasting job: ${VERBS.join(", ")}; \`{ data?, dryRun?, purge? }\``,
    handle: async (request, api) => {
      const row = await findLastingJob(request, api);
      const verb = VERBS.find((each) => each === request.params["verb"]) as Verb | undefined;
      if (verb === undefined)
        throw notFound(`there is no verb "${request.params["verb"]}"`, `there is: ${VERBS.join(", ")}`);
      const act = bodyOf(request, Act);
      if (depthExceeds(JSON.stringify(act.data ?? null), MAX_DEPTH))
        throw new Problem(422, "too-deep", `data is nested deeper than ${MAX_DEPTH} levels`);
      if (verb === "delete") return remove(row, act, api);
      if (verb === "reset") return reset(row, act, api);
      return ok(await done(row, verb, act, api));
    },
  },
  {
    method: "POST",
    path: "/v1/jobs/{job}/key",
    does: "a new callback key of a lasting job, which ends those before it; or, with `{ revoke: true }`, none",
    handle: async (request, api) => {
      const row = await findLastingJob(request, api);
      const { revoke = false } = bodyOf(request, Keys);
      const made = await renew(row, revoke, api);
      const { key, nonce, expires } = made;
      if (key === undefined) return ok({ id: row.id, revoked: true });
      const callback = callbackUrl(request, row.id, key, nonce);
      return ok({ id: row.id, key, callback, expires, ...(nonce !== undefined && { nonce }) });
    },
  },
];

async function done(
  row: LastingJob,
  event: JobCall["event"],
  { data, eventId }: Pick<Act, "data" | "eventId">,
  { lasting, newId }: LastingApiDependencies,
): Promise<Record<string, unknown>> {
  const call: JobCall = {
    event,
    eventId: eventId ?? newId(),
    ...(data !== undefined && { data }),
    ...(event === "fail" && {
      failure: { reason: "reported", message: excerpt(JSON.stringify(data ?? "by hand"), 1000) },
    }),
  };
  const outcome = await happen(row, call, lasting).catch((error: unknown) => {
    if (error instanceof StageFailure) throw new Problem(422, error.reason, error.message);
    throw error;
  });
  const { id, state } = outcome.row;
  if (outcome.kind === "applied") return { id, applied: true, state };
  if (outcome.kind === "ignored" && outcome.reason === "duplicate")
    return { id, applied: false, reason: "duplicate", state };
  throw new Problem(
    409,
    "not-now",
    outcome.kind === "refused" ? outcome.message : `"${event}" comes too late: the job is ${state}`,
    `look at it: GET /v1/jobs/${id}`,
  );
}

/** The state first: from then on no callback of the attempt counts any more. Repeating it goes on with the removal. */
async function reset(row: LastingJob, act: Act, api: LastingApiDependencies): Promise<ApiResponse> {
  // Every attempt at a token has a path of its own: there is nothing that the next one could take for its own.
  const wiped = (dryRun: boolean) =>
    hasToken(row) ? { objects: 0, bytes: 0 } : wipeArchive(row.path, api.archive, { dryRun });
  if (act.dryRun) return ok({ id: row.id, dryRun: true, state: row.state, wiped: await wiped(true) });
  const after = await done(row, "reset", act, api);
  const removed = await wiped(false);
  await forgetFiles(row, api.files);
  return ok({ ...after, wiped: removed });
}

async function remove(
  row: LastingJob,
  { dryRun, purge }: Act,
  { lasting, archive, files }: LastingApiDependencies,
): Promise<ApiResponse> {
  const { id, state } = row;
  if (hasToken(row))
    throw new Problem(
      409,
      "has-token",
      "a token came by this job, and its record tells what became of it",
      "retire it",
    );
  if (state === "RUNNING" || state === "INDEXING")
    throw new Problem(
      409,
      "not-now",
      `the job is ${state}`,
      state === "RUNNING" ? "fail it first" : "wait for it",
    );
  const wipe = async () => (purge ? { wiped: await wipeArchive(row.path, archive, { dryRun }) } : {});
  if (dryRun) return ok({ id, dryRun: true, state, ...(await wipe()) });
  // From here on nobody reports on it, and what dies on the way leaves a row by which it can be deleted once more.
  const closed = await lasting.jobs.write(row, { set: {}, remove: ["key"], entries: [] });
  if (closed.isOurs && closed.row) {
    const wiped = await wipe();
    await forgetFiles(row, files);
    if (await lasting.jobs.remove(closed.row)) return ok({ id, deleted: true, ...wiped });
  }
  throw new Problem(
    409,
    "changed",
    "something happened to the job meanwhile",
    `look at it: GET /v1/jobs/${id}`,
  );
}

async function renew(
  row: LastingJob,
  revoke: boolean,
  { lasting, ring, randomBytes, clock }: LastingApiDependencies,
): Promise<Partial<NewKey> & { expires?: string }> {
  let current: LastingJob | undefined = row;
  while (current) {
    const made: NewKey = issueKey(current, { ring, randomBytes, now: clock.now() });
    const record = revoke ? { ...made.record, isRevoked: true as const } : made.record;
    const written = await lasting.jobs.write(current, { set: { key: record }, entries: [] });
    if (written.isOurs) return revoke ? {} : { ...made, expires: isoTime(record.exp * 1000) };
    current = written.row;
  }
  throw notFound(`there is no job "${row.id}" any more`);
}
