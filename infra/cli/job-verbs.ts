import { type Command, InvalidArgumentError } from "commander";
import { follow } from "../../lib/client/follow.ts";
import { type Answer, JobCalls, type JobDescription, type Operated } from "../../lib/client/job-calls.ts";
import { realSurroundings } from "../../lib/client/surroundings.ts";
import { type Json, parseJson } from "../../lib/token/json.ts";
import { apiAt, type ClientOptions, withUrl } from "./client.ts";
import { entryText } from "./entry-text.ts";
import { EXIT, print, printable, printJson, say, styled } from "./terminal.ts";
import { counted } from "./text.ts";

/** What outsiders and operators do to jobs that outlast an invocation. */
export function addJobVerbs(jobs: Command): void {
  withUrl(jobs.command("create"))
    .description("make a job that you work on yourself, or find it; its key is shown once")
    .argument("<pipeline>")
    .option("--stage <stage>", "that it does the work of, if of any")
    .option(
      "--parameter <name=value>",
      "what the job is known by (repeatable); JSON, or else a text",
      parameter,
    )
    .option("--belongs-to <name>", "laboratory, experiment, sample … (repeatable, in that order)", appended)
    .option("--session <name>", "what its archive path is called by")
    .option("--nonce", "a second secret is to be shown with the key")
    .option("--watch", "tell what happens to it until it has come to rest")
    .action(create);
  withUrl(jobs.command("watch"))
    .description("tell what happens to a job until it has come to rest")
    .argument("<job>")
    .action(watch);
  withUrl(jobs.command("event"))
    .description("report an event: with a key as whoever works on the job, without one as its operator")
    .argument("<job>")
    .argument("<event>", "run, update, resource, finish, fail, index, validate, finalize …")
    .option("--data <json>", "what to keep with it", json)
    .option("--key <key>", "better in MILLRACE_JOB_KEY: other users see arguments")
    .option("--nonce <nonce>", "what the key needs beside it; better in MILLRACE_JOB_NONCE")
    .option("--id <id>", "the same one is taken once")
    .option("--watch", "then tell what happens until the job has come to rest")
    .action(report);
  addOperation(jobs, "cancel", "call off a job that nothing has happened to");
  addOperation(jobs, "reset", "clear a job for another go: what it archived is wiped", { dryRun: true });
  addOperation(jobs, "ready", "let a job that was reset begin again");
  addOperation(jobs, "delete", "delete a job's record", { dryRun: true, purge: true });
  withUrl(jobs.command("key"))
    .description("a new callback key, which makes those before it void")
    .argument("<job>")
    .option("--revoke", "none: nobody can report on the job any more")
    .action(key);
}

interface CreateOptions
  extends ClientOptions,
    Pick<JobDescription, "stage" | "session" | "belongsTo" | "nonce"> {
  readonly parameter?: Readonly<Record<string, Json>>;
  readonly watch?: true;
}

async function create(pipeline: string, options: CreateOptions): Promise<void> {
  const { stage, session, belongsTo, nonce, parameter: parameters = {}, watch: isWatched } = options;
  const description = { pipeline, parameters, stage, session, belongsTo, nonce };
  const job = await new JobCalls(apiAt(options)).setUp(description);
  if (options.json) printJson(job);
  else {
    print(`${styled("bold", job.id)}  ${job.state}`);
    for (const name of ["path", "key", "nonce", "callback"] as const)
      if (job[name] !== undefined) print(`  ${name.padEnd(9)} ${printable(job[name])}`);
    say(
      job.key === undefined
        ? `it was there already, and its key is not shown again; for a new one: millrace jobs key ${job.id}`
        : "the key and the callback are secrets, and not shown again",
    );
  }
  if (isWatched) await watch(job.id, options);
}

