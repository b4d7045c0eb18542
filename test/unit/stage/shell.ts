import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished, vi } from "vitest";
import { type CommandStage, commandWork } from "../../../lib/stage/command.ts";
import type { Work } from "../../../lib/stage/work.ts";

/** The work of a stage that is a script of the shell. */
export const shell = (script: string, stage: Partial<CommandStage> = {}): Work =>
  commandWork({
    command: ["sh", "-c", script],
    acceptExitCodes: [0],
    directory: "/srv/pipelines/scans",
    env: {},
    secrets: [],
    ...stage,
  });

/** A folder that is there until the test ends, for what a program leaves behind. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "command-test-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Waits until a program has written a whole line into a file, and answers it. */
export const lineIn = (file: string): Promise<string> =>
  vi.waitFor(
    () => {
      const text = existsSync(file) ? readFileSync(file, "utf8") : "";
      if (!text.endsWith("\n")) throw new Error(`${file} is not there yet`);
      return text.trim();
    },
    { timeout: 5000, interval: 5 },
  );

/** Whether a process is there and not only waits to be buried. */
export function isRunning(pid: string): boolean {
  try {
    return !execFileSync("ps", ["-o", "stat=", "-p", pid], { encoding: "utf8" }).startsWith("Z");
  } catch {
    return false;
  }
}
