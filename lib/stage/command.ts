import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "../clock.ts";
import { parseJson } from "../token/json.ts";
import { StageFailure } from "./failure.ts";
import { lineReader } from "./line-reader.ts";
import { checkOutput } from "./outputs.ts";
import type { Log } from "./stage.ts";
import { type Attempt, jobLog, type Work, WorkFailed } from "./work.ts";

/**
 * A program as a stage, by KDP's contract: it is run once per token in a fresh folder, finds the token's data as JSON in
 * `kdp_input.json` and in the environment variable `KDP_INPUT`, and must end with an accepted exit code after writing
 * JSON to `kdp_output.json` (one output) or lines of JSON to `kdp_output.jsonl` (as many outputs as lines).
 */
export interface CommandStage {
  readonly command: readonly string[];
  readonly acceptExitCodes: readonly number[];
  /** Where relative paths in `command` start. */
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
  /** Secrets whose values become environment variables, as KDP has it. */
  readonly secrets: readonly string[];
}

/** Linux refuses a single variable of 128 KiB (MAX_ARG_STRLEN); larger input is in the file alone. */
const MAX_ENV_BYTES = 120_000;
/** How long a program has between SIGTERM and SIGKILL. */
const GRACE_MS = 2000;
const STDERR_KEPT = 2000;
const OUTPUT_MAX_BYTES = 64 * 1024 * 1024;

export const commandWork =
  (stage: CommandStage): Work =>
  async (attempt, dependencies) => {
    const lines = jobLog(attempt, dependencies);
    let folder: string | undefined;
    try {
      folder = await mkdtemp(join(tmpdir(), "millrace-"));
      const input = JSON.stringify(attempt.token.data ?? null);
      await writeFile(join(folder, "kdp_input.json"), input);
      const secrets = await Promise.all(stage.secrets.map((name) => dependencies.secrets.get(name)));
      const env = {
        ...process.env,
        ...stage.env,
        ...Object.assign({}, ...secrets),
        ...(Buffer.byteLength(input) <= MAX_ENV_BYTES && { KDP_INPUT: input }),
        MILLRACE_TOKEN: attempt.token.id,
        MILLRACE_ATTEMPT: String(attempt.token.attempt),
        MILLRACE_IDEMPOTENCY_KEY: attempt.job,
        MILLRACE_STAGE_DIRECTORY: stage.directory,
      };
      await run(stage, folder, env, attempt, { clock: dependencies.clock, say: lines.log.info });
      const values = await readOutputs(folder);
      const outputs = await Promise.all(
        values.map((data) => checkOutput({ data }, undefined, attempt.routing)),
      );
      return { outputs, log: lines.kept() };
    } catch (error) {
      throw new WorkFailed(error, lines.kept());
    } finally {
      if (folder !== undefined) await remove(folder, lines.log);
    }
  };

/** What the program leaves behind may refuse to go; that is no reason to do its work again. */
async function remove(folder: string, log: Log): Promise<void> {
  await rm(folder, { recursive: true, force: true }).catch((error: unknown) => {
    log.warn(`${folder} was not removed: ${(error as Error).message}`);
  });
}

/** Resolves when the program has ended with an accepted exit code. */
function run(
  stage: CommandStage,
  folder: string,
  env: NodeJS.ProcessEnv,
  { timeoutMs }: Attempt,
  { clock, say }: { clock: Clock; say: (line: string) => void },
): Promise<void> {
  const [program = "", ...args] = stage.command.map((word) =>
    word.replaceAll("$MILLRACE_STAGE_DIRECTORY", stage.directory),
  );
  return new Promise((resolve, reject) => {
    // A group of its own: what the program starts ends with it.
    const child = spawn(program, args, {
      cwd: folder,
      env,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    let timedOut = false;
    let stderr = "";
    const end = (signal: NodeJS.Signals): void => {
      if (child.pid !== undefined) killGroup(child.pid, signal);
    };
    const deadline = clock.now() + timeoutMs;
    const cancelTerminate = clock.schedule(deadline, () => {
      timedOut = true;
      end("SIGTERM");
    });
    const cancelKill = clock.schedule(deadline + GRACE_MS, () => end("SIGKILL"));
    const settle = (): void => {
      cancelTerminate();
      cancelKill();
    };
    let cancelDetach = (): void => {};
    const stdout = lineReader(say);
    child.stdout.setEncoding("utf8").on("data", stdout.push);
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr = (stderr + text).slice(-STDERR_KEPT);
    });
    child.once("error", (cause) => {
      settle();
      reject(new StageFailure("exit", `cannot start ${program}: ${cause.message}`, { cause }));
    });
    child.once("exit", () => {
      settle();
      // What it left running would otherwise work on for a token that is over, and keep the output open.
      end("SIGKILL");
      // What left the group as well can keep the output open, but not this stage waiting.
      cancelDetach = clock.schedule(clock.now() + GRACE_MS, () => {
        child.stdout.destroy();
        child.stderr.destroy();
      });
    });
    child.once("close", (code, signal) => {
      cancelDetach();
      stdout.end();
      if (timedOut)
        return reject(new StageFailure("timeout", `${program} took longer than ${timeoutMs / 1000} s`));
      if (code !== null && stage.acceptExitCodes.includes(code)) return resolve();
      const how = code === null ? `was ended by ${signal}` : `ended with exit code ${code}`;
      const accepted = stage.acceptExitCodes.join(", ");
      reject(
        new StageFailure(
          "exit",
          `${program} ${how} (accepted: ${accepted})${stderr === "" ? "" : `: ${stderr.trim()}`}`,
        ),
      );
    });
  });
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // ESRCH: the whole group has ended already.
  }
}

async function readOutputs(folder: string): Promise<unknown[]> {
  const [one, many] = await Promise.all([
    textOf(join(folder, "kdp_output.json")),
    textOf(join(folder, "kdp_output.jsonl")),
  ]);
  if (one !== undefined) return [parsed(one, "kdp_output.json")];
  if (many === undefined)
    throw new StageFailure(
      "output-missing",
      "the command wrote neither kdp_output.json nor kdp_output.jsonl",
    );
  return many
    .split("\n")
    .flatMap((line, index) =>
      line.trim() === "" ? [] : [parsed(line, `kdp_output.jsonl, line ${index + 1},`)],
    );
}

async function textOf(file: string): Promise<string | undefined> {
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (!found) return undefined;
  // Reading a pipe would wait for somebody to write into it, for ever.
  if (!found.isFile()) throw new StageFailure("output-invalid", "the output is not a regular file");
  if (found.size > OUTPUT_MAX_BYTES) {
    throw new StageFailure(
      "output-invalid",
      `the output has ${found.size} bytes, at most ${OUTPUT_MAX_BYTES} are read`,
    );
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(file));
  } catch (cause) {
    throw new StageFailure("output-invalid", "the output is not valid UTF-8", { cause });
  }
}

function parsed(text: string, what: string): unknown {
  try {
    return parseJson(text);
  } catch (cause) {
    throw new StageFailure("output-invalid", `${what} is not JSON: ${(cause as Error).message}`, { cause });
  }
}