/** Ends with exit code 1 when the job has failed. */
async function watch(id: string, options: ClientOptions): Promise<void> {
  const calls = new JobCalls(apiAt(options));
  const { pipeline } = await calls.show(id);
  const isIndexed = await calls.isIndexed(pipeline);
  const look = (from: number) => calls.show(id, from);
  let last = "";
  for await (const { state, entries } of follow(look, isIndexed, realSurroundings.clock)) {
    last = state;
    for (const entry of entries)
      if (options.json) print(JSON.stringify(entry));
      else print(printable(entryText(entry)));
  }
  say(last);
  if (last === "FAILED" || last === "CANCELLED") process.exitCode = EXIT.input;
}

interface ReportOptions extends ClientOptions {
  readonly data?: Json;
  readonly key?: string;
  readonly nonce?: string;
  readonly id?: string;
  readonly watch?: true;
}

async function report(id: string, event: string, options: ReportOptions): Promise<void> {
  const { data, id: eventId = realSurroundings.newId() } = options;
  // An empty variable is one that is not set.
  const key = options.key ?? (process.env["MILLRACE_JOB_KEY"] || undefined);
  const nonce = options.nonce ?? (process.env["MILLRACE_JOB_NONCE"] || undefined);
  const calls = new JobCalls(apiAt(options));
  const answer =
    key === undefined
      ? await calls.operate(id, { verb: event, data, eventId })
      : await calls.report(id, { key, nonce }, { event, data, eventId });
  if (options.json) printJson(answer);
  else print(answerText(answer));
  if (options.watch) await watch(id, options);
}

const answerText = (answer: Answer | Operated): string =>
  "applied" in answer && !answer.applied
    ? `nothing was changed (${answer.reason}): the job is ${answer.state}`
    : `the job is ${answer.state}`;

interface OperationOptions extends ClientOptions {
  readonly dryRun?: true;
  readonly purge?: true;
}

function addOperation(
  jobs: Command,
  verb: string,
  description: string,
  { dryRun = false, purge = false } = {},
): void {
  const command = withUrl(jobs.command(verb)).description(description).argument("<job>");
  if (dryRun) command.option("--dry-run", "only say what would be removed");
  if (purge) command.option("--purge", "with what it has archived");
  command.action(async (id: string, options: OperationOptions) => {
    const calls = new JobCalls(apiAt(options));
    const { dryRun: isDry, purge: isPurge } = options;
    const eventId = realSurroundings.newId();
    const done = await calls.operate(id, { verb, eventId, dryRun: isDry, purge: isPurge });
    if (options.json) printJson(done);
    else print(operatedText(done));
  });
}

function operatedText({ state, wiped, dryRun, deleted }: Operated): string {
  const what = deleted ? "the job is deleted" : `the job is ${state}`;
  if (!wiped) return dryRun ? `nothing was changed: ${what}` : what;
  const files = `${counted(wiped.objects, "object")}, ${counted(wiped.bytes, "byte")}`;
  return dryRun ? `nothing was changed; it would remove ${files}` : `${what}; ${files} removed`;
}

async function key(id: string, { revoke, ...options }: ClientOptions & { revoke?: true }): Promise<void> {
  const calls = new JobCalls(apiAt(options));
  const answer = revoke ? await calls.revokeKey(id) : await calls.issueKey(id);
  if (options.json) return printJson(answer);
  if (!("key" in answer))
    return print(`nobody can report on the job any more; for a new key: millrace jobs key ${id}`);
  for (const name of ["key", "nonce", "callback", "expires"] as const)
    if (answer[name] !== undefined) print(`${name.padEnd(9)} ${printable(answer[name])}`);
  say("the key and the callback are secrets, and not shown again");
}

function parameter(text: string, all: Readonly<Record<string, Json>> = {}): Record<string, Json> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("Give NAME=VALUE.");
  const value = text.slice(at + 1);
  return { ...all, [text.slice(0, at)]: jsonOr(value) };
}

const appended = (value: string, all: readonly string[] = []): string[] => [...all, value];

function jsonOr(text: string): Json {
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}

function json(text: string): Json {
  try {
    return parseJson(text);
  } catch (error) {
    throw new InvalidArgumentError(`It is not JSON: ${(error as Error).message}.`);
  }
}
