import { expect, test } from "vitest";
import { makePlan, type PipelinePlan, type StagePlan } from "../../../lib/plan/plan.ts";
import { loaded } from "../definition/loading.ts";

const planOf = (text: string): PipelinePlan => makePlan([loaded(text)]).pipelines[0]!;

/** A pipeline of one stage that the input `in` leads to. */
const single = (stage: string, input = "{ to: a }"): PipelinePlan =>
  planOf(`id: p\ninputs: { in: ${input} }\nstages: { a: ${stage} }`);

const stageOf = (stage: string): StagePlan => single(stage).stages[0]!;

test("a light stage's function outlives its work by 15 s, and a claim outlives the function six times", () => {
  const { stages, edges } = single("{ handler: ./a.ts, timeout: 2m }");
  expect(stages[0]).toMatchObject({ timeoutSeconds: 120, function: { timeoutSeconds: 135 } });
  expect(edges[0]?.queue).toMatchObject({ visibilitySeconds: 810, dead: { visibilitySeconds: 810 } });
});

test("what a light stage gets when it asks for nothing", () => {
  expect(stageOf("{ command: [cat] }")).toEqual({
    name: "a",
    work: { kind: "command", command: ["cat"], acceptExitCodes: [0] },
    timeoutSeconds: 30,
    function: { name: "millrace_p_a", timeoutSeconds: 45, memoryMb: 512, batchSize: 10 },
    fanout: "copy",
    in: ["_a"],
    out: [],
    env: {},
    secrets: [],
  });
});

test("what it gets when it asks for everything", () => {
  const { stages } = planOf(`
    id: p
    inputs: { in: { to: a } }
    stages:
      a:
        command: [cat, -n]
        acceptExitCodes: [0, 3]
        timeout: 1.2s
        memory: 1.3Gi
        concurrency: 7
        batch: 2
        fanout: copy
        env: { MODE: fast }
        secrets: [own, shared]
      b:
        image: i:1
        command: [run]
        pullSecret: registry
        timeout: 30h
        concurrency: 1
        cpu: 1500m
        memory: 8Gi
        gpu: 2
        podPatch: [{ op: add, path: /nodeSelector, value: { pool: gpu } }]
    edges: [{ from: a, to: b }]
    secrets: [shared]`);
  expect(stages).toEqual([
    {
      name: "a",
      work: { kind: "command", command: ["cat", "-n"], acceptExitCodes: [0, 3] },
      timeoutSeconds: 2,
      function: {
        name: "millrace_p_a",
        timeoutSeconds: 17,
        memoryMb: 1332,
        batchSize: 2,
        maxConcurrency: 7,
      },
      concurrency: 7,
      fanout: "copy",
      in: ["_a"],
      out: ["a_b"],
      env: { MODE: "fast" },
      secrets: ["shared", "own"],
    },
    {
      name: "b",
      work: {
        kind: "image",
        image: "i:1",
        command: ["run"],
        cpuMillis: 1500,
        memoryMb: 8192,
        gpus: 2,
        pullSecret: "registry",
        podPatch: [{ op: "add", path: "/nodeSelector", value: { pool: "gpu" } }],
      },
      timeoutSeconds: 108_000,
      function: { name: "millrace_p_b", timeoutSeconds: 30, memoryMb: 512, batchSize: 10, maxConcurrency: 5 },
      concurrency: 1,
      fanout: "copy",
      in: ["a_b"],
      out: [],
      env: {},
      secrets: ["shared"],
    },
  ]);
});

test("the longest light stage fills a function, and its claims last an hour and a half", () => {
  const { stages, edges } = single("{ handler: ./a.ts, timeout: 885s }");
  expect(stages[0]?.function?.timeoutSeconds).toBe(900);
  expect(edges[0]?.queue.visibilitySeconds).toBe(5400);
});

test("a token may be received three times more often than it may be tried; one that waits for a cluster, a thousand times", () => {
  const { edges } = planOf(`
    id: p
    inputs: { in: { to: a, maxAttempts: 1 } }
    stages: { a: { command: [a] }, b: { command: [b] }, c: { image: i:1 } }
    edges: [{ from: a, to: b, maxAttempts: 100 }, { from: b, to: c }]`);
  expect(edges.map(({ id, maxAttempts, queue }) => [id, maxAttempts, queue.maxReceiveCount])).toEqual([
    ["_a", 1, 4],
    ["a_b", 100, 103],
    ["b_c", 5, 1000],
  ]);
});

test("inputs that lead to one stage share its queue, and the first of them says how often a token is tried", () => {
  const { inputs, edges } = planOf(`
    id: p
    inputs:
      uploads: { to: a, maxAttempts: 2, s3: { prefix: in/ } }
      replays: { to: a, maxAttempts: 9 }
      other: { to: b, s3: { prefix: b/, suffix: .gz } }
    stages: { a: { image: i:1 }, b: { image: i:1 } }`);
  expect(inputs).toEqual([
    { name: "uploads", edge: "_a", s3: { prefix: "in/", suffix: "" } },
    { name: "replays", edge: "_a" },
    { name: "other", edge: "_b", s3: { prefix: "b/", suffix: ".gz" } },
  ]);
  expect(edges.map(({ id, name, maxAttempts }) => [id, name, maxAttempts])).toEqual([
    ["_a", "p-a", 2],
    ["_b", "p-b", 5],
  ]);
});

test("the version is a fingerprint of what a definition means, not of how it is written", () => {
  const version = planOf("id: p\ninputs: { in: { to: a } }\nstages: { a: { image: i:1 } }").version;
  expect(planOf('{"id":"p", "inputs":{"in":{"to":"a"}}, "stages":{"a":{"image":"i:1"}}}').version).toBe(
    version,
  );
  expect(planOf("id: p\ninputs: { in: { to: a } }\nstages: { a: { image: i:2 } }").version).not.toBe(version);
  const renamed = planOf("id: p\nname: Other\ninputs: { in: { to: a } }\nstages: { a: { image: i:1 } }");
  expect([renamed.name, renamed.version]).toEqual(["Other", version]);
});

test("levels are texts, however they were written; a pipeline without them has none", () => {
  const plain = "id: p\ninputs: { in: { to: a } }\nstages: { a: { image: i:1 } }";
  expect(planOf(plain)).not.toHaveProperty("archive");
  const archive = "archive: [{ level: 1, patterns: ['*.csv'] }, { level: reference, patterns: [raw/**] }]";
  expect(planOf(`${plain}\n${archive}`).archive).toEqual([
    { level: "1", patterns: ["*.csv"] },
    { level: "reference", patterns: ["raw/**"] },
  ]);
});

test("two deployments differ in every physical name", () => {
  const definition = loaded("id: p\ninputs: { in: { to: a } }\nstages: { a: { command: [cat] } }");
  const { table, api, pipelines } = makePlan([definition], "other");
  expect([table, api.name, pipelines[0]?.intake.name, pipelines[0]?.ingest.name]).toEqual([
    "other-jobs",
    "other_API",
    "other_p_INTAKE",
    "other_p_INGEST",
  ]);
  expect(pipelines[0]?.edges[0]?.queue.name).toBe("other_p__a");
  expect(pipelines[0]?.stages[0]?.function?.name).toBe("other_p_a");
});
