import { expect, test } from "vitest";
import { type TallyRow, tally } from "../../../lib/board/tally.ts";
import type { JobState } from "../../../lib/job/machine.ts";

const row = (run: string, edge: string, stage: string, state: JobState, tokens = 0): TallyRow => ({
  run,
  edge,
  stage,
  state,
  tokens,
});

test("nothing has come of nothing", () => {
  expect(tally([], [])).toEqual({
    runs: { put: 0, done: 0, error: 0, skipped: 0, outstanding: 0 },
    edges: new Map(),
    stages: new Map(),
  });
});

test("an arrival that nobody has worked on is outstanding", () => {
  expect(tally(["r1", "r2"], []).runs).toEqual({ put: 2, done: 0, error: 0, skipped: 0, outstanding: 2 });
});

test("a fan-out of three is done when its three children are", () => {
  const split = row("r1", "_split", "split", "FINISHED", 3);
  const child = row("r1", "split_ocr", "ocr", "FINISHED");
  expect(tally(["r1"], [split]).runs).toMatchObject({ done: 0, outstanding: 1 });
  expect(tally(["r1"], [split, child, child]).runs).toMatchObject({ done: 0, outstanding: 1 });
  expect(tally(["r1"], [split, child, child, child])).toEqual({
    runs: { put: 1, done: 1, error: 0, skipped: 0, outstanding: 0 },
    edges: new Map([
      ["_split", { done: 1, error: 0, skipped: 0 }],
      ["split_ocr", { done: 3, error: 0, skipped: 0 }],
    ]),
    stages: new Map([
      ["split", { done: 1, error: 0, skipped: 0 }],
      ["ocr", { done: 3, error: 0, skipped: 0 }],
    ]),
  });
});

test("a run whose output is empty is done", () => {
  expect(tally(["r1"], [row("r1", "_split", "split", "FINISHED", 0)]).runs).toMatchObject({ done: 1 });
});

test("one child in the error bucket makes an error of its run, when the others are through", () => {
  const split = row("r1", "_split", "split", "FINISHED", 2);
  const failed = row("r1", "split_ocr", "ocr", "FAILED");
  expect(tally(["r1"], [split, failed]).runs).toEqual({
    put: 1,
    done: 0,
    error: 0,
    skipped: 0,
    outstanding: 1,
  });
  const { runs, edges } = tally(["r1"], [split, failed, row("r1", "split_ocr", "ocr", "FINISHED")]);
  expect(runs).toEqual({ put: 1, done: 0, error: 1, skipped: 0, outstanding: 0 });
  expect(edges.get("split_ocr")).toEqual({ done: 1, error: 1, skipped: 0 });
});

test("a child that was given up is skipped, and so is its run", () => {
  const split = row("r1", "_split", "split", "FINISHED", 1);
  const { runs, stages } = tally(["r1"], [split, row("r1", "split_ocr", "ocr", "RETIRED")]);
  expect(runs).toEqual({ put: 1, done: 0, error: 0, skipped: 1, outstanding: 0 });
  expect(stages.get("ocr")).toEqual({ done: 0, error: 0, skipped: 1 });
});

test.for(["CREATED", "RUNNING"] as const)("a job that is %s counts nowhere yet", (state) => {
  const { runs, edges } = tally(["r1"], [row("r1", "_split", "split", state, 5)]);
  expect(runs).toEqual({ put: 1, done: 0, error: 0, skipped: 0, outstanding: 1 });
  expect(edges.size).toBe(0);
});

test("a message that was no token is a run of its own, which failed", () => {
  const { runs, edges } = tally(["r1"], [row("stray", "split_ocr", "ocr", "FAILED")]);
  expect(runs).toEqual({ put: 2, done: 0, error: 1, skipped: 0, outstanding: 1 });
  expect(edges.get("split_ocr")).toEqual({ done: 0, error: 1, skipped: 0 });
});

test("children that were counted before their parent settle with it", () => {
  const rows = [row("r1", "split_ocr", "ocr", "FINISHED"), row("r1", "_split", "split", "FINISHED", 1)];
  expect(tally([], rows.slice(0, 1)).runs).toEqual({ put: 1, done: 1, error: 0, skipped: 0, outstanding: 0 });
  expect(tally(["r1"], rows).runs).toEqual({ put: 1, done: 1, error: 0, skipped: 0, outstanding: 0 });
});

test("what was put is what is done, in error, or outstanding", () => {
  const rows = [
    row("r1", "_a", "a", "FINISHED", 3),
    row("r1", "a_b", "b", "FINISHED", 1),
    row("r1", "a_b", "b", "FAILED"),
    row("r1", "a_b", "b", "RETIRED"),
    row("r1", "b_c", "c", "FINISHED"),
    row("r2", "_a", "a", "FINISHED", 1),
    row("r2", "a_b", "b", "RUNNING"),
    row("r3", "_a", "a", "FINISHED", 0),
    row("stray", "b_c", "c", "FAILED"),
  ];
  expect(tally(["r1", "r2", "r3", "r4"], rows).runs).toEqual({
    put: 5,
    done: 1,
    error: 2,
    skipped: 0,
    outstanding: 2,
  });
});
