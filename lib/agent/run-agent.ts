import { writeFile } from "node:fs/promises";
import * as z from "zod/mini";
import "../schema-messages.ts";
import { readKey } from "../job/callback-key.ts";
import type { Logger } from "../log.ts";
import { excerpt, type Reason, StageFailure } from "../stage/failure.ts";
import { type AgentApi, type AgentDependencies, agentApi } from "./agent-api.ts";
import { fetchInput } from "./fetch-input.ts";
import { Refused, waitingLog } from "./persist.ts";
import { PodUid } from "./protocol.ts";
import { publishOutput } from "./publish-output.ts";

/** What the containers around the user's do: one program, `fetch` or `publish`. */

const Text = z.string().check(z.minLength(1));

/** What the manifest of the pod sets. */
const AgentEnv = z.object({
  MILLRACE_API: z.url(),
  MILLRACE_JOB: z.uuid(),
  MILLRACE_ATTEMPT: z.coerce.number().check(z.int(), z.minimum(1)),
  MILLRACE_KEY: Text,
  MILLRACE_POD: PodUid,
  MILLRACE_NODE: z.optional(z.string()),
  MILLRACE_IN: Text,
  MILLRACE_OUT: Text,
});
type AgentEnv = z.infer<typeof AgentEnv>;

/** Kubernetes shows what stands there as the reason of a container's end. */
const TERMINATION_LOG = "/dev/termination-log";
const MESSAGE_LENGTH = 2000;

const MINUTE_MS = 60_000;

/**
 * For how long an agent tries when a service does not answer. Before the program has run another pod can do the same; when it
 * has, its work of hours is at stake, and only the Job's deadline, by which Kubernetes ends the pod, or the end of the
 * key's time are reasons to give it up. That something went wrong is also told by the pod's status.
 */
const PATIENCE_MS = { fetch: 30 * MINUTE_MS, publish: Number.POSITIVE_INFINITY, failure: 5 * MINUTE_MS };

type Verb = (env: AgentEnv, api: AgentApi, dependencies: AgentDependencies, log: Logger) => Promise<void>;

const VERBS: Readonly<Record<"fetch" | "publish", Verb>> = {
  fetch: async (env, api, dependencies, log) => {
    const answer = await api.event({
      event: "run",
      eventId: `run-${env.MILLRACE_ATTEMPT}-${env.MILLRACE_POD}`,
      data: { pod: env.MILLRACE_POD, ...(env.MILLRACE_NODE !== undefined && { node: env.MILLRACE_NODE }) },
    });
    // Nobody waits for this attempt any more: what it would do is not looked at.
    if (!answer.applied && answer.reason !== "duplicate")
      throw new Refused(409, "over", `the attempt is over (${answer.reason})`);
    const folders = { in: env.MILLRACE_IN, out: env.MILLRACE_OUT };
    log("info", "the input is here", { ...(await fetchInput(api, folders, dependencies)) });
  },
  publish: async (env, api, dependencies, log) => {
    const attempt = { job: env.MILLRACE_JOB, attempt: env.MILLRACE_ATTEMPT, pod: env.MILLRACE_POD };
    const { answer, ...published } = await publishOutput(attempt, env.MILLRACE_OUT, api, dependencies);
    log("info", "the output is stored", { ...published, ...answer });
  },
};

/** @returns the exit code */
export async function runAgent(
  verb: string,
  environment: Readonly<Record<string, string | undefined>>,
  outside: Omit<AgentDependencies, "patience">,
  log: Logger,
): Promise<0 | 1 | 2> {
  const parsed = AgentEnv.safeParse(environment);
  if (!isVerb(verb) || !parsed.success) {
    const what = isVerb(verb)
      ? z.prettifyError(parsed.error as z.core.$ZodError)
      : `"${verb}" is neither fetch nor publish`;
    log("error", what, {});
    return 2;
  }
  const env = parsed.data;
  const { MILLRACE_API: base, MILLRACE_JOB: job, MILLRACE_KEY: key } = env;
  const until = (readKey(key)?.exp ?? Number.POSITIVE_INFINITY) * 1000;
  const waiting = waitingLog(log, outside.clock);
  const patient = (ms: number): AgentDependencies => ({ ...outside, patience: { ms, until, waiting } });
  const apiOf = (dependencies: AgentDependencies): AgentApi => agentApi({ base, job, key }, dependencies);
  const dependencies = patient(PATIENCE_MS[verb]);
  try {
    await VERBS[verb](env, apiOf(dependencies), dependencies, log);
    return 0;
  } catch (error) {
    const reason = reasonOf(error);
    const message = excerpt((error as Error).message, MESSAGE_LENGTH);
    log("error", message, { reason });
    await tell(apiOf(patient(PATIENCE_MS.failure)), env, reason, message);
    return 1;
  }
}

const isVerb = (word: string): word is keyof typeof VERBS => Object.hasOwn(VERBS, word);

/** What the API refuses an input or an output for. */
const OWN_REASONS = ["object-missing", "output-missing", "output-invalid"] as const satisfies Reason[];

/** A failure that is nobody's but the program's, or the token's, has a reason of its own; all others are the agent's. */
function reasonOf(error: unknown): Reason {
  if (error instanceof StageFailure) return error.reason;
  const own = error instanceof Refused ? OWN_REASONS.find((reason) => reason === error.code) : undefined;
  return own ?? "agent";
}

/** Two ways to be heard, because each may fail: the pod's status, and the API. */
async function tell(
  api: AgentApi,
  { MILLRACE_ATTEMPT: attempt, MILLRACE_POD: pod }: AgentEnv,
  reason: Reason,
  message: string,
): Promise<void> {
  await writeFile(TERMINATION_LOG, `${reason}: ${message}`).catch(() => {});
  // An agent that cannot reach the API has tried for long enough.
  if (reason === "agent") return;
  await api
    .event({ event: "fail", eventId: `fail-${attempt}-${pod}`, data: { reason, message } })
    .catch(() => {});
}
