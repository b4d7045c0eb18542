import { expect, test } from "vitest";
import { defects, loaded } from "./loading.ts";

/**
 * Definitions that somebody wrote to do harm. Each is refused, or loads, in a fraction of this time on an idle machine;
 * whatever is quadratic in the size of the text takes longer.
 */
const QUICK_MS = 5000;

/** Of this thread, whatever else the machine is doing. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

const KB = 1024;

const REFUSED: [what: string, text: string, expected: string][] = [
  ["an alias", "id: &x p\nname: *x\n", "2:7 yaml-limits"],
  ["an alias as a key", "id: &x p\n*x : 1\n", "2:1 yaml-limits"],
  ["an alias within a key", "id: &x p\n? [*x]\n: 1\n", "2:3 yaml-limits"],
  [
    "ten levels of nine aliases: three billion values in a few lines",
    `a: &a [x,x,x,x,x,x,x,x,x]\n${[..."bcdefghij"]
      .map((name, index) => `${name}: &${name} [${Array(9).fill(`*${"abcdefghi"[index]}`).join(",")}]`)
      .join("\n")}`,
    "2:8 yaml-limits",
  ],
  ["a merge of an alias", "base: &x { id: p }\n<<: *x\n", "2:5 yaml-limits"],
  ["52 lists within lists", `${"[".repeat(52)}x${"]".repeat(52)}`, "1:53 yaml-limits"],
  ["100,000 brackets", "[".repeat(100_000), "1:53 yaml-limits"],
  ["60,000 maps within maps", "{a: ".repeat(60_000), "1:206 yaml-limits"],
  ["100,000 lists in block style", "- ".repeat(100_000), "1:104 yaml-limits"],
  ["100,000 keys within keys", "? ".repeat(100_000), "1:104 yaml-limits"],
  ["30,000 anchors", "&a ".repeat(30_000), "1:4 yaml-syntax"],
  ["40,000 quotes", '"'.repeat(40_000), "1:3 yaml-syntax"],
  ["the prototype, set", "id: p\n__proto__: { polluted: true }\n", "2:1 reserved-key"],
  [
    "the prototype, deep inside",
    'id: p\nstages:\n  a: { "__proto__": { polluted: true }, image: i:1 }\n',
    "3:8 reserved-key",
  ],
  ["a stage named constructor", "id: p\nstages: { constructor: { image: i:1 } }\n", "2:11 reserved-key"],
  ["a stage named prototype", "id: p\nstages: { prototype: { image: i:1 } }\n", "2:11 reserved-key"],
  ["a text that cannot be one", "apiVersion: { toString: 1 }\nid: p\n", "1:1 unknown-key"],
  [
    "a secret that cannot be a text",
    "id: p\ninputs: { in: { to: a } }\nstages: { a: { image: i:1, secrets: [{ toString: 1 }] } }",
    "3:38 type",
  ],
  ["bytes", "%YAML 1.1\n---\nid: !!binary aGVsbG8=\n", "3:5 yaml-syntax"],
  ["a set", "id: p\nsecrets: !!set { a, b }\n", "2:10 yaml-syntax"],
  ["a type of its own", "id: !!js/function 'function () {}'\n", "1:5 yaml-syntax"],
  ["257 KB", `# ${"x".repeat(257 * KB)}`, "1:1 yaml-limits"],
];

test.for(REFUSED)("%s", ([, text, expected]) => {
  const start = cpuMs();
  expect(defects(text)).toContain(expected);
  expect(cpuMs() - start).toBeLessThan(QUICK_MS);
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
});

const numbered = (count: number, line: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => line(index)).join("\n");

const MANY: [what: string, text: string, defectCount: number][] = [
  [
    "5,000 stages in a chain",
    `id: p\ninputs: { in: { to: s0 } }\nstages:\n${numbered(5000, (index) => ` s${index}: {image: i}`)}\nedges:\n${numbered(4999, (index) => `- {from: s${index}, to: s${index + 1}}`)}`,
    0,
  ],
  [
    "2,000 stages in a circle",
    `id: p\ninputs: { in: { to: s0 } }\nstages:\n${numbered(2000, (index) => ` s${index}: {image: i}`)}\nedges:\n${numbered(2000, (index) => `- {from: s${index}, to: s${(index + 1) % 2000}}`)}`,
    1,
  ],
  [
    "8,000 stages without work or input",
    `id: p\ninputs: {}\nstages:\n${numbered(8_000, (index) => ` s${index}: {}`)}`,
    16_000,
  ],
  [
    "4,000 edges from nowhere to nowhere, beside 2,000 stages",
    `id: p\ninputs: {}\nstages:\n${numbered(2000, (index) => ` stage-${index}: {image: i}`)}\nedges:\n${numbered(4000, (index) => `- {from: x${index}abc, to: y${index}}`)}`,
    10_000,
  ],
  [
    "30,000 secrets",
    `id: p\ninputs: { in: { to: a } }\nstages: { a: { image: i } }\nsecrets: [${numbered(30_000, (index) => ` s${index},`)}]`,
    0,
  ],
];

test.for(MANY)("%s", ([, text, count]) => {
  const start = cpuMs();
  expect(defects(text)).toHaveLength(count);
  expect(cpuMs() - start).toBeLessThan(QUICK_MS);
});

test("fifty lists within lists are a matter of taste", () => {
  expect(defects(`${"[".repeat(50)}x${"]".repeat(50)}`)).toEqual(["1:1 type"]);
});

test("a merge key is a key like any other, even where YAML 1.1 is asked for", () => {
  const text = "%YAML 1.1\n---\nid: p\n<<: { name: merged }\ninputs: {}\nstages: {}\n";
  expect(defects(text)).toEqual(["4:1 unknown-key", "6:9 no-stages"]);
});

test("words that are booleans or numbers elsewhere are names here", () => {
  const { pipeline } = loaded(
    "id: no\ninputs: { on: { to: y } }\nstages: { y: { image: i:1 }, 'true': { image: i:1 } }\nedges: [{ from: y, to: 'true' }]",
  );
  expect(pipeline.id).toBe("no");
  expect(Object.keys(pipeline.stages)).toEqual(["y", "true"]);
});
