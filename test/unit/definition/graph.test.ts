import fc from "fast-check";
import { expect, test } from "vitest";
import { cyclesOf, type Graph, graphOf, reachableFrom, rootsOf } from "../../../lib/definition/graph.ts";

/** A graph of edges that are written `a>b`. */
function graph(...edges: string[]): Graph {
  const pairs = edges.map((edge) => edge.split(">"));
  const names = [...new Set(pairs.flat())];
  return graphOf({
    stages: Object.fromEntries(names.map((name) => [name, {}])),
    edges: pairs.map(([from, to]) => ({ from, to })),
  });
}

const cycles = (...edges: string[]): string[][] =>
  cyclesOf(graph(...edges))
    .map((stages) => stages.toSorted())
    .sort();

test.for([
  [["a>b", "b>c"], []],
  [["a>b", "a>c", "b>d", "c>d"], []],
  [["a>a"], []],
  [["a>b", "b>a"], [["a", "b"]]],
  [["a>b", "b>c", "c>d", "d>b", "d>e"], [["b", "c", "d"]]],
  [
    ["a>b", "b>a", "b>c", "c>d", "d>c"],
    [
      ["a", "b"],
      ["c", "d"],
    ],
  ],
  [["a>b", "b>c", "c>a", "c>d", "d>b"], [["a", "b", "c", "d"]]],
  [["a>b", "b>c", "c>b", "a>d", "d>c"], [["b", "c"]]],
] as [string[], string[][]][])("in %j the cycles are %j", ([edges, expected]) => {
  expect(cycles(...edges)).toEqual(expected);
});

test("stages are on one cycle if each can be reached from the other", () => {
  const stage = fc.constantFrom(..."abcdefg");
  const edge = fc.tuple(stage, stage).map(([from, to]) => `${from}>${to}`);
  fc.assert(
    fc.property(fc.uniqueArray(edge, { minLength: 1, maxLength: 14 }), (edges) => {
      const given = graph(...edges);
      const found = cyclesOf(given);
      for (const { name: one } of given.stages) {
        for (const { name: other } of given.stages) {
          if (one === other) continue;
          const isCycle = reachableFrom(given, [one]).has(other) && reachableFrom(given, [other]).has(one);
          expect(found.some((stages) => stages.includes(one) && stages.includes(other))).toBe(isCycle);
        }
      }
    }),
    { numRuns: 200 },
  );
});

test("what can be reached, and where to begin", () => {
  const given = graph("a>b", "b>c", "d>d", "d>c");
  expect([...reachableFrom(given, ["a"])]).toEqual(["a", "b", "c"]);
  expect([...reachableFrom(given, ["c"])]).toEqual(["c"]);
  expect(rootsOf(given)).toEqual(["a", "d"]);
});

test("a document is read as far as it can be", () => {
  expect(
    graphOf({ id: 7, inputs: [], stages: { a: null }, edges: [null, { from: "a" }], secrets: ["s", 7] }),
  ).toEqual({
    id: undefined,
    idPath: ["id"],
    inputs: [],
    stages: [{ name: "a", path: ["stages", "a"], fields: {} }],
    hasNoStage: false,
    edges: [
      { from: undefined, to: undefined, retired: false, path: ["edges", 0] },
      { from: "a", to: undefined, retired: false, path: ["edges", 1] },
    ],
    secrets: [{ name: "s", path: ["secrets", 0] }],
  });
});
