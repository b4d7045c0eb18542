import { expect, test } from "vitest";
import { isNested, stackMoves } from "../../../lib/plan/nesting.ts";

const edges = (count: number) => ({ length: count }) as never;
const pipeline = (count: number) => ({ id: "p", edges: edges(count) });
const moves = (inNested: boolean, count: number) =>
  stackMoves(
    [
      { pipeline: "p", role: "intake", isNested: false },
      { pipeline: "p", role: "edge", isNested: inNested },
      { pipeline: "other", role: "edge", isNested: !inNested },
    ],
    { pipelines: [pipeline(count)] as never },
  );

test.for([
  [50, false, false],
  [51, false, true],
  [3, true, true],
  [3, ["q", "p"], true],
  [3, ["q"], false],
] as const)("%i edges, nested %j: %j", ([count, nested, expected]) => {
  expect(isNested(pipeline(count), nested)).toBe(expected);
});

test("a deployed pipeline that grows beyond fifty edges cannot be deployed, unless it is nested already", () => {
  expect(moves(false, 50)).toEqual([]);
  expect(moves(true, 51)).toEqual([]);
  expect(moves(false, 51)).toEqual([
    {
      pipeline: "p",
      fails: true,
      why: "it has 51 edges now, and beyond 50 they are made in nested stacks, where their names are taken: deploying it fails, and is rolled back",
      hint: "keep to 50 edges; or deploy it under another id beside this one, until this one is empty",
    },
  ]);
});

test("one that is nested and small stays so by an option", () => {
  expect(moves(true, 50)).toEqual([
    {
      pipeline: "p",
      fails: false,
      why: "it is deployed in nested stacks",
      hint: "deploy it with -c nested=p, as before",
    },
  ]);
});
