import type { Command } from "commander";
import type { JobRecord } from "../../lib/job/record.ts";
import { REASONS } from "../../lib/stage/failure.ts";
import { Client, type ClientOptions, path, withUrl } from "./client.ts";
import { jobText } from "./jobs.ts";
import { CliError, EXIT, print, printJson, say, table } from "./terminal.ts";

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

interface Acted {
  readonly matched: number;
  readonly dryRun: boolean;
  readonly jobs: readonly { id: string; token: string; outcome: string }[];
}

export function addDead(program: Command): void {
  const dead = program
    .command("dead")
    .description("the error bucket: tokens that failed for good, each with its reason");
  withFilter(withUrl(dead.command("list")))
    .description("what lies in it")
    .argument("<pipeline>")
    .action(async (pipeline: string, { url, json, ...filter }: ClientOptions & Filter) => {
      const { jobs } = await clientAt(url).get<{ jobs: JobRecord[] }>(path`/v1/pipelines/${pipeline}/dead`, {
        ...filter,
      });
      if (json) return printJson({ jobs });
      if (jobs.length === 0) return print("nothing lies in the error bucket");
      print(
        table(
          ["job", "stage", "reason", "attempts", "message"],
          jobs.map(({ id, stage, reason, attempt, error }) => [
            id,
            stage,
            reason ?? "retry unfinished",
            attempt,
            (error?.message ?? "").slice(0, 100),
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
    .option("--stage <stage>")
    .option("--reason <reason>", Object.keys(REASONS).join(", "))
    .option("--message <text>", "a part of the error's message");

const clientAt = (url: string | undefined): Client => new Client({ ...(url !== undefined && { url }) });

function addAction(dead: Command, verb: "retry" | "skip", description: string): void {
  withFilter(withUrl(dead.command(verb)))
    .description(description)
    .argument("<pipeline>")
    .argument("[id...]", "of jobs or tokens")
    .option("--all", "everything in the bucket")
    .option("--dry-run", "only say which")
    .action(async (pipeline: string, ids: string[], { url, json, ...selection }: Action) => {
      const acted = await clientAt(url).post<Acted>(path`/v1/pipelines/${pipeline}/dead/` + verb, {
        ...selection,
        ...(ids.length > 0 && { ids }),
      });
      if (json) return printJson(acted);
      if (acted.jobs.length > 0)
        print(
          table(
            ["job", "token", "outcome"],
            acted.jobs.map(({ id, token, outcome }) => [id, token, outcome]),
          ),
        );
      say(`${acted.matched} matched${acted.dryRun ? "; nothing was changed" : ""}`);
      if (acted.matched === 0 && ids.length > 0)
        throw new CliError(
          EXIT.input,
          "none of these lies in the error bucket",
          `millrace dead list ${pipeline}`,
        );
    });
}
