import { expect, test } from "vitest";
import * as z from "zod";
import { checkOutput, type Routing } from "../../../lib/stage/outputs.ts";

const COPY: Routing = {
  fanout: "copy",
  edges: [
    { id: "a_b", to: "b" },
    { id: "a_c", to: "c" },
  ],
};
const ROUTE: Routing = { ...COPY, fanout: "route" };
const OBJECT = { key: "out/page.txt", size: 3, etag: '"e"' };

const refused = (output: unknown, routing = COPY, schema?: z.ZodType): Promise<unknown> =>
  checkOutput(output, schema, routing).then(
    () => "accepted",
    ({ reason, message }: { reason: string; message: string }) => `${reason}: ${message}`,
  );

test("an output is data, objects, both, or nothing at all", async () => {
  expect(await checkOutput({ data: { page: 1 }, objects: [OBJECT] }, undefined, COPY)).toEqual({
    data: { page: 1 },
    objects: [OBJECT],
  });
  expect(await checkOutput({ data: null }, undefined, COPY)).toEqual({ data: null, objects: [] });
  expect(await checkOutput({ objects: [OBJECT] }, undefined, COPY)).toEqual({ objects: [OBJECT] });
  expect(await checkOutput({}, undefined, COPY)).toEqual({ objects: [] });
  expect(await checkOutput({ data: undefined, to: undefined }, undefined, COPY)).toEqual({ objects: [] });
});

test("data is what JSON makes of it", async () => {
  const data = {
    at: new Date(0),
    none: undefined,
    number: Number.NaN,
    list: [undefined],
    map: new Map([[1, 2]]),
  };
  expect(await checkOutput({ data }, undefined, COPY)).toEqual({
    data: { at: "1970-01-01T00:00:00.000Z", number: null, list: [null], map: {} },
    objects: [],
  });
});

const cyclic: Record<string, unknown> = { name: "cyclic" };
cyclic["self"] = cyclic;
const deep = JSON.parse(`${"[".repeat(191)}${"]".repeat(191)}`);

test.for([
  ["a function", () => 1, "output-invalid: an output's data is not JSON: function"],
  ["a symbol", Symbol("s"), "output-invalid: an output's data is not JSON: symbol"],
  ["a BigInt", 10n, "output-invalid: an output's data is not JSON: Do not know how to serialize a BigInt"],
  [
    "a BigInt inside",
    { n: [10n] },
    "output-invalid: an output's data is not JSON: Do not know how to serialize a BigInt",
  ],
  ["a cycle", cyclic, "output-invalid: an output's data is not JSON: Converting circular structure to JSON"],
  [
    "half of a character",
    "\ud800",
    "output-invalid: an output's data is not JSON: JSON with an unpaired surrogate",
  ],
  ["191 levels", deep, "output-invalid: an output's data is not JSON: JSON nested deeper than 190 levels"],
] as const)("data that is %s is refused", async ([, data, expected]) => {
  expect(await refused({ data })).toContain(expected);
});

test("data of 190 levels passes, and still does with an envelope around it", async () => {
  const [data] = deep as unknown[];
  await expect(checkOutput({ data }, undefined, COPY)).resolves.toEqual({ data, objects: [] });
});

test.for([
  ["a text", "text", '"text"'],
  ["a number", 7, "7"],
  ["nothing", undefined, "undefined"],
  ["null", null, "null"],
  ["a list", [{ data: 1 }], '[{"data":1}]'],
  ["a promise", Promise.resolve({ data: 1 }), "[object Promise]"],
  ["a generator", (function* () {})(), "[object Generator]"],
  ["a Map", new Map([["data", 1]]), "[object Map]"],
  ["an error", new Error("returned, not thrown"), "[object Error]"],
] as const)("%s is no output", async ([, output, shown]) => {
  expect(await refused(output)).toBe(`output-invalid: an output is { data?, objects?, to? }, got ${shown}`);
});

