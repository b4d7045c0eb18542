import * as z from "zod";
import { allows, type KeyClaims, SCOPES } from "../job/callback-key.ts";
import { type JobCall, reportedId } from "../job/decide.ts";
import type { LastingJob } from "../job/lasting.ts";
import { eventsOf, type JobEvent } from "../job/machine.ts";
import { eventOfStatus } from "../job/statuses.ts";
import type { Plan } from "../plan/plan.ts";
import { excerpt, type Reason, StageFailure } from "../stage/failure.ts";
import { happen, type LastingDependencies, placeOf } from "../stage/lasting.ts";
import type { Turns } from "../turns.ts";
import { AGENT_ROUTES, type AgentRouteDependencies } from "./agent-routes.ts";
import { forbidden, jobOf, shownKey } from "./callback-auth.ts";
import { derivedEventId, type Report, reportOf } from "./callback-form.ts";
import { type ApiRequest, type ApiResponse, ok, Problem } from "./http.ts";
import type { Route } from "./route.ts";
import { UPLOAD_ROUTES, type UploadDependencies } from "./upload-routes.ts";

/**
 * What the systems call that do the work of lasting jobs. A key is all that they have, and all that these routes believe. They
 * are a function of their own, with no more rights than a report needs.
 */

export interface CallbackDependencies
  extends LastingDependencies,
    Pick<UploadDependencies, "ring" | "uploadUrl">,
    Pick<AgentRouteDependencies, "urls"> {
  /** Fifty callbacks at once for one job made some five hundred writes in vain; one after another they make none. */
  readonly inTurn: Turns;
}

async function report(request: ApiRequest, dependencies: CallbackDependencies): Promise<ApiResponse> {
  const key = shownKey(request, dependencies);
  return dependencies.inTurn(key.claims.job, async () =>
    reportFor(await jobOf(key, dependencies), key.claims, request, dependencies),
  );
}

async function reportFor(
  row: LastingJob,
  claims: KeyClaims,
  request: ApiRequest,
  dependencies: CallbackDependencies,
): Promise<ApiResponse> {
  const said = reportOf(request);
  const event =
    "event" in said.says
      ? said.says.event
      : eventOfStatus(said.says.status, ownStatuses(row, dependencies.plan));
  if (!allows(claims.scope, event)) throw forbidden();
  const outcome = await happen(row, callOf(event, claims, said), dependencies).catch((error: unknown) => {
    // The job is as it was, and can still be finished by somebody who says it right.
    if (error instanceof StageFailure) throw new Problem(422, error.reason, error.message);
    throw error;
  });
  const { state } = outcome.row;
  if (outcome.kind === "applied") return ok({ applied: true, state });
  if (outcome.kind === "ignored") return ok({ applied: false, reason: outcome.reason, state });
  const may = eventsOf(state).filter((each) => SCOPES[claims.scope].some((allowed) => allowed === each));
  throw new Problem(409, "not-now", outcome.message, `with this key: ${may.join(", ") || "nothing"}`);
}

function callOf(event: JobEvent, { attempt }: KeyClaims, said: Report): JobCall {
  const { data, eventId = derivedEventId(said) } = said;
  return {
    event,
    attempt,
    eventId: reportedId(attempt, eventId),
    ...(data !== undefined && { data }),
    ...(event === "fail" && {
      failure: agentFailure(data) ?? { reason: "reported", message: excerpt(messageIn(data), 1000) },
    }),
  };
}

/** Why, as the system that does the work says it. */
function messageIn(data: unknown): string {
  if (data === undefined) return "no reason was given";
  if (typeof data === "string") return data;
  const said = z.object({ message: z.string() }).safeParse(data);
  return said.success ? said.data.message : JSON.stringify(data);
}

/** Of what the agent in a pod finds out about its input and its output. */
const AGENT_REASONS = ["output-missing", "output-invalid", "object-missing"] as const satisfies Reason[];
const AgentFailure = z.strictObject({ reason: z.enum(AGENT_REASONS), message: z.string() });

/** What went wrong, when it is the agent that says so. */
const agentFailure = (data: unknown): JobCall["failure"] => AgentFailure.safeParse(data).data;

const ownStatuses = (row: LastingJob, plan: Plan): Readonly<Record<string, JobEvent>> => {
  if (row.stage === "") return {};
  const { work } = placeOf(row, plan).stage;
  return work.kind === "external" ? work.statuses : {};
};

export const CALLBACK_ROUTES: readonly Route<CallbackDependencies>[] = [
  {
    method: "POST",
    path: "/v1/jobs/{job}/events",
    does: "reports of a job, with its key: `{ event, data?, eventId? }`",
    handle: report,
  },
  {
    method: "POST",
    path: "/v1/callbacks",
    does: "the same by URL, for systems that know no more: `?uuid=&token=&x-nonce=&status=`, the body is the data",
    handle: report,
  },
  ...UPLOAD_ROUTES,
  ...AGENT_ROUTES,
];

const PATTERNS = CALLBACK_ROUTES.map(({ method, path }) => ({
  method,
  pattern: new RegExp(`^${path.replaceAll(/\{[^}]+\}/g, "[^/]+")}$`),
}));

/** Whether a request is for these routes; all others are the API function's. */
export const isCallback = (method: string, path: string): boolean =>
  PATTERNS.some((route) => route.method === method && route.pattern.test(path));
