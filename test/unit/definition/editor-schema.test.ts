import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import * as z from "zod";
import { hasCurrentTables, isCurrent, README_FILE, SCHEMA_FILE } from "../../../infra/schema.ts";
import { temporaryFolder } from "../../temporary-folder.ts";
import { definition } from "./arbitrary-definitions.ts";

const editorSchema = z.fromJSONSchema(JSON.parse(readFileSync(SCHEMA_FILE, "utf8")));

const accepts = (document: unknown): boolean => editorSchema.safeParse(document).success;

test("the file is what the schemas in lib/definition say", () => {
  expect(isCurrent(SCHEMA_FILE)).toBe(true);
});

test("the README's tables are what the schemas say", () => {
  expect(hasCurrentTables(README_FILE)).toBe(true);
  const file = join(temporaryFolder(), "README.md");
  writeFileSync(file, readFileSync(README_FILE, "utf8").replace("| `pullSecret` |", "| `pullSecrets` |"));
  expect(hasCurrentTables(file)).toBe(false);
});

test("a file that was changed by hand is found out", () => {
  const file = join(temporaryFolder(), "pipeline.schema.json");
  writeFileSync(file, readFileSync(SCHEMA_FILE, "utf8").replace('"maximum": 100,', '"maximum": 1000,'));
  expect(isCurrent(file)).toBe(false);
});

test("an editor accepts whatever loads", () => {
  fc.assert(
    fc.property(definition, (good) => {
      expect(accepts(good)).toBe(true);
    }),
    { numRuns: 100 },
  );
});

const GOOD = { id: "p", inputs: { in: { to: "a" } }, stages: { a: { image: "i:1" } } };

test.for([
  ["an unknown key", { ...GOOD, paralellism: 1 }],
  ["an unknown key of a stage", { ...GOOD, stages: { a: { image: "i:1", paralellism: 1 } } }],
  ["a stage's name", { ...GOOD, stages: { Start_1: { image: "i:1" } } }],
  ["a stage's name of 64 characters", { ...GOOD, stages: { ["a".repeat(64)]: { image: "i:1" } } }],
  ["an input's name", { ...GOOD, inputs: { In: { to: "a" } } }],
  ["a missing id", { inputs: {}, stages: {} }],
  ["a variable's name", { ...GOOD, stages: { a: { image: "i:1", env: { "A-B": "x" } } } }],
  ["a duration", { ...GOOD, stages: { a: { image: "i:1", timeout: "30" } } }],
] as const)("an editor marks %s", ([, document]) => {
  expect(accepts(GOOD)).toBe(true);
  expect(accepts(document)).toBe(false);
});
