import { expect, test } from "vitest";
import { changeOf, isSafe } from "../../../lib/plan/change.ts";
import { templateFacts } from "../../../lib/plan/template-facts.ts";
import { planOf, type Template, templateOf } from "./template-of.ts";

const CHAIN = `
  id: p
  inputs: { in: { to: a } }
  stages: { a: { command: [cat] }, b: { command: [cat] }, c: { command: [cat] } }
  edges: [{ from: a, to: b }, { from: b, to: c }]`;

const factsOf = (template: Template) => ({ queues: templateFacts(template, "millrace").queues });
const deployed = (...texts: string[]) => factsOf(templateOf(planOf(...texts)));

/** Whatever is not simply kept, as `edge fate: why | hint`. */
const notes = (before: string, after: string): string[] =>
  changeOf(deployed(before), planOf(after), true)
    .filter(({ fate }) => fate !== "kept")
    .map(({ edge, fate, why = "", hint = "" }) => `${edge} ${fate}: ${why} | ${hint}`);

test("nothing changes: every edge keeps its tokens, and no attribute is mentioned", () => {
  const fates = changeOf(deployed(CHAIN), planOf(CHAIN), true);
  expect(fates).toEqual([
    { pipeline: "p", edge: "intake", queue: "millrace_p_INTAKE", fate: "kept", changes: [] },
    { pipeline: "p", edge: "p", queue: "millrace_p__a", fate: "kept", changes: [] },
    { pipeline: "p", edge: "a-b", queue: "millrace_p_a_b", fate: "kept", changes: [] },
    { pipeline: "p", edge: "b-c", queue: "millrace_p_b_c", fate: "kept", changes: [] },
  ]);
  expect(fates.every(isSafe)).toBe(true);
});

test("an edge that is taken away orphans its tokens; retired, it is drained; a new one is new", () => {
  const without = CHAIN.replace("{ from: b, to: c }", "{ from: a, to: c }");
  expect(notes(CHAIN, without)).toEqual([
    "a-c new:  | ",
    "b-c orphaned: the edge is gone | keep it as { from: b, to: c, retired: true } until its queue is empty",
  ]);
  const retired = CHAIN.replace(
    "{ from: b, to: c }",
    "{ from: a, to: c }, { from: b, to: c, retired: true }",
  );
  expect(notes(CHAIN, retired)).toEqual([
    "a-c new:  | ",
    "b-c drained: nothing is sent by it any more; what its queue holds is worked on | when the board shows nothing waiting, claimed or in error on it, remove it from the definition",
  ]);
  // Deployed so, and taken out at last.
  expect(notes(retired, without)).toEqual([
    "b-c drained: it was retired: nothing has been sent by it since | see that the board shows nothing waiting, claimed or in error on it before you deploy",
  ]);
  expect(notes(retired, CHAIN)).toEqual([
    "a-c orphaned: the edge is gone | keep it as { from: a, to: c, retired: true } until its queue is empty",
  ]);
  expect(notes(without, retired)).toEqual([
    "b-c new: it is retired, and is not deployed | remove it from the definition",
  ]);
});

test("with the counts of the queues: what was retired goes when it is empty, and stays as long as it is not", () => {
  const retired = CHAIN.replace(
    "{ from: b, to: c }",
    "{ from: a, to: c }, { from: b, to: c, retired: true }",
  );
  const without = CHAIN.replace("{ from: b, to: c }", "{ from: a, to: c }");
  const last = (waiting: number, dead: number) =>
    changeOf(
      {
        ...deployed(retired),
        tokens: new Map([
          ["millrace_p_b_c", waiting],
          ["millrace_p_b_c_DEAD", dead],
        ]),
      },
      planOf(without),
      true,
    ).at(-1)!;
  expect(last(0, 0)).toMatchObject({ edge: "b-c", fate: "removed", tokens: 0 });
  expect(last(0, 1)).toMatchObject({
    fate: "orphaned",
    tokens: 1,
    why: "it was retired, and still holds tokens",
    hint: "put the edge { from: b, to: c, retired: true } back",
  });
  // What is in use now may be sent to until the deployment: that it is empty says nothing.
  const [orphan] = changeOf(
    { ...deployed(CHAIN), tokens: new Map([["millrace_p_b_c", 0]]) },
    planOf(without),
    true,
  ).slice(-1);
  expect(orphan).toMatchObject({ edge: "b-c", fate: "orphaned", tokens: 0 });
});

test("a stage that is taken away leaves what leads to it; what it sent is worked on", () => {
  const without = `
    id: p
    inputs: { in: { to: a } }
    stages: { a: { command: [cat] }, c: { command: [cat] } }
    edges: [{ from: a, to: c }, { from: b, to: c, retired: true }]`;
  expect(notes(CHAIN, without)).toEqual([
    "a-c new:  | ",
    "b-c drained: nothing is sent by it any more; what its queue holds is worked on | when the board shows nothing waiting, claimed or in error on it, remove it from the definition",
    'a-b orphaned: the stage "b" is gone | keep the stage "b", with the edge { from: a, to: b, retired: true }, until its queue is empty',
  ]);
});

