import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod/mini";
import "../schema-messages.ts";
import { readKey } from "../job/callback-key.ts";
import type { Logger } from "../log.ts";
import { excerpt, type Reason, StageFailure } from "../stage/failure.ts";
import { type AgentApi, type AgentDependencies, agentApi } from "./agent-api.ts";
import { fetchInput } from "./fetch-input.ts";
import { Refused, waitingLog } from "./persist.ts";
import { AgentAttempt, PodUid } from "./protocol.ts";
import { publishOutput } from "./publish-output.ts";

/** What the containers around the user's do: one program, `fetch` or `publish`, for each token of the pod. */

const Text = z.string().check(z.minLength(1));

const Attempts = z.pipe(
  z.pipe(
    Text,
    z.transform((text, context): unknown => {
      try {
        return JSON.parse(text);
      } catch {
        context.issues.push({ code: "custom", message: "is not JSON", input: "" });
        return z.NEVER;
      }
    }),
  ),
  z.array(AgentAttempt).check(z.minLength(1)),
);

/** What the manifest of the pod sets. */
const AgentEnv = z.object({
  MILLRACE_API: z.url(),
  /** A list of {@link AgentAttempt}, as JSON. */
  MILLRACE_ATTEMPTS: Attempts,
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

type Verb = (
  attempt: AgentAttempt,
  env: AgentEnv,
  api: AgentApi,
  dependencies: AgentDependencies,
) => Promise<Record<string, unknown>>;

const VERBS: Readonly<Record<"fetch" | "publish", { readonly work: Verb; readonly done: string }>> = {
  fetch: {
    done: "the input is here",
    work: async ({ attempt, folder = "", callback }, env, api, dependencies) => {
      const answer = await api.event({
        event: "run",
        eventId: `run-${attempt}-${env.MILLRACE_POD}`,
        data: {
          pod: env.MILLRACE_POD,
          ...(env.MILLRACE_NODE !== undefined && { node: env.MILLRACE_NODE }),
        },
      });
      // Nobody waits for this attempt any more: what it would do is not looked at.
      if (!answer.applied && answer.reason !== "duplicate")
        throw new Refused(409, OVER, `the attempt is over (${answer.reason})`);
      const folders = { in: join(env.MILLRACE_IN, folder), out: join(env.MILLRACE_OUT, folder) };
      try {
        return { ...(await fetchInput(api, folders, dependencies, callback)) };
      } catch (error) {
        // A program that goes through the folders of its tokens must not break on one that is not whole.
        if (folder !== "") await Promise.all(Object.values(folders).map(removeFolder));
        throw error;
      }
    },
  },
  publish: {
    done: "the output is stored",
    work: async ({ job, attempt, folder = "" }, env, api, dependencies) => {
      const of = { job, attempt, pod: env.MILLRACE_POD };
      const published = await publishOutput(of, join(env.MILLRACE_OUT, folder), api, dependencies);
      const { answer, ...stored } = published;
      return { ...stored, ...answer };
    },
  },
};

const removeFolder = (path: string): Promise<void> => rm(path, { recursive: true, force: true });

/**
 * Tokens that share a pod are done one after the other. What is the fault of one of them is told of that one, and the others
 * go on; what is nobody's ends the pod.
 *
 * @returns the exit code: 0 when something was done, and everything else was told
 */
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
  const { work, done } = VERBS[verb];
  const waiting = waitingLog(log, outside.clock);
  const ends: End[] = [];
  for (const attempt of env.MILLRACE_ATTEMPTS) {
    const { job, key } = attempt;
    const until = (readKey(key)?.exp ?? Number.POSITIVE_INFINITY) * 1000;
    const patient = (ms: number): AgentDependencies => ({ ...outside, patience: { ms, until, waiting } });
    const apiOf = (dependencies: AgentDependencies): AgentApi =>
      agentApi({ base: env.MILLRACE_API, job, key }, dependencies);
    const dependencies = patient(PATIENCE_MS[verb]);
    try {
      log("info", done, { job, ...(await work(attempt, env, apiOf(dependencies), dependencies)) });
      ends.push("done");
    } catch (error) {
      ends.push(await failedAt(attempt, error, env, apiOf(patient(PATIENCE_MS.failure)), log));
    }
  }
  return ends.includes("done") && !ends.includes("untold") ? 0 : 1;
}

const isVerb = (word: string): word is keyof typeof VERBS => Object.hasOwn(VERBS, word);

/** Two ways to be heard, because each may fail: the pod's status, and the API. */
async function failedAt(
  attempt: AgentAttempt,
  error: unknown,
  env: AgentEnv,
  api: AgentApi,
  log: Logger,
): Promise<End> {
  const failure = { reason: reasonOf(error), message: excerpt((error as Error).message, MESSAGE_LENGTH) };
  log("error", failure.message, { job: attempt.job, reason: failure.reason });
  const isAlone = env.MILLRACE_ATTEMPTS.length === 1;
  if (isAlone) await leaveReason(failure);
  const end = isOver(error) || (await tell(api, attempt, env, failure)) ? "told" : "untold";
  // What was told of one of several would be taken for the reason of all.
  if (!isAlone && end === "untold") await leaveReason({ ...failure, reason: "agent" });
  return end;
}

/** What came of a token: the API knows, or it has to be seen in how the pod ends. */
type End = "done" | "told" | "untold";

interface Failure {
  readonly reason: Reason;
  readonly message: string;
}

/** The API's word for an attempt that nobody waits for any more. */
const OVER = "over";
const isOver = (error: unknown): boolean => error instanceof Refused && error.code === OVER;

/** What the API refuses an input or an output for. */
const OWN_REASONS = ["object-missing", "output-missing", "output-invalid"] as const satisfies Reason[];

/** A failure that is nobody's but the program's, or the token's, has a reason of its own; all others are the agent's. */
function reasonOf(error: unknown): Reason {
  if (error instanceof StageFailure) return error.reason;
  const own = error instanceof Refused ? OWN_REASONS.find((reason) => reason === error.code) : undefined;
  return own ?? "agent";
}

const leaveReason = ({ reason, message }: Failure): Promise<void> =>
  writeFile(TERMINATION_LOG, `${reason}: ${message}`).catch(() => {});

/** @returns whether it was heard. An agent that cannot reach the API has tried for long enough. */
async function tell(
  api: AgentApi,
  { attempt }: AgentAttempt,
  { MILLRACE_POD: pod }: AgentEnv,
  data: Failure,
): Promise<boolean> {
  if (data.reason === "agent") return false;
  return api.event({ event: "fail", eventId: `fail-${attempt}-${pod}`, data }).then(
    () => true,
    () => false,
  );
}
