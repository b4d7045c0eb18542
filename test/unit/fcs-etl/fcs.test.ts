import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { FcsError, readFcs, TruncatedError } from "../../../pipelines/fcs-etl/fcs.ts";
import { csvOf, summaryOf } from "../../../pipelines/fcs-etl/table.ts";

/** Of a real cytometer; the file in the package is cut short. */
const ARIA = readFileSync(join(import.meta.dirname, "../../../node_modules/fcs/test/testdata/AriaFile1.fcs"));

test("the file is the one that the figures below were taken from", () => {
  expect([ARIA.length, createHash("sha256").update(ARIA).digest("hex")]).toEqual([
    293_161,
    "2bb4997f79f959b8926730b299bc4d04017a8578e4bb5d6ef10b5bce0a85d619",
  ]);
});

test("a file that was cut short is refused, with what it declares and what it holds", () => {
  let thrown: unknown;
  try {
    readFcs(ARIA);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(TruncatedError);
  expect(thrown).toMatchObject({
    declared: 10_000,
    present: 6052,
    message: "the file declares 10000 events and holds 6052",
  });
});

test("read leniently it gives the events that are there", () => {
  const measurements = readFcs(ARIA, { lenient: true });
  expect(summaryOf(measurements)).toEqual({
    cytometer: "FACSAriaII",
    declared: 10_000,
    present: 6052,
    // Computed by another implementation.
    means: {
      "FSC-A": 33_147.445,
      "FSC-H": 32_540.589,
      "SSC-A": 2195.637,
      "R780-A": 3450.764,
      "B515-A": 62.906,
      "V450-A": 54.94,
      "V545-A": 108.153,
      "G560-A": 10_566.238,
      "G610-A": 4252.608,
      "G660-A": 7808.272,
      "G710-A": 85_371.23,
      Time: 758.099,
    },
  });
  const lines = csvOf(measurements).split("\n");
  expect(lines).toHaveLength(6052 + 2);
  expect(lines[0]).toBe("FSC-A,FSC-H,SSC-A,R780-A,B515-A,V450-A,V545-A,G560-A,G610-A,G660-A,G710-A,Time");
  expect(new Set(lines.slice(0, -1).map((line) => line.split(",").length))).toEqual(new Set([12]));
});

interface Making {
  readonly type?: "F" | "D" | "I";
  readonly order?: string;
  readonly names?: readonly string[];
  readonly rows?: readonly (readonly number[])[];
  readonly more?: Readonly<Record<string, string>>;
  readonly delimiter?: string;
  /** The header leaves the data's offsets to the text, as it has to for large files. */
  readonly offsetsInText?: boolean;
}

/** A file as an instrument would write it. */
function fcsFile({
  type = "F",
  order = "1,2,3,4",
  names = ["A", "B"],
  rows = [],
  more = {},
  delimiter = "|",
  offsetsInText = false,
}: Making): Buffer {
  const size = type === "D" ? 8 : 4;
  const begin = 2000;
  const pairs: Record<string, string> = {
    $BEGINDATA: String(begin),
    $MODE: "L",
    $DATATYPE: type,
    $BYTEORD: order,
    $TOT: String(rows.length),
    $PAR: String(names.length),
    ...Object.fromEntries(names.map((name, index) => [`$P${index + 1}N`, name])),
    ...more,
  };
  const escaped = (text: string): string => text.replaceAll(delimiter, delimiter + delimiter);
  const text = `${delimiter}${Object.entries(pairs).flat().map(escaped).join(delimiter)}${delimiter}`;
  const data = Buffer.alloc(rows.length * names.length * size);
  rows.flat().forEach((value, index) => {
    const write = `write${type === "D" ? "Double" : "Float"}${order === "1,2,3,4" ? "LE" : "BE"}` as const;
    data[write](value, index * size);
  });
  const right = (value: number): string => String(value).padStart(8);
  const offsets = offsetsInText ? [0, 0] : [begin, begin + data.length - 1];
  const header = `FCS3.1    ${[256, 256 + text.length - 1, ...offsets, 0, 0].map(right).join("")}`;
  return Buffer.concat([Buffer.from(header.padEnd(256) + text.padEnd(begin - 256), "latin1"), data]);
}

test("whatever was written is read, in every form of number", () => {
  const forms = fc.constantFrom(
    { type: "F", order: "1,2,3,4" },
    { type: "F", order: "4,3,2,1" },
    { type: "D", order: "1,2,3,4" },
    { type: "D", order: "4,3,2,1" },
  );
  const table = fc
    .integer({ min: 1, max: 6 })
    .chain((width) =>
      fc
        .array(fc.array(fc.float({ noNaN: true }), { minLength: width, maxLength: width }), { maxLength: 20 })
        .map((rows) => ({ width, rows })),
    );
  fc.assert(
    fc.property(
      forms,
      table,
      fc.constantFrom("|", "/", "\f", "!"),
      fc.boolean(),
      (form, { width, rows }, delimiter, offsetsInText) => {
        const names = Array.from({ length: width }, (_, index) => `P${delimiter}${index}-A`);
        const read = readFcs(fcsFile({ ...form, names, rows, delimiter, offsetsInText } as Making));
        expect(read).toMatchObject({ parameters: names, declared: rows.length, present: rows.length });
        expect([...read.values]).toEqual(rows.flat());
      },
    ),
  );
});

test("events beyond those that the file declares are not taken", () => {
  const file = fcsFile({
    rows: [
      [1, 2],
      [3, 4],
    ],
    more: { $TOT: "1" },
  });
  expect([...readFcs(file).values]).toEqual([1, 2]);
});

test.for([
  [
    "an older version",
    Buffer.from("FCS2.0          58".padEnd(300)),
    '"FCS2.0" is no version of FCS that is read',
  ],
  ["nothing", Buffer.alloc(0), '"" is no version of FCS that is read'],
  ["a header alone", Buffer.from("FCS3.0    "), 'the header has "" where an offset should be'],
  [
    "integers",
    fcsFile({ type: "I" }),
    "$DATATYPE I in the order 1,2,3,4 is not read; F and D are, in the orders 1,2,3,4 and 4,3,2,1",
  ],
  ["histograms", fcsFile({ more: { $MODE: "C" } }), "$MODE is C; only lists (L) are read"],
  ["no count", fcsFile({ more: { $TOT: "many" } }), '$TOT is "many", and should be a number'],
  ["a parameter without a name", fcsFile({ more: { $PAR: "3" } }), "the file says nothing of $P3N"],
  ["no parameters", fcsFile({ names: [] }), "$PAR says that nothing was measured"],
] as const)("%s: refused by name", ([, file, message]) => {
  expect(() => readFcs(file, { lenient: true })).toThrow(new FcsError(message));
});

test("any bytes are read or refused, and nothing else happens", () => {
  fc.assert(
    fc.property(fc.nat(293_160), fc.uint8Array({ minLength: 1, maxLength: 40 }), (at, noise) => {
      const file = Buffer.from(ARIA);
      file.set(noise.subarray(0, file.length - at), at % 2700);
      try {
        expect(readFcs(file, { lenient: true }).present).toBeLessThanOrEqual(24_431);
      } catch (error) {
        expect(error).toBeInstanceOf(FcsError);
      }
    }),
    { numRuns: 60 },
  );
});

test("a name that would break the table's first line is quoted", () => {
  const measurements = readFcs(fcsFile({ names: ['a,"b"', "c"], rows: [[1, 2.5]] }));
  expect(csvOf(measurements)).toBe('"a,""b""",c\n1,2.5\n');
});
