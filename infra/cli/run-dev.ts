import { relative } from "node:path";
import type { Board } from "../../lib/board/board.ts";
import { documentClient } from "../../lib/clients.aws.ts";
import { sleep, systemClock } from "../../lib/clock.ts";
import { requireDefinitions } from "../../lib/definition/files.ts";
import { jobQueries } from "../../lib/job/queries.aws.ts";
import { makePlan } from "../../lib/plan/plan.ts";
import { requireSecrets } from "../local/local-secrets.ts";
import { copyResults } from "../local/results.ts";
import { runSample, sampleFile } from "../local/run-sample.ts";
import { type Runtime, startRuntime } from "../local/runtime.ts";
import { withStandIns } from "../local/stand-in.ts";
import { watchPipelines } from "../local/watch.ts";
import { type Interruption, interruption } from "./interruption.ts";
import { type Progress, showProgress } from "./progress.ts";
import { CliError, EXIT, print, printableLines, printJson, say, styled, table } from "./terminal.ts";
import { shorten } from "./text.ts";

export interface DevOptions {
  readonly port: string;
  readonly data: string;
  readonly once?: true;
  readonly onceIfPiped?: true;
  readonly json?: true;
  readonly sample: boolean;
}

/** Runs pipelines until they have ended, or until somebody asks it to stop. */
export async function dev(paths: readonly string[], options: DevOptions): Promise<void> {
  const port = portOf(options);
  const once = options.once === true || (options.onceIfPiped === true && !process.stdout.isTTY);
  if (options.json && !once)
    throw new CliError(EXIT.usage, "--json prints a summary, and there is none without --once", "add --once");
  if (options.data === "") throw new CliError(EXIT.usage, "--data names no folder", "name one: --data DIR");
  const interrupted = interruption();
  const plan = makePlan(requireDefinitions(paths).map(withStandIns));
  let tell: (message: string) => void = say;
  const runtime = await startRuntime({
    plan,
    data: options.data,
    port,
    say: (message) => tell(printableLines(message)),
  });
  const readyMs = Math.round(performance.now());
  const isSilent = options.json === true;
  if (!isSilent) print(`ready ${runtime.url}`);

  const progress = isSilent ? undefined : showProgress(runtime);
  if (progress) tell = progress.tell;
  const unwatch = once ? () => {} : watchPipelines(runtime, (message) => tell(message));
  try {
    await interrupted.unlessAsked(async () => {
      if (options.sample) await putSamples(runtime, interrupted, tell);
      requireSecrets(runtime.data.secrets, plan);
      await (once
        ? runtime.drained(interrupted.signal)
        : summariseEachRest(runtime, progress, interrupted.signal));
    });
    progress?.stop();
    if (once) await endOnce(runtime, { readyMs, json: isSilent }, interrupted);
  } finally {
    progress?.stop();
    unwatch();
    if (interrupted.signal.aborted)
      say("stopping: letting the work under way end (again to leave at once; nothing is lost)");
    await runtime.stop();
  }
}

