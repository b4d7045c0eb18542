import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { edgeNamed } from "../../../lib/plan/find.ts";
import { makePlan } from "../../../lib/plan/plan.ts";
import { loaded } from "../definition/loading.ts";

const FILE = resolve(import.meta.dirname, "../../../pipelines/queue-example/pipeline.yaml");
const plan = makePlan([loaded(readFileSync(FILE, "utf8"), "pipelines/queue-example/pipeline.yaml")]);

const DISPATCH = { timeoutSeconds: 30, memoryMb: 512, batchSize: 10, maxConcurrency: 5 };
const DEFAULT_SIZE = { cpuMillis: 1000, memoryMb: 512 };
/** An image is started by a function that lives 30 s. */
const TIMES = { visibilitySeconds: 180, retentionSeconds: 864_000, maxReceiveCount: 1000 };
const DEAD_TIMES = { visibilitySeconds: 180, retentionSeconds: 1_209_600 };

test("the plan of KDP's queue-example, in full", () => {
  expect(plan).toEqual({
    v: 1,
    app: "millrace",
    table: "millrace-jobs",
    api: { name: "millrace_API", timeoutSeconds: 29, memoryMb: 512, batchSize: 1 },
    callback: { name: "millrace_CALLBACK", timeoutSeconds: 29, memoryMb: 512, batchSize: 1 },
    archive: { name: "millrace_ARCHIVE", timeoutSeconds: 900, memoryMb: 512, batchSize: 1 },
    sweep: {
      function: { name: "millrace_SWEEP", timeoutSeconds: 55, memoryMb: 512, batchSize: 1 },
      everySeconds: 60,
    },
    pipelines: [
      {
        id: "queue-example",
        name: "Queue Example Pipeline",
        dialect: "kdp",
        file: "pipelines/queue-example/pipeline.yaml",
        version: "d16de72aed74",
        inputs: [{ name: "work", edge: "_start" }],
        edges: [
          {
            id: "_start",
            name: "queue-example",
            views: {
              work: "queue-example-work",
              claimed: "queue-example-claimed",
              error: "queue-example-error",
            },
            from: "",
            to: "start",
            maxAttempts: 5,
            queue: {
              name: "millrace_queue-example__start",
              ...TIMES,
              dead: { name: "millrace_queue-example__start_DEAD", ...DEAD_TIMES },
            },
          },
          {
            id: "start_last",
            name: "start-last",
            views: { work: "start-last-work", claimed: "start-last-claimed", error: "start-last-error" },
            from: "start",
            to: "last",
            maxAttempts: 5,
            queue: {
              name: "millrace_queue-example_start_last",
              ...TIMES,
              dead: { name: "millrace_queue-example_start_last_DEAD", ...DEAD_TIMES },
            },
          },
        ],
        stages: [
          {
            name: "start",
            work: { kind: "image", image: "starting-container-id", ...DEFAULT_SIZE },
            timeoutSeconds: 3600,
            function: { name: "millrace_queue-example_start", ...DISPATCH },
            fanout: "copy",
            in: ["_start"],
            out: ["start_last"],
            env: {},
            secrets: [],
          },
          {
            name: "last",
            work: { kind: "image", image: "last-container-id", ...DEFAULT_SIZE },
            timeoutSeconds: 3600,
            function: { name: "millrace_queue-example_last", ...DISPATCH },
            fanout: "copy",
            in: ["start_last"],
            out: [],
            env: {},
            secrets: [],
          },
        ],
        intake: {
          name: "millrace_queue-example_INTAKE",
          ...TIMES,
          maxReceiveCount: 8,
          dead: { name: "millrace_queue-example_INTAKE_DEAD", ...DEAD_TIMES },
        },
        ingest: { name: "millrace_queue-example_INGEST", timeoutSeconds: 30, memoryMb: 256, batchSize: 10 },
      },
    ],
  });
});

test.for([
  ["queue-example-work", "_start"],
  ["queue-example", "_start"],
  ["start-last-work", "start_last"],
  ["start-last-claimed", "start_last"],
  ["start-last-error", "start_last"],
])("%s names the edge %s", ([name, id]) => {
  expect(edgeNamed(plan.pipelines[0]!, name!).id).toBe(id);
});

test("an edge that is not there is answered by those that are", () => {
  expect(() => edgeNamed(plan.pipelines[0]!, "last-start-work")).toThrow(
    expect.objectContaining({
      code: "unknown-edge",
      message: 'there is no edge "last-start-work"',
      hint: "there is: queue-example, start-last",
    }),
  );
});
