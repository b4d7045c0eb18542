import { expect, test } from "vitest";
import { loadDefinition } from "../../../lib/definition/load.ts";
import { RULES } from "../../../lib/definition/rules.ts";
import { defects } from "./loading.ts";

interface Case {
  readonly rule: string;
  readonly text: string;
  /** Everything that is reported, in order: `line:column rule: message`. */
  readonly expected: readonly string[];
}

/** A definition of the stages `a` and `b`, with an input to `a` and lines of one's own. */
const withStages = (a: string, b = "{ image: i:1 }", rest = ""): string => `id: p
inputs: { in: { to: a } }
stages:
  a: ${a}
  b: ${b}
edges: [{ from: a, to: b }]
${rest}`;

const CASES: readonly Case[] = [
  {
    rule: "name",
    text: "id: p\ninputs: { In: { to: a } }\nstages: { a: { image: i:1 } }",
    expected: ['2:11 name: "In" is not a valid name'],
  },
  {
    rule: "edge-unknown-stage",
    text: "id: p\ninputs: { in: { to: a } }\nstages: { a: { image: i:1 } }\nedges: [{ from: b, to: a }]",
    expected: ['4:17 edge-unknown-stage: the edge comes from "b", which is not a stage'],
  },
  {
    rule: "edge-self",
    text: withStages("{ image: i:1 }", undefined, "").replace("[{", "[{ from: b, to: b }, {"),
    expected: ['6:9 edge-self: the edge leads from "b" to itself'],
  },
  {
    rule: "edge-duplicate",
    text: withStages("{ image: i:1 }").replace("[{", "[{ from: a, to: b }, {"),
    expected: ['6:29 edge-duplicate: the edge from "a" to "b" is there already'],
  },
  {
    rule: "cycle",
    text: withStages("{ image: i:1 }").replace("[{", "[{ from: b, to: a }, {"),
    expected: ['6:9 cycle: the stages "a", "b" form a cycle'],
  },
  {
    rule: "no-stages",
    text: "id: p\ninputs: {}\nstages: {}",
    expected: ["3:9 no-stages: the pipeline has no stage"],
  },
  {
    rule: "no-root",
    text: `id: p
graph:
  nodes: { a: { image: i:1 }, b: { image: i:1 } }
  edges: [{ source: a, target: b }, { source: b, target: a }]`,
    expected: [
      "4:10 no-root: every stage is the target of an edge, so nothing can enter",
      '4:11 cycle: the stages "a", "b" form a cycle',
    ],
  },
  {
    rule: "several-roots",
    text: "id: p\ngraph:\n  nodes: { a: { image: i:1 }, b: { image: i:1 } }",
    expected: [
      '3:12 several-roots: "a" is one of 2 stages that no edge leads to',
      '3:31 several-roots: "b" is one of 2 stages that no edge leads to',
    ],
  },
  {
    rule: "root-without-input",
    text: "id: p\ninputs: { in: { to: a } }\nstages: { a: { image: i:1 }, b: { image: i:1 } }",
    expected: ['3:30 root-without-input: nothing leads to the stage "b"'],
  },
  {
    rule: "unreachable-stage",
    text: `id: p
inputs: { in: { to: a } }
stages: { a: { image: i:1 }, b: { image: i:1 }, c: { image: i:1 } }
edges: [{ from: b, to: c }, { from: c, to: b }]`,
    expected: [
      '3:30 unreachable-stage: no token can reach the stage "b"',
      '3:49 unreachable-stage: no token can reach the stage "c"',
      '4:9 cycle: the stages "b", "c" form a cycle',
    ],
  },
  {
    rule: "input-unknown-stage",
    text: "id: p\ninputs: { in: { to: a }, other: { to: nowhere } }\nstages: { a: { image: i:1 } }",
    expected: ['2:39 input-unknown-stage: the input leads to "nowhere", which is not a stage'],
  },
  {
    rule: "stage-named-like-pipeline",
    text: "id: a\ninputs: { in: { to: a } }\nstages: { a: { image: i:1 } }",
    expected: ['3:11 stage-named-like-pipeline: the stage "a" has the pipeline\'s name'],
  },
  {
    rule: "stage-kind",
    text: withStages("{ timeout: 1m }", "{ handler: ./b.ts, command: [b] }"),
    expected: [
      '4:3 stage-kind: the stage "a" says neither handler nor command nor image nor external',
      '5:3 stage-kind: the stage "b" says handler and command',
    ],
  },
  {
    rule: "stage-kind",
    text: withStages("{ handler: ./a.ts, image: i:1 }", "{ handler: ./b.ts, command: [b], image: i:1 }"),
    expected: [
      '4:3 stage-kind: the stage "a" says handler and image',
      '5:3 stage-kind: the stage "b" says handler and command and image',
    ],
  },
  {
    rule: "stage-kind",
    text: withStages("{ image: i:1, external: true }", "{ command: [b], external: true }"),
    expected: [
      '4:3 stage-kind: the stage "a" says image and external',
      '5:3 stage-kind: the stage "b" says command and external',
    ],
  },
  {
    rule: "field-of-other-kind",
    text: withStages("{ external: true, memory: 512 }", "{ command: [b], statuses: { DONE: finish } }"),
    expected: [
      '4:24 field-of-other-kind: "memory" means nothing for a stage with external',
      '5:22 field-of-other-kind: "statuses" means nothing for a stage with command',
    ],
  },
  {
    rule: "external-timeout",
    text: withStages("{ external: true, timeout: 73h }", "{ external: true, timeout: 72h }"),
    expected: ['4:33 external-timeout: the timeout of the external stage "a" is 73h'],
  },
  {
    rule: "field-of-other-kind",
    text: withStages("{ handler: ./a.ts, acceptExitCodes: [1] }", "{ command: [b], pullSecret: s }"),
    expected: [
      '4:25 field-of-other-kind: "acceptExitCodes" means nothing for a stage with handler',
      '5:22 field-of-other-kind: "pullSecret" means nothing for a stage with command',
    ],
  },
  {
    rule: "handler-file",
    text: withStages("{ handler: ./missing.ts }", "{ handler: ./../../etc/b.ts }"),
    expected: [
      "4:17 handler-file: there is no file ./missing.ts",
      "5:17 handler-file: there is no file ./../../etc/b.ts",
    ],
  },
  {
    rule: "command-file",
    text: withStages(
      "{ command: [python3, $MILLRACE_STAGE_DIRECTORY/missing.py, $MILLRACE_STAGE_DIRECTORY/there.py, ./other.py] }",
      "{ command: [$MILLRACE_STAGE_DIRECTORY/../b.py] }",
    ),
    expected: [
      "4:27 command-file: there is no file missing.py",
      "5:18 command-file: there is no file ../b.py",
    ],
  },
  {
    rule: "light-timeout",
    text: withStages("{ handler: ./a.ts, timeout: 886s }", "{ image: i:1, timeout: 30h }"),
    expected: ['4:34 light-timeout: the timeout of the light stage "a" is 886s'],
  },
  {
    rule: "light-memory",
    text: withStages("{ handler: ./a.ts, memory: 127 }", "{ command: [b], memory: 11Gi }"),
    expected: [
      '4:33 light-memory: the memory of the light stage "a" is 127 MiB',
      '5:30 light-memory: the memory of the light stage "b" is 11264 MiB',
    ],
  },
  {
    rule: "light-concurrency",
    text: withStages("{ handler: ./a.ts, concurrency: 1 }", "{ image: i:1, concurrency: 1 }"),
    expected: ['4:38 light-concurrency: the concurrency of the light stage "a" is 1'],
  },
  {
    rule: "command-routes",
    text: withStages("{ command: [cat], fanout: route }"),
    expected: ['4:32 command-routes: the command "a" is to route'],
  },
  {
    rule: "command-routes",
    text: withStages("{ image: i:1, fanout: route }"),
    expected: ['4:28 command-routes: the image "a" is to route'],
  },
  {
    rule: "pod-patch",
    text: withStages(
      "{ image: i:1, podPatch: [{ op: add, path: /nodeSelector, value: { pool: gpu } }, { op: ad, path: / }] }",
      '{ image: i:1, podPatch: \'[{"op":"add","path":"/hostNetwork","value":true}]\' }',
    ),
    expected: [
      '4:87 pod-patch: the podPatch of "a": op: one of add, replace, test, remove, move, copy',
      '5:30 pod-patch: the podPatch of "b": hostNetwork is not allowed (host-namespaces), unless the operator allows it: MILLRACE_POD_ALLOW=host-namespaces',
    ],
  },
  {
    rule: "route-without-edges",
    text: withStages("{ handler: ./a.ts, fanout: route }", "{ handler: ./b.ts, fanout: route }"),
    expected: ['5:33 route-without-edges: the stage "b" routes, but no edge leaves it'],
  },
  {
    rule: "input-prefix-reserved",
    text: `id: p
inputs:
  a: { to: s, s3: { prefix: out/in/ } }
  b: { to: s, s3: { prefix: r } }
  c: { to: s, s3: { prefix: outside/ } }
stages: { s: { image: i:1 } }`,
    expected: [
      '3:29 input-prefix-reserved: the prefix "out/in/" covers what the stages write',
      '4:29 input-prefix-reserved: the prefix "r" covers what the stages write',
    ],
  },
  {
    rule: "inline-secret",
    text: withStages("{ image: i:1, env: { API_KEY: abc, TOKENS: x, DB_PASSWORD: $REF } }"),
    expected: ['4:36 inline-secret: "API_KEY" looks like a secret written into the definition'],
  },
  {
    rule: "duplicate-secret",
    text: withStages("{ image: i:1, secrets: [s, t, s] }", undefined, "secrets: [u, u]"),
    expected: [
      '4:36 duplicate-secret: the secret "s" is listed twice',
      '7:14 duplicate-secret: the secret "u" is listed twice',
    ],
  },
];

