import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { atOnce } from "../../lib/at-once.ts";

test("so many tasks run at once, the others in their order, and a failure gives its place back", async () => {
  const inTurn = atOnce(3);
  const begun: number[] = [];
  let running = 0;
  let most = 0;
  const tasks = Array.from({ length: 20 }, (_, number) =>
    inTurn(async () => {
      begun.push(number);
      running += 1;
      most = Math.max(most, running);
      await setImmediate();
      running -= 1;
      if (number % 4 === 0) throw new Error(`no ${number}`);
      return number;
    }),
  );
  const ends = await Promise.allSettled(tasks);
  expect(most).toBe(3);
  expect(begun).toEqual(Array.from({ length: 20 }, (_, number) => number));
  expect(ends[8]).toEqual({ status: "rejected", reason: new Error("no 8") });
  expect(ends[9]).toEqual({ status: "fulfilled", value: 9 });
  // All places are free again.
  await Promise.all([0, 1, 2].map(() => inTurn(async () => {})));
});
