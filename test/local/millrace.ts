import { type ChildProcessByStdio, spawn } from "node:child_process";
import { join, resolve } from "node:path";
import type { Readable } from "node:stream";
import { onTestFinished } from "vitest";

/** The command line as users run it: a process of its own. */

const ROOT = resolve(import.meta.dirname, "../..");

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly pid: number;
  /** The first line of the standard output that matches. */
  line(pattern: RegExp): Promise<string>;
  kill(signal: NodeJS.Signals): void;
  /** What it has said so far. */
  stderr(): string;
  readonly ended: Promise<Ended>;
}

interface Options {
  readonly env?: Readonly<Record<string, string>>;
  /** The user that it runs as, when it is to be another. */
  readonly uid?: number;
}

/** Starts `millrace ARGS…`; it is killed when the test is over. */
export const start = (args: readonly string[], options: Options = {}): Running =>
  startNode([join(ROOT, "infra/millrace.mjs"), ...args], options);

export function startNode(args: readonly string[], { env = {}, uid }: Options = {}): Running {
  const child: ChildProcessByStdio<null, Readable, Readable> = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, NO_COLOR: "1", ...env },
    ...(uid !== undefined && { uid }),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  const watchers = new Set<() => void>();
  const changed = (): void => {
    for (const watch of watchers) watch();
  };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    changed();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Ended>((done) => {
    child.once("close", (code, signal) => {
      done({ code, signal, stdout, stderr });
      changed();
    });
  });
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  return {
    pid: child.pid ?? 0,
    kill: (signal) => void child.kill(signal),
    stderr: () => stderr,
    ended,
    line: (pattern) =>
      new Promise((found, failed) => {
        const look = (): void => {
          const match = stdout.split("\n").find((line) => pattern.test(line));
          if (match === undefined && child.exitCode === null && child.signalCode === null) return;
          watchers.delete(look);
          if (match === undefined)
            failed(new Error(`it ended without printing ${pattern}:\n${stdout}${stderr}`));
          else found(match);
        };
        watchers.add(look);
        look();
      }),
  };
}

/** Runs `millrace ARGS…` to its end. */
export const run = (args: readonly string[], options: Options = {}): Promise<Ended> =>
  start(args, options).ended;

/** Runs a command that prints one JSON value; fails when it prints anything else, or ends badly. */
export async function runJson<T>(args: readonly string[], options: Options = {}): Promise<T> {
  const { code, stdout, stderr } = await run(args, options);
  if (code !== 0) throw new Error(`millrace ${args.join(" ")} ended with ${code}:\n${stderr}`);
  return JSON.parse(stdout) as T;
}

/** Starts a runtime and answers its API's URL when it is ready. */
export async function startDev(
  args: readonly string[],
  options: Options = {},
): Promise<Running & { url: string }> {
  const running = start(["dev", ...args, "--port", "0"], options);
  const line = await running.line(/^ready http/);
  return { ...running, url: line.slice("ready ".length) };
}

/** Asks until the answer is as wanted; the answer then. */
export async function until<T>(ask: () => Promise<T>, isWanted: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (isWanted(answer)) return answer;
    await new Promise((next) => setTimeout(next, 50));
  }
}

export interface Summary {
  readonly pipeline: string;
  readonly readyMs: number;
  readonly put: number;
  readonly done: number;
  readonly error: number;
  readonly outstanding: number;
  readonly stages: Record<string, { done: number; error: number }>;
  readonly edges: Record<
    string,
    { waiting: number; claimed: number; parked: number; error: number; done: number }
  >;
  readonly results: string;
}
