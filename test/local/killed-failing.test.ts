import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../temporary-folder.ts";
import { apiAt } from "./api.ts";
import { startDev, startNode, until } from "./millrace.ts";

/**
 * The runtime is killed (SIGKILL, in mid-call) at each step of a token's way into the error bucket and out of it, and
 * started again. Nothing is lost, nothing is done twice, and the bucket tells what was.
 */
const FAULTS = join(import.meta.dirname, "pipelines/faults");
const FIXTURE = join(import.meta.dirname, "fixtures/runtime-that-dies.ts");

/** A token that throws, twice, until somebody mends it. */
function frailToken() {
  const data = temporaryFolder();
  const fixed = join(temporaryFolder(), "fixed");
  return {
    tokens: JSON.stringify({ tokens: [{ data: { do: "throw", fixed } }] }),
    mend: () => writeFileSync(fixed, ""),
    /** Makes a request of a runtime that dies at the nth call of an operation. */
    dyingAt: async (operation: string, nth: number, path: string, body: string): Promise<void> => {
      const died = await startNode([FIXTURE, FAULTS, data, operation, String(nth), path, body]).ended;
      expect(died.signal, died.stderr).toBe("SIGKILL");
    },
    restart: async () => {
      const dev = await startDev([FAULTS, "--data", data]);
      const stop = async (): Promise<void> => {
        dev.kill("SIGINT");
        await dev.ended;
      };
      return { ...apiAt(dev.url, "faults"), stop };
    },
  };
}

type Faults = Awaited<ReturnType<ReturnType<typeof frailToken>["restart"]>>;

/** Retries all, and waits until the one token has ended well, once, on both ways that it goes. */
async function retryAndFinish(faults: Faults): Promise<void> {
  await faults.post("/dead/retry", { all: true });
  const board = await until(
    faults.board,
    ({ done, outstanding, stages }) => done === 1 && outstanding === 0 && stages["other"]?.done === 1,
  );
  expect(board).toMatchObject({
    put: 1,
    error: 0,
    stages: { act: { done: 1, error: 0 }, end: { done: 1, error: 0 }, other: { done: 1, error: 0 } },
  });
  await expect.poll(faults.dead).toEqual([]);
  const { jobs } = (await (await fetch(faults.at("/jobs?limit=100"))).json()) as {
    jobs: { stage: string; state: string }[];
  };
  expect(jobs.map(({ stage, state }) => `${stage} ${state}`).sort()).toEqual([
    "act FINISHED",
    "end FINISHED",
    "other FINISHED",
  ]);
}

describe("a token that fails, and the runtime dies when", () => {
  test.for([
    ["it has failed, the retry is not noted", "UpdateItem", 1, "error"],
    ["the retry is noted, the claim not given back", "ChangeMessageVisibility", 1, "error"],
    ["it has come back, the attempt is not noted", "UpdateItem", 2, "error"],
    // It may have been the token that killed the function: the attempt that was begun counts.
    ["the last attempt is noted, its failure is not", "UpdateItem", 3, "crash"],
    ["it is parked, and not acknowledged", "DeleteMessageBatch", 2, "error"],
  ] as const)("%s (%s, call %i)", async ([, operation, nth, reason]) => {
    const frail = frailToken();
    await frail.dyingAt(operation, nth, "/tokens", frail.tokens);

    const faults = await frail.restart();
    expect(await faults.settled(1)).toMatchObject({ put: 1, done: 0, error: 1 });
    expect(await faults.dead()).toMatchObject([{ stage: "act", state: "FAILED", attempt: 2, reason }]);
    frail.mend();
    await retryAndFinish(faults);
  });
});

describe("a token is taken out of the error bucket, and the runtime dies when", () => {
  test.for([
    ["its job is not opened", "UpdateItem", 1, { done: 0, error: 1, outstanding: 0 }, "FAILED"],
    ["its job is open, its message not sent", "SendMessageBatch", 1, { done: 0, outstanding: 1 }, "CREATED"],
    ["its message is sent, its job still in the bucket", "UpdateItem", 2, { done: 1, error: 0 }, "FINISHED"],
  ] as const)("%s (%s, call %i)", async ([, operation, nth, board, state]) => {
    const frail = frailToken();
    const first = await frail.restart();
    await first.post("/tokens", JSON.parse(frail.tokens));
    await first.settled(1);
    await first.stop();
    frail.mend();
    await frail.dyingAt(operation, nth, "/dead/retry", '{"all":true}');

    const faults = await frail.restart();
    await expect.poll(faults.board).toMatchObject({ put: 1, ...board });
    // Whatever became of it, it is found where one looks for what was not finished.
    expect(await faults.dead()).toMatchObject([{ stage: "act", state }]);
    await retryAndFinish(faults);
  });
});