test("a stage that is renamed is told by its being the only one that is gone, and the only new one", () => {
  const renamed = CHAIN.replace("b: {", "better: {").replaceAll(": b", ": better");
  expect(notes(CHAIN, renamed)).toEqual([
    "a-better new:  | ",
    "better-c new:  | ",
    'a-b orphaned: the stage "b" is gone, or is called "better" now | keep the stage "b", with the edge { from: a, to: b, retired: true }, until its queue is empty',
    "b-c orphaned: the edge is gone | keep it as { from: b, to: c, retired: true } until its queue is empty",
  ]);
});

test("an input that is taken away, and one whose stage is", () => {
  const two = CHAIN.replace("{ in: { to: a } }", "{ in: { to: a }, other: { to: b } }");
  expect(notes(two, CHAIN)).toEqual([
    'p-b orphaned: no input leads to "b" any more | keep an input to "b", without `s3`, until its queue is empty',
  ]);
  const gone = "id: p\ninputs: { in: { to: c } }\nstages: { c: { command: [cat] } }";
  expect(notes("id: p\ninputs: { in: { to: a } }\nstages: { a: { command: [cat] } }", gone)).toEqual([
    "p new:  | ",
    'p orphaned: the stage "a" is gone, or is called "c" now | keep the stage "a", with an input to it, until its queue is empty',
  ]);
});

test("a pipeline that is taken away orphans all that it has, unless the plan is only a part", () => {
  const other = "id: q\ninputs: { in: { to: a } }\nstages: { a: { command: [cat] } }";
  const both = deployed(CHAIN, other);
  const gone = changeOf(both, planOf(CHAIN), true).filter((fate) => !isSafe(fate));
  expect(gone.map(({ pipeline, edge, why }) => [pipeline, edge, why])).toEqual([
    ["q", "intake", 'the pipeline "q" is gone'],
    ["q", "q", 'the pipeline "q" is gone'],
  ]);
  expect(changeOf(both, planOf(CHAIN), false).every(({ pipeline }) => pipeline === "p")).toBe(true);
});

test("an edge of KDP's form of definition cannot be retired there", () => {
  const kdp = (edges: string) => `
    id: k
    graph:
      nodes: { a: { image: i }, b: { image: i }, c: { image: i } }
      edges: [{ source: a, target: b }, ${edges}]`;
  const [orphan] = notes(
    kdp("{ source: b, target: c }, { source: a, target: c }"),
    kdp("{ source: b, target: c }"),
  );
  expect(orphan).toBe(
    "a-c orphaned: the edge is gone | put it back: KDP's form of definition cannot retire an edge, `edges` of the canonical form can",
  );
});

test("a name that was cut, in a template without notes, is never taken for nothing", () => {
  const [from, to] = ["a".repeat(40), "b".repeat(40)];
  const long = `
    id: p
    inputs: { in: { to: ${from} } }
    stages: { ${from}: { command: [cat] }, ${to}: { command: [cat] } }
    edges: [{ from: ${from}, to: ${to} }]`;
  const facts = factsOf(templateOf(planOf(long), false));
  expect(changeOf(facts, planOf(long), true).map(({ fate }) => fate)).toEqual(["kept", "kept", "kept"]);
  const short = `id: p\ninputs: { in: { to: ${from} } }\nstages: { ${from}: { command: [cat] } }`;
  expect(changeOf(facts, planOf(short), true).at(-1)).toMatchObject({
    fate: "orphaned",
    why: "its name is cut, and does not tell which edge it belonged to",
  });
});

test("a change of attributes: a claim keeps its time, and a shorter retention deletes", () => {
  const slower = CHAIN.replace("b: { command: [cat] }", "b: { command: [cat], timeout: 2m }").replace(
    "{ from: a, to: b }",
    "{ from: a, to: b, maxAttempts: 2 }",
  );
  const edge = changeOf(deployed(CHAIN), planOf(slower), true)[2]!;
  expect([edge.edge, edge.fate, isSafe(edge)]).toEqual(["a-b", "kept", true]);
  expect(edge.changes.map(({ queue, attribute, from, to }) => [queue, attribute, from, to])).toEqual([
    ["millrace_p_a_b", "VisibilityTimeout", 270, 810],
    ["millrace_p_a_b", "maxReceiveCount", 8, 5],
    ["millrace_p_a_b_DEAD", "VisibilityTimeout", 270, 810],
  ]);

  const template = templateOf(planOf(CHAIN));
  const [dead] = Object.values(template.Resources).filter(
    ({ Properties }) => Properties?.["QueueName"] === "millrace_p_b_c_DEAD",
  );
  const [work] = Object.values(template.Resources).filter(
    ({ Properties }) => Properties?.["QueueName"] === "millrace_p_b_c",
  );
  work!.Properties!["MessageRetentionPeriod"] = 1_209_600;
  dead!.Properties!["MessageRetentionPeriod"] = 86_400;
  const shorter = changeOf(factsOf(template), planOf(CHAIN), true)[3]!;
  expect(isSafe(shorter)).toBe(false);
  expect(shorter.changes).toEqual([
    {
      queue: "millrace_p_b_c",
      attribute: "MessageRetentionPeriod",
      from: 1_209_600,
      to: 864_000,
      effect: "SQS deletes what is older than 10 days at once",
      loses: true,
    },
    {
      queue: "millrace_p_b_c_DEAD",
      attribute: "MessageRetentionPeriod",
      from: 86_400,
      to: 1_209_600,
      effect: "also for what lies there already",
      loses: false,
    },
  ]);
});
