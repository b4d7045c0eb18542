import fc from "fast-check";
import { expect, test } from "vitest";
import { mediaType } from "../../../lib/archive/media-type.ts";
import { levelOf, matchesGlob } from "../../../lib/archive/pattern.ts";

test.for([
  ["a.csv", "*.csv", true],
  ["a.csv.gz", "*.csv", false],
  [".csv", "*.csv", true],
  ["acsv", "*.csv", false],
  ["a/b.csv", "*.csv", false],
  ["a/b.csv", "*/*.csv", true],
  ["a/b/c.csv", "*/*.csv", false],
  ["a/b/c.csv", "**.csv", true],
  ["a/b/c.csv", "a/**/c.csv", true],
  ["a/c.csv", "a/**/c.csv", false],
  ["page-1.txt", "page-?.txt", true],
  ["page-12.txt", "page-?.txt", false],
  ["page-😀.txt", "page-?.txt", true],
  ["page-.txt", "page-?.txt", false],
  ["a/b", "a?b", false],
  ["", "*", true],
  ["a", "", false],
  ["a+(b)[c]", "a+(b)[c]", true],
  ["line\nline.csv", "*.csv", true],
] as const)("%j against %j: %s", ([name, pattern, fits]) => {
  expect(matchesGlob(name, pattern)).toBe(fits);
});

test("every text fits itself, stars between its characters, and nothing that lacks one of them", () => {
  const plain = fc.string({ minLength: 1 }).filter((text) => !/[*?/]/.test(text) && text.isWellFormed());
  fc.assert(
    fc.property(plain, (text) => {
      expect(matchesGlob(text, text)).toBe(true);
      expect(matchesGlob(text, `*${[...text].join("*")}*`)).toBe(true);
      expect(matchesGlob([...text].slice(1).join(""), text)).toBe(false);
    }),
  );
});

test("the first patterns that fit give the level; without a slash the folder makes no difference", () => {
  const levels = [
    { level: "1", patterns: ["*.csv", "raw/*"] },
    { level: "2", patterns: ["*.json", "*"] },
  ];
  expect(
    ["a.csv", "deep/er/a.csv", "raw/a.json", "deep/raw/a.json", "a.bin"].map((name) => levelOf(name, levels)),
  ).toEqual(["1", "1", "1", "2", "2"]);
  expect(levelOf("a.bin", levels.slice(0, 1))).toBeUndefined();
});

test("a type is what the object was stored as, or else what its extension says", () => {
  expect(mediaType("a.csv", "application/x-special")).toBe("application/x-special");
  expect(mediaType("a.csv", "binary/octet-stream")).toBe("text/csv");
  expect(mediaType("A.FCS")).toBe("application/vnd.isac.fcs");
  expect(mediaType("a.constructor", "application/octet-stream")).toBe("application/octet-stream");
  expect(mediaType("csv")).toBe("application/octet-stream");
});
