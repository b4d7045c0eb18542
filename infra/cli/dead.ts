import { type Command, Option } from "commander";
import { path } from "../../lib/client/api-client.ts";
import type { JobRecord } from "../../lib/job/record.ts";
import { REASONS } from "../../lib/stage/failure.ts";
import { Client, type ClientOptions, withUrl } from "./client.ts";
import { jobText } from "./jobs.ts";
import { CliError, EXIT, print, printJson, say, table } from "./terminal.ts";
import { shorten } from "./text.ts";

interface Filter {
  readonly edge?: string;
  readonly stage?: string;
  readonly reason?: string;
  readonly message?: string;
}

interface Action extends Filter, ClientOptions {
  readonly all?: true;
  readonly dryRun?: boolean;
}

interface Page<Job> {
  readonly jobs: readonly Job[];
  readonly next?: string;
}

interface Answer {
  readonly id: string;
  readonly token: string;
  readonly outcome: string;
}

interface Acted extends Page<Answer> {
  readonly dryRun: boolean;
}

export function addDead(program: Command): void {
  const dead = program
    .command("dead")
    .description("the error bucket: tokens that failed for good, each with its reason");
  withFilter(withUrl(dead.command("list")))
    .description("what lies in it")
    .argument("<pipeline>")
    .action(async (pipeline: string, { url, sign, json, ...filter }: ClientOptions & Filter) => {
      const client = new Client({ url, sign });
      const jobs: JobRecord[] = [];
      for await (const page of pages((after) =>
        client.get<Page<JobRecord>>(path`/v1/pipelines/${pipeline}/dead`, { ...filter, after }),
      )) {
        jobs.push(...page.jobs);
      }
      if (json) return printJson({ jobs });
      if (jobs.length === 0)
        return print(
          Object.keys(filter).length > 0
            ? "nothing in the error bucket is like that"
            : "nothing lies in the error bucket",
        );
      print(
        table(
          ["job", "token", "stage", "reason", "attempts", "message"],
          jobs.map(({ id, token, stage, reason, attempt, error }) => [
            id,
            token,
            stage,
            reason ?? "retry unfinished",
            attempt,
            shorten(error?.message ?? "", 100),
          ]),
        ),
      );
    });
  withUrl(dead.command("show"))
    .description("one of them: reason, error, attempts and input")
    .argument("<job>")
    .action(async (id: string, options: ClientOptions) => {
      const job = await new Client(options).get<JobRecord>(path`/v1/jobs/${id}`);
      if (options.json) printJson(job);
      else print(jobText(job));
    });
  addAction(dead, "retry", "send them to their stage again, with fresh attempts");
  addAction(dead, "skip", "give them up");
}

const withFilter = (command: Command): Command =>
  command
    .option("--edge <edge>", "an edge or one of its lists: start-last, start-last-error")
    .option("--stage <stage>", "what failed there")
    .addOption(new Option("--reason <reason>", "why it failed").choices(Object.keys(REASONS)))
    .option("--message <text>", "a part of the error's message");

function addAction(dead: Command, verb: "retry" | "skip", description: string): void {
  withFilter(withUrl(dead.command(verb)))
    .description(description)
    .argument("<pipeline>")
    .argument("[id...]", "of jobs or tokens")
    .option("--all", "everything in the bucket")
    .option("--dry-run", "only say which")
    .action(async (pipeline: string, ids: string[], { url, sign, json, ...selection }: Action) => {
      requireSelection(ids, selection);
      const client = new Client({ url, sign });
      const answers: Answer[] = [];
      let dryRun = false;
      const body = { ...selection, ...(ids.length > 0 && { ids }) };
      for await (const page of pages((after) =>
        client.post<Acted>(path`/v1/pipelines/${pipeline}/dead/` + verb, { ...body, after }),
      )) {
        answers.push(...page.jobs);
        dryRun = page.dryRun;
      }
      if (json) printJson({ matched: answers.length, dryRun, jobs: answers });
      if (answers.length === 0)
        throw new CliError(
          EXIT.input,
          "nothing in the error bucket is like that",
          `what is there: millrace dead list ${pipeline}`,
        );
      if (!json) {
        print(
          table(
            ["job", "token", "outcome"],
            answers.map(({ id, token, outcome }) => [id, token, outcome]),
          ),
        );
        say(`${answers.length} matched${dryRun ? "; nothing was changed" : ""}`);
      }
    });
}

function requireSelection(
  ids: readonly string[],
  { dryRun: _, ...selection }: Omit<Action, keyof ClientOptions>,
): void {
  if (ids.length + Object.keys(selection).length > 0) return;
  throw new CliError(
    EXIT.usage,
    "nothing is selected",
    "name jobs or tokens, or give --edge, --stage, --reason, --message, or --all",
  );
}

/** Pages, until there is none behind. */
async function* pages<T extends { next?: string }>(
  ask: (after: string | undefined) => Promise<T>,
): AsyncGenerator<T> {
  let after: string | undefined;
  do {
    const page = await ask(after);
    yield page;
    after = page.next;
  } while (after !== undefined);
}
