import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import type { StageContext, StageDefinition } from "../../../lib/stage/stage.ts";
import { handlerWork } from "../../../lib/stage/work.ts";
import { ATTEMPT, failureIn, surroundings, tried } from "./trying.ts";

const never = new Promise<never>(() => {});
const TIMEOUT = "timeout: the stage took longer than 30 s";
const shown = ({ reason, message }: { reason: string; message: string }): string => `${reason}: ${message}`;

test("a handler has until its timeout, and not a millisecond longer", async () => {
  const around = surroundings();
  const late = failureIn(tried(() => never, around));
  around.clock.advance(29_999);
  expect(await Promise.race([late, setImmediate("still at work")])).toBe("still at work");
  around.clock.advance(1);
  expect(shown((await late).failure)).toBe(TIMEOUT);
});

test("the signal says so, and the time that is left", async () => {
  const around = surroundings();
  const left: number[] = [];
  let aborted: unknown;
  const late = failureIn(
    tried((_, { signal, remainingMs }) => {
      signal.addEventListener("abort", () => {
        aborted = signal.reason;
      });
      left.push(remainingMs());
      around.clock.advance(10_000);
      left.push(remainingMs());
      around.clock.advance(25_000);
      left.push(remainingMs());
      return never;
    }, around),
  );
  await late;
  expect(left).toEqual([30_000, 20_000, 0]);
  expect(aborted).toMatchObject({ name: "StageFailure", reason: "timeout" });
});

test("a stream is left when the time is over, and can tidy up", async () => {
  const around = surroundings();
  const steps: string[] = [];
  const late = failureIn(
    tried(async function* () {
      try {
        yield { data: 1 };
        around.clock.advance(30_000);
        yield { data: 2 };
        steps.push("went on");
      } finally {
        steps.push("tidied up");
      }
    }, around),
  );
  expect(shown((await late).failure)).toBe(TIMEOUT);
  await setImmediate();
  expect(steps).toEqual(["tidied up"]);
});

test.for(["input", "output"] as const)(
  "a schema of the %s that never answers does not outlast the timeout",
  async (side) => {
    const around = surroundings();
    const schema = { "~standard": { version: 1, validate: () => never } };
    const definition = { [side]: schema, run: () => ({ data: 1 }) } as unknown as StageDefinition;
    const late = failureIn(handlerWork(definition)(ATTEMPT, around));
    await setImmediate();
    around.clock.advance(30_000);
    expect(shown((await late).failure)).toBe(TIMEOUT);
  },
);

test("an attempt that is over leaves no timer behind", async () => {
  const around = surroundings();
  await tried(() => ({ data: 1 }), around);
  await failureIn(
    tried(() => {
      throw new Error("no such page");
    }, around),
  );
  expect(around.clock.waiting).toBe(0);
});

test("what user code does with its context after the end comes to nothing", async () => {
  const around = surroundings();
  let kept: StageContext | undefined;
  const { outputs } = await tried((_, context) => {
    kept = context;
    return { data: 1 };
  }, around);
  expect(kept?.signal.aborted).toBe(true);
  expect(() => kept?.emit({ data: 2 })).toThrow("this attempt is over");
  await expect(kept?.write("late.txt", "late")).rejects.toThrow("this attempt is over");
  await expect(kept?.publish("late.txt", "late")).rejects.toThrow("this attempt is over");
  await expect(kept?.read({ key: "k", size: 1, etag: "e" })).rejects.toThrow("this attempt is over");
  expect(outputs).toHaveLength(1);
  expect(around.bucket.size).toBe(0);
});

test("the same after a timeout", async () => {
  const around = surroundings();
  let kept: StageContext | undefined;
  const late = failureIn(
    tried((_, context) => {
      kept = context;
      return never;
    }, around),
  );
  around.clock.advance(30_000);
  await late;
  expect(() => kept?.emit({ data: 2 })).toThrow("the stage took longer than 30 s");
  await expect(kept?.write("late.txt", "late")).rejects.toThrow("the stage took longer than 30 s");
  expect(around.bucket.size).toBe(0);
});

test("a handler that fails after its timeout harms nobody", async () => {
  const around = surroundings();
  let fail: (error: Error) => void = () => {};
  const late = failureIn(
    tried(
      () =>
        new Promise((_, reject) => {
          fail = reject;
        }),
      around,
    ),
  );
  around.clock.advance(30_000);
  expect(shown((await late).failure)).toBe(TIMEOUT);
  // An unhandled rejection would fail this test file.
  fail(new Error("too late"));
  await setImmediate();
});
