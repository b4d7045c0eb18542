import fc from "fast-check";
import { expect, test } from "vitest";
import { messageJson, parseJson } from "../../../lib/token/json.ts";
import { anyText } from "../any-text.ts";

const nested = (depth: number): string => `${"[".repeat(depth)}${"]".repeat(depth)}`;

test("two hundred levels are enough for everybody, and one more is refused", () => {
  expect(() => parseJson(nested(200))).not.toThrow();
  expect(() => parseJson(nested(201))).toThrow(new SyntaxError("JSON nested deeper than 200 levels"));
  expect(() => parseJson(nested(4), 3)).toThrow(new SyntaxError("JSON nested deeper than 3 levels"));
});

test("200,000 levels are refused before anything walks them", () => {
  expect(() => parseJson('{"a":'.repeat(200_000))).toThrow(SyntaxError);
  expect(() => parseJson(nested(200_000))).toThrow(SyntaxError);
});

test.for(["", '"', "\\", '\\"', '""', '"\\'])("brackets in a text after %j do not count", (before) => {
  const value = { [`${before}${"[".repeat(300)}`]: `${before}${"{".repeat(300)}` };
  expect(parseJson(JSON.stringify(value))).toEqual(value);
});

test.for(["", '"', "\\", '\\"', '""', '"\\'])("brackets after the text %j do", (text) => {
  expect(() => parseJson(`[${JSON.stringify(text)},${nested(200)}]`)).toThrow("nested deeper");
});

test("levels one after the other do not add up", () => {
  expect(parseJson(`[${Array(1000).fill("[[]]").join(",")}]`)).toHaveLength(1000);
});

test.for([
  ['"\\ud800"', "alone"],
  ['"\\uDC00\\uD800"', "in the wrong order"],
  ['{"a":[{"b":"x\\udfff"}]}', "deep inside"],
  ['{"\\ud83d":1}', "in a key"],
  ['"\ud800"', "not escaped"],
] as const)("%s: half of a character, %s, is refused", ([text]) => {
  expect(() => parseJson(text)).toThrow(new SyntaxError("JSON with an unpaired surrogate in a string"));
});

test.for(['"\\ud83d\\ude00"', '"😀"', '"\\\\ud800"', '{"\\ud83d\\ude00":"\\ud83d\\ude00"}'])(
  "%s: whole characters pass",
  (text) => {
    expect(parseJson(text)).toEqual(JSON.parse(text));
  },
);

test.for([
  ["12345678901234567890", "12345678901234567000"],
  ["-9007199254740993", "-9007199254740992"],
  ['{"a":[{"b":9007199254740993}]}', "9007199254740992"],
  ["1000000000000000000000", "1e+21"],
  ["1e400", "Infinity"],
  ["-1.5E+999", "-Infinity"],
  ["1e-400", "0"],
] as const)("%s: a number that would be read as %s is refused", ([text, read]) => {
  expect(() => parseJson(text)).toThrow(`which would be read as ${read}: write it as a string`);
});

test.for([
  "9007199254740992",
  "-9007199254740991",
  "12345678901234567000",
  "1e+21",
  "1e-200",
  "1.7976931348623157e+308",
  "5e-324",
  "0.12345678901234568",
  "0.1000000000000000055511151231257827",
  "0e999",
  "-0",
  '"12345678901234567890"',
  '{"12345678901234567890":"1e400"}',
])("%s: a number that is kept, or none, passes", (text) => {
  expect(parseJson(text)).toEqual(JSON.parse(text));
});

test("whatever JSON.stringify wrote passes", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.double({ noDefaultInfinity: true, noNaN: true }), fc.maxSafeInteger()),
      (number) => {
        expect(parseJson(JSON.stringify(number))).toBe(number === 0 ? 0 : number);
      },
    ),
    { numRuns: 1000 },
  );
});

test("what is not JSON says so", () => {
  for (const text of ["", "{", "undefined", "{'a':1}", "[1,]", "NaN", "\ufeff{}"]) {
    expect(() => parseJson(text)).toThrow(SyntaxError);
  }
});

test("__proto__ is a key like any other, and reaches no prototype", () => {
  const value = parseJson('{"__proto__":{"polluted":true}}');
  expect(Object.keys(value as object)).toEqual(["__proto__"]);
  expect((value as { polluted?: boolean }).polluted).toBeUndefined();
});

test("a message's JSON has only characters that SQS allows, and says the same", () => {
  const notAllowed = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;
  fc.assert(
    fc.property(fc.dictionary(anyText, anyText), (value) => {
      const json = messageJson(value);
      expect(json).not.toMatch(notAllowed);
      expect(JSON.parse(json)).toEqual(value);
    }),
    { numRuns: 300 },
  );
  expect(messageJson("\ufffe\uffff\ufffd")).toBe('"\\ufffe\\uffff\ufffd"');
});