function portOf({ port: text }: DevOptions): number {
  const port = Number(text);
  if (text.trim() !== "" && Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new CliError(EXIT.usage, `"${text}" is not a port`, "0 to 65535");
}

async function putSamples(
  runtime: Runtime,
  { signal }: Interruption,
  tell: (message: string) => void,
): Promise<void> {
  for (const pipeline of runtime.plan.pipelines) {
    const file = sampleFile(pipeline);
    if (file === undefined || signal.aborted) continue;
    tell(`putting in the sample of ${pipeline.id} (${shown(file)})`);
    await runSample(pipeline, file, runtime);
  }
}

/** Whenever everything that was put has ended: the summary, and the results where they can be looked at. */
async function summariseEachRest(
  runtime: Runtime,
  progress: Progress | undefined,
  signal: AbortSignal,
): Promise<void> {
  let told = "";
  for (;;) {
    await runtime.drained(signal);
    const writes = runtime.writes();
    const summaries = await summariesOf(runtime, 0);
    const counts = JSON.stringify(summaries.map(({ put, done, error }) => [put, done, error]));
    if (counts !== told && summaries.some(({ put }) => put > 0)) {
      progress?.clear();
      for (const summary of summaries) if (summary.put > 0) print(await summaryText(summary, runtime));
      print(`the API is at ${runtime.url}; Ctrl-C stops, and keeps the state in ${shown(runtime.data.path)}`);
    }
    told = counts;
    while (runtime.writes() === writes) await sleep(systemClock, 500, signal);
  }
}

async function endOnce(
  runtime: Runtime,
  { readyMs, json }: { readyMs: number; json: boolean },
  { signal, exitCode }: Interruption,
): Promise<void> {
  const summaries = await summariesOf(runtime, readyMs);
  if (json) printJson(summaries.length === 1 ? summaries[0] : summaries);
  else {
    for (const summary of summaries) print(await summaryText(summary, runtime));
    print(
      `the API was at ${runtime.url}; the state stays in ${shown(runtime.data.path)}: millrace dev shows it again`,
    );
  }
  if (signal.aborted) process.exitCode = exitCode();
  else if (summaries.some(({ outstanding }) => outstanding > 0)) {
    process.exitCode = EXIT.service;
    // A retry that was cut short has opened the job and not sent the message: the job still lies in the error bucket.
    say(
      "tokens are outstanding that lie in no queue. Was a retry cut short? millrace dead retry PIPELINE --all sends them; otherwise please report this, with the data folder",
    );
  }
}

/** What `--once --json` prints, for each pipeline. */
interface Summary {
  readonly pipeline: string;
  readonly readyMs: number;
  readonly put: number;
  /** Worked to the end, or skipped by hand. */
  readonly done: number;
  readonly error: number;
  readonly outstanding: number;
  readonly stages: Readonly<Record<string, { done: number; error: number }>>;
  readonly edges: Readonly<
    Record<string, { waiting: number; claimed: number; parked: number; error: number; done: number }>
  >;
  /** The folder with what came out. */
  readonly results: string;
}

async function summariesOf(runtime: Runtime, readyMs: number): Promise<Summary[]> {
  const summaries: Summary[] = [];
  for (const pipeline of runtime.plan.pipelines) {
    summaries.push(
      summaryOf(await runtime.board(pipeline.id), readyMs, await copyResults(pipeline, runtime)),
    );
  }
  return summaries;
}

function summaryOf(
  { pipeline, put, done, error, skipped, outstanding, stages, edges }: Board,
  readyMs: number,
  results: string,
): Summary {
  const entries = Object.entries;
  return {
    pipeline,
    readyMs,
    put,
    done: done + skipped,
    error,
    outstanding,
    stages: Object.fromEntries(
      entries(stages).map(([name, each]) => [name, { done: each.done + each.skipped, error: each.error }]),
    ),
    edges: Object.fromEntries(
      entries(edges).map(([name, { skipped: given, ...edge }]) => [
        name,
        { ...edge, done: edge.done + given },
      ]),
    ),
    results,
  };
}

/** Reasons that a summary tells. */
const TOLD = 20;

async function summaryText(
  { pipeline, put, done, error, outstanding, stages, results }: Summary,
  runtime: Runtime,
): Promise<string> {
  const { rows } = await jobQueries(documentClient(runtime.env), runtime.plan.table).dead(pipeline, {
    limit: TOLD,
  });
  const reasons = rows.map(({ stage, reason = "", error: why, token }) => [
    stage,
    reason,
    shorten(why?.message ?? "", 90),
    token,
  ]);
  return [
    "",
    `${styled("bold", pipeline)}: put ${put} = done ${done} + in error ${error}${outstanding > 0 ? ` + outstanding ${outstanding}` : ""}`,
    table(
      ["stage", "done", "error"],
      Object.entries(stages).map(([name, settled]) => [name, settled.done, settled.error]),
    ),
    ...(reasons.length > 0 ? ["", table(["in error at", "reason", "message", "token"], reasons)] : []),
    ...(error > reasons.length ? [`and ${error - reasons.length} more: millrace dead list ${pipeline}`] : []),
    `results: ${shown(results)}`,
    "",
  ].join("\n");
}

const shown = (path: string): string => {
  const short = relative(process.cwd(), path);
  return short.startsWith("..") || short === "" ? path : short;
};
