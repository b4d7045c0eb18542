import { relative } from "node:path";
import type { Board } from "../../lib/board/board.ts";
import { documentClient } from "../../lib/clients.aws.ts";
import { jobQueries } from "../../lib/job/queries.aws.ts";
import { makePlan } from "../../lib/plan/plan.ts";
import { requireSecrets } from "../local/local-secrets.ts";
import { copyResults } from "../local/results.ts";
import { runSample, sampleFile } from "../local/run-sample.ts";
import { type Runtime, startRuntime } from "../local/runtime.ts";
import { withStandIns } from "../local/stand-in.ts";
import { watchPipelines } from "../local/watch.ts";
import { requireDefinitions } from "./definitions.ts";
import { showProgress } from "./progress.ts";
import { CliError, EXIT, print, printJson, say, styled, table } from "./terminal.ts";

export interface DevOptions {
  readonly port: string;
  readonly data: string;
  /** `piped`: only where the standard output is not a terminal. */
  readonly once?: true | "piped";
  readonly json?: boolean;
  readonly sample: boolean;
}

/** Runs pipelines until they have ended, or until somebody asks it to stop. */
export async function dev(paths: readonly string[], options: DevOptions): Promise<void> {
  const port = portOf(options);
  const once = isOnce(options);
  const plan = makePlan(requireDefinitions(paths).map(withStandIns));
  let tell: (message: string) => void = say;
  const runtime = await startRuntime({ plan, data: options.data, port, say: (message) => tell(message) });
  const readyMs = Math.round(performance.now());
  const isSilent = once && options.json === true;
  if (!isSilent) print(`ready ${runtime.url}`);

  const interrupted = interruption();
  const progress = isSilent ? undefined : showProgress(runtime);
  if (progress) tell = progress.above;
  const unwatch = once ? () => {} : watchPipelines(runtime, (message) => tell(message));
  try {
    if (options.sample) await putSamples(runtime, tell);
    requireSecrets(runtime.data.secrets, plan);
    if (once) await untilEnded(runtime, interrupted);
    else await interrupted.promise;
    progress?.stop();
    if (!interrupted.signal.aborted) await summarise(runtime, readyMs, options.json === true);
  } finally {
    progress?.stop();
    unwatch();
    if (interrupted.signal.aborted)
      say("stopping: letting the work under way end (again to leave at once; nothing is lost)");
    await runtime.stop();
  }
}

function portOf(options: DevOptions): number {
  const port = Number(options.port);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new CliError(EXIT.usage, `"${options.port}" is not a port`, "0 to 65535");
}

function isOnce({ once }: DevOptions): boolean {
  if (once === undefined || once === true) return once === true;
  if (once === "piped") return !process.stdout.isTTY;
  throw new CliError(EXIT.usage, `"${once}" is not a time to leave`, "--once, or --once=piped");
}

/** The first SIGINT or SIGTERM asks to stop; the second one ends the process as it stands. */
function interruption(): { signal: AbortSignal; promise: Promise<void> } {
  const controller = new AbortController();
  const { promise, resolve } = Promise.withResolvers<void>();
  const ask = (signal: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.kill(process.pid, "SIGKILL");
    controller.abort(new Error(signal));
    resolve();
  };
  process.on("SIGINT", ask);
  process.on("SIGTERM", ask);
  return { signal: controller.signal, promise };
}

async function putSamples(runtime: Runtime, tell: (message: string) => void): Promise<void> {
  for (const pipeline of runtime.plan.pipelines) {
    const file = sampleFile(pipeline);
    if (file === undefined) continue;
    tell(`putting in the sample of ${pipeline.id} (${relative(process.cwd(), file)})`);
    await runSample(pipeline, file, runtime);
  }
}

async function untilEnded(runtime: Runtime, { signal }: { signal: AbortSignal }): Promise<void> {
  await runtime.drained(signal).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

/** What `--once --json` prints: one object, for one pipeline. */
interface Summary {
  readonly pipeline: string;
  readonly readyMs: number;
  readonly put: number;
  readonly done: number;
  readonly error: number;
  readonly outstanding: number;
  readonly stages: Board["stages"];
  readonly edges: Board["edges"];
  /** The folder with what came out. */
  readonly results: string;
}

async function summarise(runtime: Runtime, readyMs: number, json: boolean): Promise<void> {
  const summaries: Summary[] = [];
  for (const pipeline of runtime.plan.pipelines) {
    const { intake: _intake, queues: _queues, ...board } = await runtime.board(pipeline.id);
    summaries.push({ ...board, readyMs, results: await copyResults(pipeline, runtime) });
  }
  if (json) return printJson(summaries.length === 1 ? summaries[0] : summaries);
  for (const summary of summaries) print(await summaryText(summary, runtime));
  print(
    `the API was at ${runtime.url}; the state stays in ${runtime.data.path}: millrace dev shows it again`,
  );
}

async function summaryText(
  { pipeline, put, done, error, stages, results }: Summary,
  runtime: Runtime,
): Promise<string> {
  const dead = await jobQueries(documentClient(runtime.env), runtime.plan.table).dead(pipeline);
  const reasons = dead.map(({ stage, reason = "", error: why, token }) => [
    stage,
    reason,
    (why?.message ?? "").slice(0, 90),
    token,
  ]);
  return [
    "",
    `${styled("bold", pipeline)}: put ${put} = done ${done} + in error ${error}`,
    table(
      ["stage", "done", "error"],
      Object.entries(stages).map(([name, settled]) => [name, settled.done, settled.error]),
    ),
    ...(reasons.length > 0 ? ["", table(["in error at", "reason", "message", "token"], reasons)] : []),
    `results: ${relative(process.cwd(), results)}`,
    "",
  ].join("\n");
}
