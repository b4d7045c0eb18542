import { expect, test } from "vitest";
import { defects, loaded } from "./loading.ts";

test("a pipeline of one stage needs no edges", () => {
  const { pipeline, dialect } = loaded(`
    id: single
    inputs: { in: { to: only } }
    stages: { only: { command: [cat] } }`);
  expect(dialect).toBe("millrace");
  expect(pipeline).toEqual({
    id: "single",
    inputs: { in: { to: "only" } },
    stages: { only: { command: ["cat"] } },
    edges: [],
    secrets: [],
  });
});

test("edges x → y-z and x-y → z are two edges, though both read x-y-z", () => {
  const { pipeline } = loaded(`
    id: ambiguous
    graph:
      nodes:
        root: { image: i:1 }
        x: { image: i:1 }
        y-z: { image: i:1 }
        x-y: { image: i:1 }
        z: { image: i:1 }
      edges:
        - { source: root, target: x }
        - { source: root, target: x-y }
        - { source: x, target: y-z }
        - { source: x-y, target: z }`);
  expect(pipeline.edges.slice(2)).toEqual([
    { from: "x", to: "y-z" },
    { from: "x-y", to: "z" },
  ]);
});

test.for(["a", "7", "a.b", "0.1.2", "a--b", `${"a".repeat(63)}`])("%s is a name", (name) => {
  const { pipeline } = loaded(`
    id: names
    inputs: { "${name}": { to: "${name}" } }
    stages: { "${name}": { image: i:1 } }`);
  expect(Object.keys(pipeline.stages)).toEqual([name]);
});

test.for(["", "A", "a_b", "-a", "a-", "a.", ".a", "a..b", "a.-b", "ä", "a b", "a\n", `${"a".repeat(64)}`])(
  "%j is none",
  (name) => {
    const quoted = JSON.stringify(name);
    const text = `{ "id": "names", "inputs": { "in": { "to": ${quoted} } }, "stages": { ${quoted}: { "image": "i:1" } } }`;
    expect(defects(text).map((defect) => defect.split(" ")[1])).toContain("name");
  },
);

test.for([".csv$", "^raw", ".*csv", "a\\.csv", ".+", ""])("%j is no glob", (pattern) => {
  const text = `{ "id": "p", "inputs": { "in": { "to": "a" } }, "stages": { "a": { "image": "i:1" } },
    "archive": [{ "level": 1, "patterns": [${JSON.stringify(pattern)}] }] }`;
  expect(defects(text)).toEqual(["2:44 value"]);
});

test("everything that a canonical definition may say", () => {
  const { pipeline } = loaded(`
id: scans
name: Page scans
inputs:
  incoming: { s3: { prefix: incoming/, suffix: .tgz }, to: split, maxAttempts: 2 }
  replays: { to: split }
  late: { to: publish }
stages:
  split:
    handler: ./stages/split.ts
    timeout: 1.5m
    memory: 1Gi
    concurrency: 2
    fanout: route
    env: { MODE: fast, DB_PASSWORD: $DB_PASSWORD }
    secrets: [passphrase]
  check: { command: [validate, --strict], acceptExitCodes: [0, 3], timeout: 885s, memory: 128 }
  ocr: { image: ghcr.io/acme/ocr:1.4, command: [ocr], timeout: 30h, pullSecret: registry }
  publish: { handler: ./stages/publish.ts }
edges:
  - { from: split, to: check }
  - { from: split, to: ocr, maxAttempts: 1 }
  - { from: check, to: publish }
  - { from: ocr, to: publish }
secrets: [mc-config]
archive: [{ level: 1, patterns: ["*.txt", "data.*", pages/**] }, { level: reference, patterns: ["*.json"] }]
`);
  expect(pipeline).toEqual({
    id: "scans",
    name: "Page scans",
    inputs: {
      incoming: { s3: { prefix: "incoming/", suffix: ".tgz" }, to: "split", maxAttempts: 2 },
      replays: { to: "split" },
      late: { to: "publish" },
    },
    stages: {
      split: {
        handler: "./stages/split.ts",
        timeout: "1.5m",
        memory: "1Gi",
        concurrency: 2,
        fanout: "route",
        env: { MODE: "fast", DB_PASSWORD: "$DB_PASSWORD" },
        secrets: ["passphrase"],
      },
      check: { command: ["validate", "--strict"], acceptExitCodes: [0, 3], timeout: "885s", memory: 128 },
      ocr: { image: "ghcr.io/acme/ocr:1.4", command: ["ocr"], timeout: "30h", pullSecret: "registry" },
      publish: { handler: "./stages/publish.ts" },
    },
    edges: [
      { from: "split", to: "check" },
      { from: "split", to: "ocr", maxAttempts: 1 },
      { from: "check", to: "publish" },
      { from: "ocr", to: "publish" },
    ],
    secrets: ["mc-config"],
    archive: [
      { level: 1, patterns: ["*.txt", "data.*", "pages/**"] },
      { level: "reference", patterns: ["*.json"] },
    ],
  });
});
