import { expect, test } from "vitest";
import { makePlan } from "../../../lib/plan/plan.ts";
import { defects, loaded } from "./loading.ts";

/** A retired edge: nothing is sent by it any more, and what its queue holds is worked on. */

const withEdges = (edges: string, stages = "a: { command: [cat] }, b: { command: [cat] }"): string =>
  `id: p\ninputs: { in: { to: a } }\nstages: { ${stages} }\nedges: [${edges}]`;

const RETIRED = withEdges("{ from: a, to: b, retired: true }");

test("its stage receives, and nobody sends", () => {
  const [pipeline] = makePlan([loaded(RETIRED)]).pipelines;
  expect(pipeline?.edges.map(({ id, name, retired, queue }) => [id, name, retired, queue.name])).toEqual([
    ["_a", "p", undefined, "millrace_p__a"],
    ["a_b", "a-b", true, "millrace_p_a_b"],
  ]);
  expect(pipeline?.stages.map((stage) => [stage.name, stage.in, stage.out])).toEqual([
    ["a", ["_a"], []],
    ["b", ["a_b"], []],
  ]);
});

test("`retired: false` is an edge like any other", () => {
  const plan = (text: string) => {
    const [pipeline] = makePlan([loaded(text)]).pipelines;
    return [pipeline?.edges, pipeline?.stages];
  };
  expect(plan(withEdges("{ from: a, to: b, retired: false }"))).toEqual(
    plan(withEdges("{ from: a, to: b }")),
  );
});

test("the stage that it came from may be gone, the one that it leads to may not", () => {
  expect(defects(withEdges("{ from: gone, to: b, retired: true }"))).toEqual([]);
  expect(defects(withEdges("{ from: a, to: b }, { from: a, to: gone, retired: true }"))).toEqual([
    "4:44 edge-unknown-stage",
  ]);
});

test("a stage that only it leads to is reached, and so is what comes behind", () => {
  const three = "a: { command: [cat] }, b: { command: [cat] }, c: { command: [cat] }";
  expect(defects(withEdges("{ from: gone, to: b, retired: true }, { from: b, to: c }", three))).toEqual([]);
});

test("it closes no cycle: an edge may be turned round", () => {
  expect(defects(withEdges("{ from: a, to: b }, { from: b, to: a, retired: true }"))).toEqual([]);
  expect(defects(withEdges("{ from: a, to: b }, { from: b, to: a }"))).toEqual(["4:9 cycle"]);
});

test("it is no edge to route to, and no second one beside another", () => {
  const router = "a: { handler: ./a.ts, fanout: route }, b: { command: [cat] }";
  expect(defects(withEdges("{ from: a, to: b, retired: true }", router))).toEqual([
    "3:41 route-without-edges",
  ]);
  expect(defects(withEdges("{ from: a, to: b }, { from: a, to: b, retired: true }"))).toEqual([
    "4:29 edge-duplicate",
  ]);
});
