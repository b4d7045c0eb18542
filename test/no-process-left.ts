import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";

/**
 * Fails the run when a test left a process behind. Whatever the tests start inherits a mark in its environment; what still
 * carries it when all tests have ended, and is not the test runner, was forgotten.
 */
const MARK = "MILLRACE_TEST_RUN";

export function setup(): () => void {
  // Once for all projects of a run.
  process.env[MARK] ??= randomUUID();
  const run = process.env[MARK];
  return () => {
    const left = marked(`${MARK}=${run}`).filter(({ command }) => !command.includes("vitest"));
    if (left.length === 0) return;
    for (const { pid } of left) process.kill(pid, "SIGKILL");
    throw new Error(
      `tests left processes running (killed now):\n${left.map(({ pid, command }) => `${pid} ${command}`).join("\n")}`,
    );
  };
}

/** Linux tells every process's environment; elsewhere the check finds nothing. */
function marked(mark: string): { pid: number; command: string }[] {
  return pids().flatMap((pid) => {
    if (pid === process.pid || !read(`/proc/${pid}/environ`).includes(mark)) return [];
    return [{ pid, command: read(`/proc/${pid}/cmdline`).join(" ") }];
  });
}

function pids(): number[] {
  try {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

/** Empty when the process has ended meanwhile, or is somebody else's. */
function read(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\0");
  } catch {
    return [];
  }
}
