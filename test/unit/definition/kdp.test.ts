import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { defects, loaded } from "./loading.ts";

/** The definition in KDP's own documentation, byte for byte. */
const QUEUE_EXAMPLE = readFileSync(
  resolve(import.meta.dirname, "../../../pipelines/queue-example/pipeline.yaml"),
  "utf8",
);

const CANONICAL = {
  id: "queue-example",
  name: "Queue Example Pipeline",
  inputs: { work: { to: "start" } },
  stages: { start: { image: "starting-container-id" }, last: { image: "last-container-id" } },
  edges: [{ from: "start", to: "last" }],
  secrets: [],
};

test("KDP's queue-example is kept as its documentation has it", () => {
  expect(QUEUE_EXAMPLE).toBe(
    [
      "id: queue-example",
      "name: Queue Example Pipeline",
      "graph:",
      "  nodes:",
      "    start:",
      "      image: starting-container-id",
      "    last:",
      "      image: last-container-id",
      "  edges:",
      "    - source: start",
      "      target: last",
      "",
    ].join("\n"),
  );
});

test("KDP's queue-example loads as it stands", () => {
  expect(loaded(QUEUE_EXAMPLE, "queue.yaml")).toEqual({
    pipeline: CANONICAL,
    dialect: "kdp",
    file: "queue.yaml",
  });
});

test("so it does as a custom resource", () => {
  const resource = [
    "apiVersion: kdp.nasa-pds.github.io/v1",
    "kind: Pipeline",
    "metadata:",
    "  name: queue-example",
    "  labels: { team: pds }",
    "spec:",
    ...QUEUE_EXAMPLE.trimEnd()
      .split("\n")
      .map((line) => `  ${line}`),
  ].join("\n");
  expect(loaded(resource)).toEqual({ pipeline: CANONICAL, dialect: "kdp", file: "pipeline.yaml" });
});

test("so it does as JSON", () => {
  const json = `{
    "id": "queue-example",
    "name": "Queue Example Pipeline",
    "graph": {
      "nodes": {
        "start": { "image": "starting-container-id" },
        "last": { "image": "last-container-id" }
      },
      "edges": [{ "source": "start", "target": "last" }]
    }
  }`;
  expect(loaded(json)).toEqual({ pipeline: CANONICAL, dialect: "kdp", file: "pipeline.yaml" });
});

test("every key of a KDP node has its place in the canonical form, but for options, which mean nothing", () => {
  const { pipeline } = loaded(`
    id: everything
    graph:
      nodes:
        start:
          image: ghcr.io/acme/start:1.4
          command: [start, --fast]
          parallelism: 64
          pullSecret: registry
          options: { anything: [1, 2] }
      edges: []
      secrets: [mc-config]`);
  expect(pipeline).toEqual({
    id: "everything",
    inputs: { work: { to: "start" } },
    stages: {
      start: {
        image: "ghcr.io/acme/start:1.4",
        command: ["start", "--fast"],
        concurrency: 64,
        pullSecret: "registry",
      },
    },
    edges: [],
    secrets: ["mc-config"],
  });
});

test("defects stand where the author of the KDP form wrote them, also inside a custom resource", () => {
  const resource = `apiVersion: kdp.nasa-pds.github.io/v1
kind: Pipeline
metadata: { name: misplaced }
spec:
  id: misplaced
  graph:
    nodes:
      start: { image: start:1, parallelism: 0 }
    edges:
      - { source: start, target: nowhere }
`;
  expect(defects(resource)).toEqual(["8:45 value", "10:34 edge-unknown-stage"]);
});

test("what a rule says of a key of the canonical form is led back to KDP's word for it", () => {
  const text = "id: p\ngraph:\n  nodes:\n    a: { command: [run], parallelism: 1 }\n";
  // The node is no container, so that it would be a light stage, whose concurrency is 2 at least.
  expect(defects(text)).toEqual(["4:8 missing-key", "4:39 light-concurrency"]);
});

test("a custom resource and its pipeline have one name", () => {
  const text =
    "apiVersion: kdp.nasa-pds.github.io/v1\nkind: Pipeline\nmetadata: { name: one }\nspec: { id: two, graph: { nodes: { a: { image: i:1 } } } }\n";
  expect(defects(text)).toEqual(["3:19 resource-name"]);
});