test("an object without a prototype is an output like any other", async () => {
  const output = Object.assign(Object.create(null), { data: 1 });
  expect(await checkOutput(output, undefined, COPY)).toEqual({ data: 1, objects: [] });
});

test("a key that outputs do not have is named", async () => {
  expect(await refused({ barcode: "A1", data: 1 })).toBe(
    'output-invalid: an output has the unknown key "barcode": put what is yours under "data"',
  );
});

test("objects are those that were read or written here", async () => {
  expect(await refused({ objects: [OBJECT, { key: "k" }] })).toBe(
    'output-invalid: an output\'s object is not one that was read or written here: {"key":"k"}',
  );
  expect(await refused({ objects: [{ ...OBJECT, extra: 1 }] })).toContain("is not one that was read");
  expect(await refused({ objects: OBJECT })).toContain("an output's objects are a list, got {");
  expect(await refused({ objects: null })).toBe("output-invalid: an output's objects are a list, got null");
});

test("a stage that copies its outputs does not say where they go", async () => {
  expect(await refused({ to: "b" })).toBe(
    'output-invalid: an output says to: "b", but the stage copies its outputs to every edge (fanout: copy)',
  );
});

test("a stage that routes says where each output goes: to one stage, to several, or to none", async () => {
  expect(await checkOutput({ data: 1, to: "c" }, undefined, ROUTE)).toEqual({
    data: 1,
    objects: [],
    to: ["a_c"],
  });
  expect(await checkOutput({ to: ["c", "b"] }, undefined, ROUTE)).toEqual({
    objects: [],
    to: ["a_c", "a_b"],
  });
  expect(await checkOutput({ to: [] }, undefined, ROUTE)).toEqual({ objects: [], to: [] });
});

test("a stage that is named twice receives the output once", async () => {
  expect(await checkOutput({ to: ["b", "b"] }, undefined, ROUTE)).toEqual({ objects: [], to: ["a_b"] });
});

test("a stage that routes to nowhere is told where it could", async () => {
  expect(await refused({ data: 1 }, ROUTE)).toBe(
    'output-invalid: an output does not say where it goes: set "to" to one of b, c',
  );
  expect(await refused({ to: "d" }, ROUTE)).toBe(
    'output-invalid: an output goes to "d", but the stage\'s edges lead to b, c',
  );
  expect(await refused({ to: ["b", 7] }, ROUTE)).toContain("an output goes to 7,");
});

test("every place where the schema is not met is named", async () => {
  const schema = z.object({ page: z.number(), words: z.array(z.string()) });
  expect(await refused({ data: { page: "1", words: ["a", 2] } }, COPY, schema)).toBe(
    "output-invalid: page: Invalid input: expected number, received string; words.1: Invalid input: expected string, received number",
  );
  expect(await refused({}, COPY, schema)).toBe(
    "output-invalid: data: Invalid input: expected object, received undefined",
  );
});

test("what the schema makes of the data is what goes on", async () => {
  const schema = z.object({ page: z.coerce.number(), kind: z.string().default("scan") });
  expect(await checkOutput({ data: { page: "7", more: 1 } }, schema, COPY)).toEqual({
    data: { page: 7, kind: "scan" },
    objects: [],
  });
});

test("a schema of another library than zod, that takes its time", async () => {
  const schema = {
    "~standard": {
      version: 1 as const,
      validate: async (value: unknown) =>
        value === 1 ? { value: "one" } : { issues: [{ message: "not one", path: [{ key: "deep" }, 0] }] },
    },
  };
  expect(await checkOutput({ data: 1 }, schema, COPY)).toEqual({ data: "one", objects: [] });
  await expect(checkOutput({ data: 2 }, schema, COPY)).rejects.toThrow("deep.0: not one");
});

test("what is refused is shown, but not at length", async () => {
  expect(((await refused({ objects: "x".repeat(10_000) })) as string).length).toBeLessThan(200);
});
