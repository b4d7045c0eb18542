import { Command, CommanderError } from "commander";
import { ApiError } from "../lib/client/api-client.ts";
import { MillraceError } from "../lib/errors.ts";
import packageJson from "../package.json" with { type: "json" };
import { addBoard } from "./cli/board.ts";
import { addDead } from "./cli/dead.ts";
import { addDev } from "./cli/dev.ts";
import { addJobs } from "./cli/jobs.ts";
import { addPlan } from "./cli/plan.ts";
import { addPut } from "./cli/put.ts";
import { CliError, EXIT, indented, printableLines, say, styled } from "./cli/terminal.ts";
import { addToken } from "./cli/token.ts";
import { addValidate } from "./cli/validate.ts";

/** The command line. */

/** Behind an error of usage: the whole help would carry the error out of sight. */
const MORE = "  --help tells what there is";

const EXIT_CODES = `
Exit codes: ${EXIT.done} done, ${EXIT.input} the input is at fault, ${EXIT.usage} the call is, ${EXIT.service} a service is`;

const program = new Command("millrace")
  .description(
    "Pipelines whose edges are durable queues: work items are claimed, worked and passed on, never lost.",
  )
  .version(packageJson.version)
  .addHelpText("after", EXIT_CODES)
  .showHelpAfterError(MORE)
  .exitOverride();

for (const add of [addValidate, addPlan, addDev, addPut, addBoard, addJobs, addDead, addToken]) add(program);
overrideExits(program);

/** Commander leaves the process by itself otherwise, with exit code 1 for wrong usage. */
function overrideExits(command: Command): void {
  for (const child of command.commands) {
    child.exitOverride().showHelpAfterError(MORE);
    overrideExits(child);
  }
}

/** Errors of ours for which a service is at fault. */
const SERVICE_CODES = new Set(["service-start", "service-unreachable"]);

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
  if (!(error instanceof CommanderError)) report(error);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  if (error instanceof CliError) return error.exitCode;
  if (error instanceof ApiError) return apiExitCode(error);
  if (!(error instanceof MillraceError)) return EXIT.service;
  return SERVICE_CODES.has(error.code) ? EXIT.service : EXIT.input;
}

function apiExitCode({ code, isService }: ApiError): number {
  if (code === "no-url") return EXIT.usage;
  return isService || code === "not-millrace" ? EXIT.service : EXIT.input;
}

/** The API's hints name its routes; the commands that ask them are what is of use here. */
function asCommand(hint: string): string {
  return hint
    .replace("GET /v1/pipelines/{pipeline}/jobs", "millrace jobs list PIPELINE")
    .replace(/GET \/v1\/jobs\/(\S+)/, "millrace jobs show $1");
}

function report(error: unknown): void {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const isOurs = error instanceof MillraceError;
  say(`${styled("red", "error", process.stderr)}: ${printableLines(message)}`);
  if (isOurs && error.hint !== undefined) say(`  ${indented(asCommand(error.hint), 2)}`);
  if (!isOurs && stack !== undefined) say(printableLines(stack));
}
