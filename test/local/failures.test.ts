import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../temporary-folder.ts";
import { apiAt, balanceOf } from "./api.ts";
import { runJson, startDev } from "./millrace.ts";

/** What goes wrong in a stage goes wrong for one token, and is told. */
const FAULTS = join(import.meta.dirname, "pipelines/faults");

const startFaults = async () => {
  const { url } = await startDev([FAULTS, "--data", temporaryFolder()]);
  return { url, ...apiAt(url, "faults") };
};

test("one token of ten throws: it alone fails, goes to the error bucket, and finishes when it is mended", async () => {
  const faults = await startFaults();
  const fixed = join(temporaryFolder(), "fixed");
  const tokens = await faults.put(...Array.from({ length: 9 }, () => ({ do: "pass" })), {
    do: "throw",
    fixed,
  });
  const board = await faults.settled(10);
  expect(board).toMatchObject({ put: 10, done: 9, error: 1 });
  expect(balanceOf(board)).toEqual({ pipeline: true, edges: { faults: 10, "act-end": 9, "act-other": 9 } });

  const [dead, ...others] = await faults.dead();
  expect(others).toEqual([]);
  expect(dead).toMatchObject({
    stage: "act",
    state: "FAILED",
    reason: "error",
    attempt: 2,
    token: tokens[9],
  });
  expect(dead?.error?.message).toBe("thrown on purpose");
  expect(dead?.error?.stack).toContain("act.ts");
  expect(JSON.parse(dead?.body ?? "").payload.data).toEqual({ do: "throw", fixed });
  expect(dead?.history.map(({ event }) => event)).toEqual(["create", "run", "retry", "run", "fail"]);

  const millrace = (...args: string[]) =>
    runJson<Record<string, unknown>>([...args, "--url", faults.url, "--json"]);
  expect(await millrace("dead", "retry", "faults", "--reason", "error", "--dry-run")).toMatchObject({
    matched: 1,
    dryRun: true,
  });
  expect(await faults.dead()).toHaveLength(1);

  writeFileSync(fixed, "");
  expect(await millrace("dead", "retry", "faults", "--reason", "error")).toMatchObject({
    jobs: [{ outcome: "retried" }],
  });
  const mended = await faults.settled(10);
  expect(mended).toMatchObject({ put: 10, done: 10, error: 0 });
  const log = (await millrace("token", "log", tokens[9] ?? "")) as {
    log: { stage: string; message: string }[];
  };
  expect(log.log.filter(({ stage }) => stage === "act").map(({ message }) => message)).toEqual([
    "create",
    "run (attempt 1)",
    "retry (attempt 1): error: thrown on purpose",
    "run (attempt 2)",
    "fail (attempt 2): error: thrown on purpose",
    "reopen",
    "run (attempt 3)",
    "asked to throw",
    "finish",
  ]);
});

test("every kind of failure has its reason, and skipping one gives it up", async () => {
  const faults = await startFaults();
  const asked = ["throw", "reject", "hang", "bad-output", "exit", "exhaust", "pass"];
  await faults.put(...asked.map((what) => ({ do: what })), 42);
  const board = await faults.settled(8);
  expect(board).toMatchObject({ put: 8, done: 1, error: 7 });
  const reasons = (await faults.dead()).map(({ reason, body }) => {
    const { data } = JSON.parse(body ?? "").payload as { data: { do?: string } | number };
    return [typeof data === "number" ? String(data) : data.do, reason];
  });
  expect(Object.fromEntries(reasons)).toEqual({
    throw: "error",
    reject: "rejected",
    hang: "timeout",
    "bad-output": "output-invalid",
    // The function dies with them, or is ended; nobody is left who could say more.
    exit: "crash",
    exhaust: "crash",
    "42": "input-invalid",
  });

  const skipped = await runJson<{ matched: number }>([
    "dead",
    "skip",
    "faults",
    "--reason",
    "crash",
    "--json",
    "--url",
    faults.url,
  ]);
  expect(skipped.matched).toBe(2);
  expect(await faults.settled(8)).toMatchObject({ put: 8, done: 1, error: 5, skipped: 2 });
});

test("outputs too large for a message, and too many for a row, arrive whole", async () => {
  const faults = await startFaults();
  const [large = "", many = ""] = await faults.put({ do: "large" }, { do: "many" });
  const board = await faults.settled(2);
  expect(board.stages).toEqual({
    act: { done: 2, error: 0, skipped: 0 },
    end: { done: 301, error: 0, skipped: 0 },
    other: { done: 301, error: 0, skipped: 0 },
  });
  const lineage = async (token: string) =>
    (await (await fetch(`${faults.url}/v1/tokens/${token}`)).json()) as {
      steps: { stage: string; record?: { state: string } }[];
    };
  expect((await lineage(large)).steps.map(({ stage, record }) => `${stage} ${record?.state}`)).toEqual([
    "act FINISHED",
    "end FINISHED",
    "other FINISHED",
  ]);
  expect((await lineage(many)).steps).toHaveLength(601);
});
