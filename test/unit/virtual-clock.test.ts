import { expect, test } from "vitest";
import { sleep } from "../../lib/clock.ts";
import { NEW_YEAR, VirtualClock } from "../virtual-clock.ts";

test("time stands still until it is told to pass", () => {
  const clock = new VirtualClock();
  expect(clock.now()).toBe(NEW_YEAR);
  clock.advance(1500);
  expect(clock.now()).toBe(NEW_YEAR + 1500);
});

test("tasks run in the order of their times, and of their scheduling where those are equal", () => {
  const clock = new VirtualClock(0);
  const order: string[] = [];
  const note = (name: string) => () => void order.push(`${name} at ${clock.now()}`);
  clock.schedule(20, note("late"));
  clock.schedule(10, note("first"));
  clock.schedule(10, note("second"));
  clock.schedule(-5, note("overdue"));
  clock.schedule(31, note("too late"));
  clock.advance(30);
  expect(order).toEqual(["overdue at 0", "first at 10", "second at 10", "late at 20"]);
  expect([clock.now(), clock.waiting]).toEqual([30, 1]);
});

test("a task that schedules another, which is due in the same stretch", () => {
  const clock = new VirtualClock(0);
  const times: number[] = [];
  const again = (): void => {
    times.push(clock.now());
    clock.schedule(clock.now() + 10, again);
  };
  clock.schedule(10, again);
  clock.advance(35);
  expect(times).toEqual([10, 20, 30]);
});

test("a cancelled task does not run, not even when another cancels it at its own time", () => {
  const clock = new VirtualClock(0);
  const ran: string[] = [];
  clock.schedule(10, () => {
    ran.push("one");
    cancel();
  });
  const cancel = clock.schedule(10, () => void ran.push("other"));
  clock.advance(10);
  expect(ran).toEqual(["one"]);
});

test("running until something happens takes as long as it takes, in virtual time", async () => {
  const clock = new VirtualClock(0);
  let hours = 0;
  const work = async (): Promise<void> => {
    for (; hours < 24; hours += 1) await sleep(clock, 3_600_000);
  };
  void work();
  await clock.runUntil(() => hours === 5);
  expect(clock.now()).toBe(5 * 3_600_000);
  await clock.runUntil(() => hours === 24);
  expect([clock.now(), clock.waiting]).toEqual([86_400_000, 0]);
});

test("waiting for what can no longer happen is an error", async () => {
  const clock = new VirtualClock(0);
  clock.schedule(10, () => {});
  await expect(clock.runUntil(() => false)).rejects.toThrow("nothing is scheduled any more");
  expect(clock.now()).toBe(10);
});
