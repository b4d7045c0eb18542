import fc from "fast-check";
import { expect, test } from "vitest";
import * as yaml from "yaml";
import { loadDefinition } from "../../../lib/definition/load.ts";
import { anyText } from "../any-text.ts";
import { definition, misfit, soup } from "./arbitrary-definitions.ts";
import { loaded } from "./loading.ts";

const stringify = (document: object): string => yaml.stringify(document, { aliasDuplicateObjects: false });

/** Loads a text without letting it throw, and checks that every defect stands somewhere in it. */
function check(text: string): void {
  const result = loadDefinition(text, "pipeline.yaml", () => true);
  const lines = text.split("\n");
  for (const { line, column, rule, message, hint } of result.ok ? [] : result.defects) {
    const length = lines[line - 1]?.length ?? -1;
    expect([rule, message, hint]).not.toContain("");
    expect(line).toBeGreaterThanOrEqual(1);
    expect(column).toBeGreaterThanOrEqual(1);
    expect(column).toBeLessThanOrEqual(length + 1);
  }
}

test("no text makes it throw, and every defect lies inside the text", () => {
  fc.assert(fc.property(fc.oneof(soup, anyText), check), { numRuns: 1000 });
});

test("no document does either, whatever its values are", () => {
  fc.assert(
    fc.property(misfit, fc.boolean(), (document, asYaml) =>
      check(asYaml ? stringify(document) : JSON.stringify(document, null, 2)),
    ),
    { numRuns: 400 },
  );
});

test("nor does a good definition that was damaged", () => {
  fc.assert(
    fc.property(definition, fc.nat(), fc.nat(30), soup, (good, at, length, damage) => {
      const text = stringify(good);
      const start = at % text.length;
      check(text.slice(0, start) + damage.slice(0, 20) + text.slice(start + length));
    }),
    { numRuns: 400 },
  );
});

test("every acyclic graph with an input for each root loads, as YAML and as JSON alike", () => {
  fc.assert(
    fc.property(definition, (good) => {
      const { pipeline } = loaded(stringify(good));
      expect(pipeline).toEqual({ ...good, secrets: [] });
      expect(loaded(JSON.stringify(good)).pipeline).toEqual(pipeline);
    }),
    { numRuns: 150 },
  );
});
