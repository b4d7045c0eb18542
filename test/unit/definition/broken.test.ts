import { globSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { expect, test } from "vitest";
import { defects } from "./loading.ts";

/** Every defect of every file in `broken/`, as `line:column rule`. */
const EXPECTED: Record<string, string[]> = {
  "bad-name": ["4:5 name", "7:15 name"],
  cycle: ["9:7 cycle"],
  "cycle-without-start": ["7:5 no-root", "7:7 cycle"],
  "dangling-edge": ["10:15 edge-unknown-stage", "11:15 edge-unknown-stage"],
  "duplicate-edge": ["9:7 edge-duplicate"],
  "duplicate-key": ["6:5 yaml-syntax"],
  "missing-image": ["5:7 missing-key"],
  "named-like-pipeline": ["4:5 stage-named-like-pipeline"],
  "other-kind": ["2:7 resource-kind"],
  "self-edge": ["6:7 edge-self"],
  "several-defects": [
    "6:3 unknown-key",
    "9:7 several-roots",
    "10:16 type",
    "11:22 type",
    "12:43 type",
    "14:7 several-roots",
    "14:43 type",
    "17:9 cycle",
    "19:34 edge-unknown-stage",
    "20:26 duplicate-secret",
  ],
  "two-documents": ["5:1 one-document"],
  "two-roots": ["4:5 several-roots", "5:5 several-roots"],
  "unknown-key": ["6:7 unknown-key"],
};

const FILES = globSync(`${import.meta.dirname}/broken/*.yaml`);

test("there is an expectation for every broken definition", () => {
  expect(FILES.map((file) => basename(file, ".yaml")).sort()).toEqual(Object.keys(EXPECTED).sort());
});

test.for(FILES.map((file) => [basename(file, ".yaml"), file] as const))("%s", ([name, file]) => {
  expect(defects(readFileSync(file, "utf8"))).toEqual(EXPECTED[name]);
});

test("what is no YAML is told with every place where it is none, and nothing is guessed from the rest", () => {
  const text = `id: unclosed
graph:
  nodes:
    start: { image: start:1
    last: { image: last:1 }
  edges:
\t- { source: start, target: last }
`;
  expect(defects(text)).toEqual([
    "5:5 yaml-syntax",
    "6:9 yaml-syntax",
    "7:1 yaml-syntax",
    "7:2 yaml-syntax",
    "7:2 yaml-syntax",
  ]);
});
