import { expect, test } from "vitest";
import { suggest } from "../../../lib/definition/suggest.ts";
import { mebibytes, millicores, seconds } from "../../../lib/definition/units.ts";

test.for([
  ["1s", 1],
  ["2m", 120],
  ["1.5h", 5400],
  ["1d", 86_400],
  ["0.5s", 0.5],
] as const)("%s are %d seconds", ([text, expected]) => {
  expect(seconds(text)).toBe(expected);
});

test.for([
  ["512Mi", 512],
  ["8Gi", 8192],
  ["0.5Gi", 512],
  [128, 128],
] as const)("%s are %d mebibytes", ([memory, expected]) => {
  expect(mebibytes(memory)).toBe(expected);
});

test.for([
  ["500m", 500],
  [4, 4000],
  [0.0001, 1],
] as const)("%s are %d thousandths of a core", ([cpu, expected]) => {
  expect(millicores(cpu)).toBe(expected);
});

test.for(["", "1", "s", "1 s", "1ms", "-1s", "1e3s", ".5s", "1s1s", "١s"])("%j is no duration", (text) => {
  expect(() => seconds(text)).toThrow(`"${text}" does not match`);
});

test.for([
  ["paralellism", ["image", "parallelism"], 'did you mean "parallelism"?'],
  ["Image", ["image", "command"], 'did you mean "image"?'],
  ["tmeout", ["image", "timeout"], 'did you mean "timeout"?'],
  ["zebra", ["image", "command"], "allowed: image, command"],
  ["zebra", [], "there is none to choose from"],
] as const)("for %s there is %j: %s", ([word, allowed, expected]) => {
  expect(suggest(word, allowed)).toBe(expected);
});

test("of many names only the first are listed", () => {
  const names = Array.from({ length: 25 }, (_, index) => `stage-${index}`);
  expect(suggest("zebra", names)).toBe(
    "allowed: stage-0, stage-1, stage-2, stage-3, stage-4, stage-5, stage-6, stage-7, stage-8, stage-9, stage-10, " +
      "stage-11, stage-12, stage-13, stage-14, stage-15, stage-16, stage-17, stage-18, stage-19 and 5 more",
  );
});
