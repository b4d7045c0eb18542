import { expect, test } from "vitest";
import { loadDefinition } from "../../../lib/definition/load.ts";

/** What is said about the shape of a document, before any rule looks at its meaning. */
const CASES: [what: string, text: string, expected: string][] = [
  ["nothing", "", "1:1 yaml-syntax: the file is empty (begin with `id:` and `stages:`)"],
  ["only a comment", "# later\n", "1:1 yaml-syntax: the file is empty (begin with `id:` and `stages:`)"],
  ["a text", "hello", '1:1 type: "the definition" is "hello" (text) (it must be: a map)'],
  ["null", "~", '1:1 type: "the definition" is empty (it must be: a map)'],
  ["a list", "- id: p", '1:1 type: "the definition" is a list (it must be: a map)'],
  [
    "a number as id",
    "id: 7\ninputs: {}\nstages: { a: { image: i:1 } }",
    '1:5 type: "id" is 7 (a number) (it must be: text)',
  ],
  [
    "an id in capitals",
    "id: Pipeline\ninputs: {}\nstages: {}",
    '1:5 name: "id" is "Pipeline" (lower case letters, digits and \'-\', beginning and ending with a letter or digit)',
  ],
  [
    "a stage without content",
    "id: p\ninputs: { in: { to: a } }\nstages:\n  a:\n",
    '4:5 type: "a" is empty (it must be: a map)',
  ],
  [
    "a key nearly right",
    "id: p\ninput: {}\nstages: {}",
    '2:1 unknown-key: unknown key "input" (did you mean "inputs"?)',
  ],
  [
    "a key deep inside, nearly right",
    "id: p\ninputs: { in: { to: a, s3: { prefix: in/, sufix: .gz } } }\nstages: { a: { image: i:1 } }",
    '2:43 unknown-key: unknown key "sufix" (did you mean "suffix"?)',
  ],
  [
    "a key like none",
    "id: p\ninputs: { in: { to: a } }\nstages: { a: { image: i:1 } }\nedges: [{ from: a, to: a, gateway: 1 }]",
    '4:27 unknown-key: unknown key "gateway" (allowed: from, to, maxAttempts, retired)',
  ],
  [
    "a duration without unit",
    "id: p\ninputs: { in: { to: a } }\nstages: { a: { image: i:1, timeout: '30' } }",
    '3:37 value: "timeout" is "30" (a number with a unit: 30s, 2m, 1.5h, 1d)',
  ],
  [
    "no time at all",
    "id: p\ninputs: { in: { to: a } }\nstages: { a: { image: i:1, timeout: 0.5s } }",
    '3:37 value: "timeout" is "0.5s" (at least 1s)',
  ],
  [
    "a size in a unit that is none",
    "id: p\ninputs: { in: { to: a } }\nstages: { a: { image: i:1, memory: 8GB } }",
    '3:36 value: "memory" is "8GB" (MiB as a number, or 512Mi, 8Gi)',
  ],
  [
    "no room at all",
    "id: p\ninputs: { in: { to: a } }\nstages: { a: { image: i:1, memory: 0.5Mi } }",
    '3:36 value: "memory" is "0.5Mi" (at least 1Mi)',
  ],
  [
    "a time that no clock holds",
    "id: p\ninputs: { in: { to: a } }\nstages: { a: { image: i:1, timeout: 99999d } }",
    '3:37 value: "timeout" is "99999d" (at most 2147483647s)',
  ],
  [
    "a choice that is none",
    "id: p\ninputs: { in: { to: a } }\nstages: { a: { image: i:1, fanout: all } }",
    '3:36 value: "fanout" is "all" (it must be: "copy" or "route")',
  ],
  [
    "too few",
    "id: p\ninputs: { in: { to: a } }\nstages: { a: { image: i:1, concurrency: 0 } }",
    '3:41 value: "concurrency" is 0 (at least 1)',
  ],
  [
    "too many",
    "id: p\ninputs: { in: { to: a, maxAttempts: 101 } }\nstages: { a: { image: i:1 } }",
    '2:37 value: "maxAttempts" is 101 (at most 100)',
  ],
  [
    "too short",
    "id: p\ninputs: { in: { to: a } }\nstages: { a: { command: [] } }",
    '3:25 value: "command" is [] (at least 1 entry)',
  ],
  [
    "a part of a number",
    "id: p\ninputs: { in: { to: a } }\nstages: { a: { image: i:1, concurrency: 1.5 } }",
    '3:41 type: "concurrency" is 1.5 (a number) (it must be: a whole number)',
  ],
  [
    "what a stage lacks, and an entry of a list",
    "id: p\ninputs: { in: {} }\nstages: { a: { image: i:1 } }\nedges: [{ from: a }]",
    '4:9 missing-key: "to" is missing in entry 1 of "edges" (add "to" (text))',
  ],
  [
    "a variable's name that is none",
    "id: p\ninputs: { in: { to: a } }\nstages: { a: { image: i:1, env: { A-B: x } } }",
    "3:35 value: \"A-B\" cannot be a key here (letters, digits and '_', not beginning with a digit)",
  ],
  [
    "a handler outside of the folder",
    "id: p\ninputs: { in: { to: a } }\nstages: { a: { handler: /etc/a.ts } }",
    '3:25 value: "handler" is "/etc/a.ts" (a TypeScript file beside the definition, as ./stages/NAME.ts)',
  ],
];

test.for(CASES)("%s", ([, text, expected]) => {
  const result = loadDefinition(text, "p.yaml", () => true);
  const told = result.ok
    ? []
    : result.defects.map(
        ({ line, column, rule, message, hint }) => `${line}:${column} ${rule}: ${message} (${hint})`,
      );
  expect(told).toContain(expected);
});

test("a definition has one file, one place for each defect, and all of them in the order of the text", () => {
  const result = loadDefinition("id: 7\nstages: 8\nname: 9\n", "folder/p.yaml", () => true);
  expect(result.ok ? [] : result.defects.map(({ file, line }) => [file, line])).toEqual([
    ["folder/p.yaml", 1],
    ["folder/p.yaml", 1],
    ["folder/p.yaml", 2],
    ["folder/p.yaml", 3],
  ]);
});
