import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { isoTime, sleep, systemClock } from "../../lib/clock.ts";
import { VirtualClock } from "../virtual-clock.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: 1_767_225_600_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

const DAY = 86_400_000;

test("the system's clock runs a task when its time has come, and not before", () => {
  const task = vi.fn();
  systemClock.schedule(systemClock.now() + 1000, task);
  vi.advanceTimersByTime(999);
  expect(task).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(task).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(10_000);
  expect(task).toHaveBeenCalledTimes(1);
});

test("a task in a hundred days runs in a hundred days, though a timer holds 24.8 of them", () => {
  const task = vi.fn();
  systemClock.schedule(systemClock.now() + 100 * DAY, task);
  vi.advanceTimersByTime(100 * DAY - 1);
  expect(task).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(task).toHaveBeenCalledTimes(1);
});

test("it can be cancelled on the way there", () => {
  const task = vi.fn();
  const cancel = systemClock.schedule(systemClock.now() + 100 * DAY, task);
  vi.advanceTimersByTime(60 * DAY);
  cancel();
  vi.advanceTimersByTime(60 * DAY);
  expect(task).not.toHaveBeenCalled();
  expect(vi.getTimerCount()).toBe(0);
});

test("a task of the past runs at once, but not before `schedule` returns", () => {
  const task = vi.fn();
  systemClock.schedule(systemClock.now() - 5000, task);
  expect(task).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(task).toHaveBeenCalledTimes(1);
});

test("sleep ends after its time", async () => {
  const clock = new VirtualClock();
  let isAwake = false;
  const slept = sleep(clock, 1000).then(() => {
    isAwake = true;
  });
  clock.advance(999);
  await Promise.resolve();
  expect(isAwake).toBe(false);
  clock.advance(1);
  await slept;
  expect(isAwake).toBe(true);
});

test("sleep ends with the signal's reason, and leaves nothing behind", async () => {
  const clock = new VirtualClock();
  const stop = new AbortController();
  const slept = sleep(clock, 1000, stop.signal);
  stop.abort(new Error("shutting down"));
  await expect(slept).rejects.toThrow("shutting down");
  expect(clock.waiting).toBe(0);
  await expect(sleep(clock, 1000, stop.signal)).rejects.toThrow("shutting down");
  expect(clock.waiting).toBe(0);
});

test("a time as it leaves the process", () => {
  expect(isoTime(1_767_225_600_007)).toBe("2026-01-01T00:00:00.007Z");
});
