import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { expect, onTestFinished, test, vi } from "vitest";
import { folder, isRunning, lineIn, shell } from "./shell.ts";
import { ATTEMPT, failureIn, outputsOf, surroundings } from "./trying.ts";

const ECHO = "cat kdp_input.json > kdp_output.json";

/** A file for the ids of a program's processes, and the script's beginning that writes its own. */
function pids(): { file: string; own: string } {
  const file = join(folder(), "pids");
  return { file, own: `echo $$ > ${file}` };
}

test("a program that takes too long is ended, with all that it started", async () => {
  const { file } = pids();
  const around = surroundings();
  // The shell waits for a shell that waits for a sleep: child, grandchild and great-grandchild.
  const script = `sh -c 'sleep 100 & echo $$ $! > ${file}; wait'; true`;
  const late = failureIn(shell(script)(ATTEMPT, around));
  const [child = "", grandchild = ""] = (await lineIn(file)).split(" ");
  expect([isRunning(child), isRunning(grandchild)]).toEqual([true, true]);
  around.clock.advance(30_000);
  const { failure } = await late;
  expect([failure.reason, failure.message]).toEqual(["timeout", "sh took longer than 30 s"]);
  expect([isRunning(child), isRunning(grandchild)]).toEqual([false, false]);
  expect(around.clock.waiting).toBe(0);
});

test("a program that does not listen is killed two seconds later", async () => {
  const { file, own } = pids();
  const around = surroundings();
  const script = `trap 'echo deaf' TERM; ${own}; while true; do sleep 0.02; done`;
  const late = failureIn(shell(script)(ATTEMPT, around));
  const pid = await lineIn(file);
  around.clock.advance(30_000);
  await vi.waitFor(() => expect(around.said).toContain("info deaf"));
  around.clock.advance(1999);
  await setImmediate();
  expect(isRunning(pid)).toBe(true);
  around.clock.advance(1);
  expect((await late).failure.reason).toBe("timeout");
  expect(isRunning(pid)).toBe(false);
});

test("a program that tidies up in time is still too late", async () => {
  const { file, own } = pids();
  const around = surroundings();
  const script = `trap '${ECHO}; exit 0' TERM; ${own}; while true; do sleep 0.02; done`;
  const late = failureIn(shell(script)(ATTEMPT, around));
  await lineIn(file);
  around.clock.advance(30_000);
  expect((await late).failure.reason).toBe("timeout");
});

test("what a program left running ends with it, and nobody waits for it", async () => {
  const { file } = pids();
  const work = shell(`sleep 100 & echo $! > ${file}; ${ECHO}`);
  expect(await outputsOf(work)).toHaveLength(1);
  expect(isRunning(await lineIn(file))).toBe(false);
});

test("what left the program's group keeps nobody waiting for more than two seconds", async () => {
  const { file } = pids();
  const around = surroundings();
  const breakout = `
    const child = require("node:child_process").spawn("sleep", ["5"], { detached: true, stdio: "inherit" });
    require("node:fs").writeFileSync(process.argv[1], child.pid + "\\n");
    child.unref();`;
  const script = `"$NODE" -e '${breakout}' ${file}; ${ECHO}`;
  const done = outputsOf(shell(script, { env: { NODE: process.execPath } }), ATTEMPT, around);
  const stray = await lineIn(file);
  onTestFinished(() => void process.kill(Number(stray), "SIGKILL"));
  // Of the three timers of a program, the last one begins when it has ended.
  await vi.waitFor(() => expect(around.clock.waiting).toBe(1), { timeout: 5000 });
  around.clock.advance(2000);
  expect(await done).toHaveLength(1);
});
