import { type Command, InvalidArgumentError, Option } from "commander";
import { path } from "../../lib/client/api-client.ts";
import type { ShownEntry } from "../../lib/client/job-calls.ts";
import { JOB_STATES } from "../../lib/job/machine.ts";
import type { JobRecord, LogLine } from "../../lib/job/record.ts";
import { clusterJobName } from "../../lib/plan/names.ts";
import { Client, type ClientOptions, withUrl } from "./client.ts";
import { entryText } from "./entry-text.ts";
import { addJobFiles } from "./job-files.ts";
import { addJobVerbs } from "./job-verbs.ts";
import { indented, print, printable, printJson, say, styled, table } from "./terminal.ts";

/** The API gives so many at once. */
const MOST = 200;

export function addJobs(program: Command): void {
  const jobs = program
    .command("jobs")
    .description("the records of stages working on tokens, and of what others work on elsewhere");
  withUrl(jobs.command("list"))
    .description("the latest jobs of a pipeline")
    .argument("<pipeline>")
    .option("--stage <stage>", "only this one's")
    .addOption(new Option("--state <state>", `one of ${JOB_STATES.join(", ")}`).argParser(upperCase))
    .option("--run <id>", "only what descends from one arrival")
    .option("--limit <n>", `at most so many, 1 to ${MOST}`, limit, 50)
    .action(
      async (
        pipeline: string,
        { url, sign, json, ...query }: ClientOptions & Record<string, string | number>,
      ) => {
        const { jobs: rows } = await new Client({ url, sign }).get<{
          jobs: JobRecord[];
        }>(path`/v1/pipelines/${pipeline}/jobs`, query);
        if (json) return printJson({ jobs: rows });
        if (rows.length === 0) return print("there is no such job");
        print(
          table(
            ["job", "token", "stage", "state", "attempt", "ms", "out", "last", "reason"],
            // Of a job that an outsider made there is no token, and its own id stands in its place.
            rows.map(({ id, token, stage, state, attempt, durationMs, committed, history, reason }) => [
              id,
              token === id ? "-" : token,
              stage || "-",
              state,
              attempt,
              durationMs ?? "-",
              committed?.count ?? "-",
              history.at(-1)?.at ?? "-",
              reason ?? "-",
            ]),
          ),
        );
      },
    );
  withUrl(jobs.command("show"))
    .description("one job: its history, outputs, log and error")
    .argument("<job>")
    .action(async (id: string, options: ClientOptions) => {
      const job = await new Client(options).get<JobRecord>(path`/v1/jobs/${id}`);
      if (options.json) printJson(job);
      else print(jobText(job));
    });
  withUrl(jobs.command("logs"))
    .description(
      "what a job's last attempt to end has logged: the last lines of the stage, or of its container",
    )
    .argument("<job>")
    .action(async (id: string, options: ClientOptions) => {
      const { log = [] } = await new Client(options).get<JobRecord>(path`/v1/jobs/${id}`);
      if (options.json) return printJson({ log });
      for (const line of log) print(printable(logText(line)));
      if (log.length === 0) say("nothing is on record: a job keeps its log when an attempt ends");
    });
  addJobFiles(jobs);
  addJobVerbs(jobs);
}

const logText = ({ at, level, message }: LogLine): string => `${at}  ${level}  ${message}`;

/** A job for people: also what `dead show` prints. */
export function jobText(job: JobRecord & { readonly late?: readonly ShownEntry[] }): string {
  const facts: [string, string | undefined][] = [
    ["pipeline", job.pipeline],
    ["stage", job.stage],
    ["token", job.token === job.id ? undefined : job.token],
    ["run", job.run === job.id ? undefined : job.run],
    ["path", job.path],
    ["attempts", attemptsText(job)],
    ["shared", job.carrier && `the first attempt, in the Job ${clusterJobName(job.carrier, 1)}`],
    ["reason", job.reason],
    ["error", job.error?.message],
    ["outputs", job.committed && `${job.committed.count} (${job.committed.tokens} tokens)`],
    ["took", job.durationMs === undefined ? undefined : `${job.durationMs} ms`],
  ];
  const history = job.history.map((entry) => `  ${entryText(entry)}`);
  const log = (job.log ?? []).map((line) => `  ${logText(line)}`);
  const section = (title: string, lines: readonly string[]): string[] =>
    lines.length > 0 ? [styled("dim", title), ...lines.map(printable)] : [];
  return [
    `${styled("bold", job.id)}  ${job.state}`,
    ...facts
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `  ${name.padEnd(9)} ${indented(value ?? "", 12)}`),
    ...section(
      "outputs",
      (job.committed?.outputs ?? []).map((output) => `  ${JSON.stringify(output.payload)}`),
    ),
    ...section("history", history),
    ...section(
      "came too late",
      (job.late ?? []).map((entry) => `  ${entryText(entry)}`),
    ),
    ...section("log", log),
    ...section(
      "stack",
      (job.error?.stack ?? "").split("\n").filter((line) => line !== ""),
    ),
    ...section("input", job.body === undefined ? [] : [`  ${job.body}`]),
  ].join("\n");
}

const attemptsText = ({ attempt, attemptsForgiven = 0 }: JobRecord): string =>
  attemptsForgiven === 0 ? String(attempt) : `${attempt}, of which ${attemptsForgiven} not charged`;

function limit(text: string): number {
  const count = Number(text);
  if (text.trim() !== "" && Number.isInteger(count) && count >= 1 && count <= MOST) return count;
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${MOST}.`);
}

function upperCase(state: string): string {
  const upper = state.toUpperCase();
  if (JOB_STATES.some((known) => known === upper)) return upper;
  throw new InvalidArgumentError(`Allowed choices are ${JOB_STATES.join(", ")}.`);
}
