import { execFileSync } from "node:child_process";
import { constants } from "node:os";
import { whenOutputCloses } from "./terminal.ts";

/** Somebody asks the process to stop: by Ctrl-C, by a signal, by killing what started it, by reading no further. */
export interface Interruption {
  readonly signal: AbortSignal;
  /** Does something until it is done or somebody asks; what goes on after that is nobody's concern. */
  unlessAsked(work: () => Promise<void>): Promise<void>;
  /** What a shell expects of a process that was asked by a signal. */
  exitCode(): number;
}

/** A terminal's Ctrl-C reaches a whole group of processes, and may come twice. */
const ONE_ASKING_MS = 500;

/** From now on the first asking is recorded, and the second one ends the process as it stands. */
export function interruption(): Interruption {
  const controller = new AbortController();
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  let firstAt = 0;
  let code = 0;
  const ask = (number: number): void => {
    if (controller.signal.aborted) {
      if (performance.now() - firstAt > ONE_ASKING_MS) endAtOnce();
      return;
    }
    firstAt = performance.now();
    code = 128 + number;
    controller.abort(new Error("asked to stop"));
    resolve();
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(name, () => ask(constants.signals[name]));
  process.once("disconnect", () => ask(constants.signals.SIGHUP));
  process.channel?.unref();
  whenOutputCloses(() => ask(constants.signals.SIGPIPE));
  return {
    signal: controller.signal,
    exitCode: () => code,
    unlessAsked: async (work) => {
      const working = work();
      working.catch(() => {});
      await Promise.race([working, asked]);
    },
  };
}

/** Programs that stages have started would live on: they are groups of their own. */
function endAtOnce(): never {
  for (const group of groupsBelow(process.pid)) {
    try {
      process.kill(-group, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
  process.kill(process.pid, "SIGKILL");
  process.exit();
}

function groupsBelow(ancestor: number): Set<number> {
  const rows = execFileSync("ps", ["-A", "-o", "pid=,ppid=,pgid="], { encoding: "utf8" })
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number) as [pid: number, parent: number, group: number]);
  const below = new Set([ancestor]);
  // A set that grows while it is walked: children of children are found as well.
  for (const each of below) for (const [pid, parent] of rows) if (parent === each) below.add(pid);
  const own = rows.find(([pid]) => pid === ancestor)?.[2];
  return new Set(
    rows.filter(([pid, , group]) => below.has(pid) && group !== own).map(([, , group]) => group),
  );
}