const told = (text: string): string[] => {
  const result = loadDefinition(text, "p.yaml", (path) => !/^(\.\/)?missing\./.test(path));
  if (result.ok) return [];
  return result.defects.map(({ line, column, rule, message }) => `${line}:${column} ${rule}: ${message}`);
};

test.for(CASES.map((each) => [each.rule, each] as const))("%s", ([rule, { text, expected }]) => {
  expect(told(text)).toEqual(expected);
  expect(expected.join("\n")).toContain(` ${rule}: `);
});

test("every rule has a case", () => {
  const tested = new Set(CASES.map(({ rule }) => rule));
  expect(RULES.map(({ id }) => id).filter((id) => !tested.has(id))).toEqual([]);
});

test("every rule has an id of its own, and says what to do", () => {
  expect(new Set(RULES.map(({ id }) => id)).size).toBe(RULES.length);
  expect(RULES.filter(({ hint }) => hint === "")).toEqual([]);
});

test.for([
  ["none", "id: p\ninputs: {}", ["1:1 missing-key"]],
  ["an empty key", "id: p\ninputs: {}\nstages:", ["3:8 type"]],
  ["a list", "id: p\ninputs: {}\nstages: []", ["3:9 type"]],
  ["none, as KDP has it", "id: p\ngraph: { edges: [] }", ["2:8 missing-key"]],
  ["a list, as KDP has it", "id: p\ngraph: { nodes: [] }", ["2:17 type"]],
  ["an empty map, as KDP has it", "id: p\ngraph: { nodes: {} }", ["2:17 no-stages"]],
] as const)("that there is no stage is said once: %s", ([, text, expected]) => {
  expect(defects(text)).toEqual(expected);
});
