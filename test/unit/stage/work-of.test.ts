import { expect, test } from "vitest";
import type { StagePlan, StageWork } from "../../../lib/plan/plan.ts";
import { stage } from "../../../lib/stage/stage.ts";
import { workOf } from "../../../lib/stage/work-of.ts";
import { ATTEMPT, failureIn, outputsOf, surroundings } from "./trying.ts";

const planned = (work: StageWork): StagePlan => ({
  name: "ocr",
  work,
  timeoutSeconds: 30,
  function: { name: "millrace_p_ocr", timeoutSeconds: 45, memoryMb: 512, batchSize: 10 },
  fanout: "copy",
  in: [],
  out: [],
  env: { MODE: "fast" },
  secrets: [],
});
const HANDLER = planned({ kind: "handler", handler: "./stages/ocr.ts" });

test("a handler's module is loaded once, for the first token", async () => {
  const loads: string[] = [];
  const work = workOf(HANDLER, "/srv", async (file) => {
    loads.push(file);
    return { default: stage({ run: () => ({ data: 1 }) }) };
  });
  expect(loads).toEqual([]);
  expect(await outputsOf(work)).toEqual([{ data: 1, objects: [] }]);
  expect(await outputsOf(work)).toEqual([{ data: 1, objects: [] }]);
  expect(loads).toEqual(["./stages/ocr.ts"]);
});

test("a module that cannot be loaded fails each attempt, and is tried again", async () => {
  let loads = 0;
  const work = workOf(HANDLER, "/srv", async () => {
    loads += 1;
    if (loads < 3) throw new SyntaxError("Unexpected token");
    return { default: { run: () => ({ data: loads }) } };
  });
  for (const _ of [1, 2]) {
    const { failure, log } = await failureIn(work(ATTEMPT, surroundings()));
    expect([failure.reason, failure.message, log]).toEqual([
      "error",
      "cannot load ./stages/ocr.ts: Unexpected token",
      [],
    ]);
  }
  expect(await outputsOf(work)).toEqual([{ data: 3, objects: [] }]);
});

test.for([
  {},
  { default: undefined },
  { default: () => ({}) },
  { default: { run: "now" } },
  { run: () => ({}) },
])("a module without a stage says what it lacks: %#", async (module) => {
  const { failure } = await failureIn(workOf(HANDLER, "/srv", async () => module)(ATTEMPT, surroundings()));
  expect(failure.message).toBe(
    "cannot load ./stages/ocr.ts: it has no stage as its default export: write export default stage({ run… })",
  );
});

test("a command is run with the stage's environment", async () => {
  const command = ["sh", "-c", `printf '["%s","%s"]' "$MODE" "$MILLRACE_STAGE_DIRECTORY" > kdp_output.json`];
  const work = workOf(
    planned({ kind: "command", command, acceptExitCodes: [0] }),
    "/srv",
    async () => undefined,
  );
  expect(await outputsOf(work)).toEqual([{ data: ["fast", "/srv"], objects: [] }]);
});

test("an image does not run in a function", () => {
  expect(() =>
    workOf(
      planned({ kind: "image", image: "i:1", cpuMillis: 1000, memoryMb: 512 }),
      "/srv",
      async () => undefined,
    ),
  ).toThrow("an image runs in a cluster, not in a function");
});
