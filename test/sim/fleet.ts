import { type ChildProcess, fork } from "node:child_process";
import { availableParallelism } from "node:os";
import type { Assignment } from "./fleet-child.ts";
import type { SeedResult } from "./simulation.ts";

export interface Task {
  readonly seeds: readonly number[];
  /** A planted bug: see `mutants.ts`. */
  readonly mutant?: string | undefined;
  /** Prints the event log of every seed. */
  readonly trace?: boolean;
  /** How many processes share the seeds; what comes out does not depend on it. */
  readonly processes?: number | undefined;
  /** Told of results as they come, in no order. */
  readonly onResults?: (results: readonly SeedResult[]) => void;
  /** Ends the run as soon as there is a result like this. */
  readonly isEnough?: (result: SeedResult) => boolean;
}

/** Seeds that a process takes at once: enough to make talking about them cheap. */
const SHARE = 8;
/** When one result may be enough, nothing is run beyond it. */
const SMALLEST_SHARE = 1;

/**
 * Runs seeds in child processes.
 *
 * @returns the results in the order of their seeds
 * @throws Error when a process ends before its seeds are done
 */
export async function runSeeds(task: Task): Promise<SeedResult[]> {
  const results: SeedResult[] = [];
  const left = [...task.seeds];
  let isEnough = false;
  const share = task.isEnough ? SMALLEST_SHARE : SHARE;
  const nextShare = (): number[] => (isEnough ? [] : left.splice(0, share));
  const take = (some: readonly SeedResult[]): void => {
    results.push(...some);
    task.onResults?.(some);
    if (task.isEnough && some.some(task.isEnough)) isEnough = true;
  };
  const most = Math.ceil(task.seeds.length / share);
  const processes = Math.min(task.processes ?? availableParallelism(), most);
  await Promise.all(Array.from({ length: processes }, () => runProcess(task, nextShare, take)));
  return results.sort((a, b) => a.seed - b.seed);
}

function runProcess(
  { mutant, trace = false }: Task,
  nextShare: () => number[],
  take: (results: readonly SeedResult[]) => void,
): Promise<void> {
  const child = fork(new URL("./fleet-child.ts", import.meta.url), mutant === undefined ? [] : [mutant], {
    execArgv: [],
    stdio: ["ignore", "inherit", "pipe", "ipc"],
  });
  const complaints = textOf(child.stderr);
  return new Promise((resolve, reject) => {
    const assign = (): void => {
      const seeds = nextShare();
      if (seeds.length === 0) child.disconnect();
      else child.send({ seeds, trace } satisfies Assignment);
    };
    child.on("message", (results: SeedResult[]) => {
      take(results);
      assign();
    });
    child.on("error", reject);
    child.on("exit", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`a process of the simulation ended with ${code}:\n${complaints()}`));
    });
    assign();
  });
}

function textOf(stream: ChildProcess["stderr"]): () => string {
  let text = "";
  stream?.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  return () => text;
}
