import { expect, test } from "vitest";
import { persist, Refused, waitingLog } from "../../../lib/agent/persist.ts";
import { NEW_YEAR, VirtualClock } from "../../virtual-clock.ts";

const MINUTE = 60_000;

/** Runs to its end what fails until so many milliseconds have passed; the instants at which it was tried. */
async function tried(
  fails: (passed: number) => Error | undefined,
  patience: { ms: number; until?: number },
): Promise<{ at: number[]; waited: string[]; thrown: unknown }> {
  const clock = new VirtualClock();
  const at: number[] = [];
  const waited: string[] = [];
  const outcome = persist(
    async () => {
      const passed = clock.now() - NEW_YEAR;
      at.push(passed);
      const error = fails(passed);
      if (error) throw error;
    },
    {
      clock,
      random: () => 0,
      patience: {
        until: Number.POSITIVE_INFINITY,
        ...patience,
        waiting: ({ message }) => waited.push(message),
      },
    },
  );
  let thrown: unknown;
  let isOver = false;
  outcome.then(
    () => {
      isOver = true;
    },
    (error: unknown) => {
      thrown = error;
      isOver = true;
    },
  );
  await clock.runUntil(() => isOver);
  return { at, waited, thrown };
}

const busy = () => new Error("busy");

test("pauses grow to a minute, and there is a last try when patience ends", async () => {
  const { at, waited, thrown } = await tried(busy, { ms: 3 * MINUTE });
  expect(at).toEqual([0, 1000, 3000, 7000, 15_000, 31_000, 63_000, 123_000, 180_000]);
  expect(waited).toHaveLength(8);
  expect(thrown).toEqual(new Error("busy"));
});

test("patience without end lasts until the instant that is given", async () => {
  const { at } = await tried(busy, { ms: Number.POSITIVE_INFINITY, until: NEW_YEAR + 5000 });
  expect(at).toEqual([0, 1000, 3000, 5000]);
});

test("a service that is back after thirteen hours is found by the next try", async () => {
  const back = 13 * 60 * MINUTE;
  const { at, thrown } = await tried((passed) => (passed < back ? busy() : undefined), {
    ms: Number.POSITIVE_INFINITY,
  });
  expect(thrown).toBeUndefined();
  expect(at.at(-1)).toBeGreaterThanOrEqual(back);
  expect(at.at(-1)).toBeLessThan(back + MINUTE);
});

test("a Retry-After is kept to, but not beyond the end of patience", async () => {
  const later = (ms: number) => Object.assign(busy(), { retryAfterMs: ms });
  const { at } = await tried((passed) => (passed === 0 ? later(7000) : undefined), { ms: MINUTE });
  expect(at).toEqual([0, 7000]);
  expect((await tried(() => later(10 * MINUTE), { ms: MINUTE })).at).toEqual([0, 60_000]);
});

test.for([
  ["what was refused", new Refused(403, "forbidden", "no")],
  ["a full disk", Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" })],
  ["a file that is gone", Object.assign(new Error("ENOENT: no such file"), { code: "ENOENT" })],
] as const)("%s is not tried again", async ([, error]) => {
  expect(await tried(() => error, { ms: MINUTE })).toEqual({ at: [0], waited: [], thrown: error });
});

test("a connection that is refused or reset is tried again", async () => {
  for (const code of ["ECONNREFUSED", "ECONNRESET", "ENOTFOUND", "EAI_AGAIN", "ETIMEDOUT"]) {
    const cause = Object.assign(new Error(code), { code });
    const { at } = await tried(
      (passed) => (passed === 0 ? new TypeError("fetch failed", { cause }) : undefined),
      { ms: MINUTE },
    );
    expect(at, code).toEqual([0, 1000]);
  }
});

test("what is waited for is said at once, and then every five minutes, whoever waits for it", () => {
  const clock = new VirtualClock();
  const said: string[] = [];
  const waiting = waitingLog((_level, message) => said.push(`${clock.now() - NEW_YEAR} ${message}`), clock);
  for (let minute = 0; minute <= 10; minute += 1) {
    waiting(new TypeError("fetch failed", { cause: new Error("connect ECONNREFUSED") }));
    waiting(new Error("another"));
    clock.advance(MINUTE);
  }
  expect(said).toEqual([
    "0 waiting, and trying again: fetch failed: connect ECONNREFUSED",
    "300000 waiting, and trying again: fetch failed: connect ECONNREFUSED",
    "600000 waiting, and trying again: fetch failed: connect ECONNREFUSED",
  ]);
});
