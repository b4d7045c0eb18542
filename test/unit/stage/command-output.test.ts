import { expect, test } from "vitest";
import { shell } from "./shell.ts";
import { ATTEMPT, failureIn, outputsOf, surroundings } from "./trying.ts";

const write = (text: string, file = "kdp_output.json"): string => `cat > ${file} <<'END'\n${text}\nEND\n`;

test.for([
  ["a value", write('{"page":1}'), [{ page: 1 }]],
  ["a value in several lines", write('{\n"page":\n1}'), [{ page: 1 }]],
  ["null", write("null"), [null]],
  ["a list: one output, not several", write("[1,2]"), [[1, 2]]],
  ["no lines", "touch kdp_output.jsonl", []],
  ["only empty lines", write("\n\n", "kdp_output.jsonl"), []],
  ["three lines", write('{"page":1}\n"two"\n\n3', "kdp_output.jsonl"), [{ page: 1 }, "two", 3]],
  ["lines that end as on Windows", "printf '1\\r\\n2\\r\\n' > kdp_output.jsonl", [1, 2]],
  ["a byte order mark", "printf '\\357\\273\\277{\"page\":1}' > kdp_output.json", [{ page: 1 }]],
  ["both files: the one counts", `${write("1")}${write("2\n3", "kdp_output.jsonl")}`, [1]],
] as [string, string, unknown[]][])("%s", async ([, script, expected]) => {
  expect((await outputsOf(shell(script))).map(({ data }) => data)).toEqual(expected);
});

test.for([
  ["no file", "true", "output-missing: the command wrote neither kdp_output.json nor kdp_output.jsonl"],
  ["a file of another name", write("1", "output.json"), "output-missing: the command wrote neither"],
  ["an empty file", "touch kdp_output.json", "output-invalid: kdp_output.json is not JSON: "],
  ["half a value", write('{"page":'), "output-invalid: kdp_output.json is not JSON: "],
  ["two values", write("1\n2"), "output-invalid: kdp_output.json is not JSON: "],
  [
    "a line that is no JSON",
    write("1\n\nthree", "kdp_output.jsonl"),
    "output-invalid: kdp_output.jsonl, line 3, is not JSON: ",
  ],
  [
    "bytes that are no UTF-8",
    "printf '\"\\377\"' > kdp_output.json",
    "output-invalid: the output is not valid UTF-8",
  ],
  [
    "half of a character",
    write('"\\ud800"'),
    "output-invalid: kdp_output.json is not JSON: JSON with an unpaired surrogate",
  ],
  [
    "201 levels",
    write(`${"[".repeat(201)}${"]".repeat(201)}`),
    "output-invalid: kdp_output.json is not JSON: JSON nested deeper than 200 levels",
  ],
  [
    "more than 64 MiB",
    "head -c 67108865 /dev/zero > kdp_output.json",
    "output-invalid: the output has 67108865 bytes, at most 67108864 are read",
  ],
] as const)("%s is a failure", async ([, script, expected]) => {
  const { failure } = await failureIn(shell(script)(ATTEMPT, surroundings()));
  expect(`${failure.reason}: ${failure.message}`).toContain(expected);
});
