import { expect, test } from "vitest";
import { tokensAtStages } from "../../../lib/plan/flow.ts";
import { makePlan } from "../../../lib/plan/plan.ts";
import { type PipelinePrice, priceOf } from "../../../lib/plan/price.ts";
import { PRICES } from "../../../lib/plan/prices.ts";
import { loaded } from "../definition/loading.ts";

const price = (text: string): PipelinePrice => priceOf(makePlan([loaded(text)])).pipelines[0]!;
const steps = (text: string) =>
  price(text).million.steps.map(({ step, kind, tokens, basis, usd }) => [step, kind, tokens, basis, usd]);

const TWO_LIGHT = `
  id: p
  inputs: { in: { to: a } }
  stages: { a: { command: [cat] }, b: { command: [cat], memory: 1024 } }
  edges: [{ from: a, to: b }]`;

test("every price says for what, from where and as of when", () => {
  for (const { usd, per, unit, source, asOf } of Object.values(PRICES)) {
    expect([usd > 0, per > 0]).toEqual([true, true]);
    expect(unit).not.toBe("");
    expect(source).toMatch(/^aws\.amazon\.com\/[a-z0-9-]+\/pricing\//);
    expect(asOf).toMatch(/^20\d\d-[01]\d-[0-3]\d$/);
  }
});

test("a million tokens through a light stage: a write each, and the rest shared by ten", () => {
  const [arrival, a, b] = price(TWO_LIGHT).million.steps;
  // By hand: 0.625 + 300,000 × 0.40/M + 100,000 × 0.20/M + 2,500 GB-s + 40 MB of log.
  expect([a?.usd, a?.usdPer100ms]).toEqual([0.8267, 0.0833]);
  expect(a?.usage).toMatchObject({
    tableWrite: 1_000_000,
    queueRequest: 300_000,
    invocation: 100_000,
    compute: 2500,
  });
  // Nothing to send, twice the memory.
  expect([b?.usd, b?.usdPer100ms]).toEqual([0.8283, 0.1667]);
  // Put a hundred at a time: 10,000 requests of the API, 400,000 of the queues.
  expect(arrival).toMatchObject({ step: "arrival in", kind: "put", basis: "counted", usd: 0.864 });
});

test("the total is the sum of what is shown", () => {
  expect(price(TWO_LIGHT).million.usd).toBe(2.519);
});

test("an upload costs an event and a message of its own", () => {
  const [arrival] = steps(
    "id: p\ninputs: { in: { to: a, s3: { prefix: in/ } } }\nstages: { a: { command: [cat] } }",
  );
  // 1.00 + 0.40 + 0.625 + 300,000 × 0.40/M + a tenth of an invocation.
  expect(arrival).toEqual(["arrival in", "upload", 1_000_000, "counted", 2.2058]);
});

test("batches of one share nothing", () => {
  const alone = price("id: p\ninputs: { in: { to: a } }\nstages: { a: { command: [cat], batch: 1 } }");
  expect(alone.million.steps[1]).toMatchObject({
    usage: { tableWrite: 1_000_000, queueRequest: 2_000_000, invocation: 1_000_000 },
    usd: 2.2417,
  });
});

test("a pod's price is its calls of AWS, estimated; it has no function to run in", () => {
  const [, a] = price("id: p\ninputs: { in: { to: a } }\nstages: { a: { image: i:1 } }").million.steps;
  expect(a).toMatchObject({ kind: "image", basis: "estimated", usage: { tableWrite: 4_000_000 } });
  expect(a?.usdPer100ms).toBeUndefined();
});

test("copies multiply, routes divide, inputs share", () => {
  const flow = (text: string) => [...tokensAtStages(makePlan([loaded(text)]).pipelines[0]!)];
  const diamond = (fanout: string) => `
    id: p
    inputs: { one: { to: a }, two: { to: a }, other: { to: c }, more: { to: c } }
    stages:
      d: { command: [cat] }
      a: { handler: ./a.ts, fanout: ${fanout} }
      b: { command: [cat] }
      c: { command: [cat] }
    edges: [{ from: a, to: b }, { from: a, to: c }, { from: b, to: d }, { from: c, to: d }]`;
  expect(flow(diamond("copy"))).toEqual([
    ["d", 1.5],
    ["a", 0.5],
    ["b", 0.5],
    ["c", 1],
  ]);
  expect(flow(diamond("route"))).toEqual([
    ["d", 1],
    ["a", 0.5],
    ["b", 0.25],
    ["c", 0.75],
  ]);
});

test("a thousand stages in a row see every token", () => {
  const names = Array.from({ length: 1000 }, (_, index) => `s${index}`);
  const text = JSON.stringify({
    id: "p",
    inputs: { in: { to: "s0" } },
    stages: Object.fromEntries(names.toReversed().map((name) => [name, { command: ["cat"] }])),
    edges: names.slice(1).map((to, index) => ({ from: names[index], to })),
  });
  const tokens = tokensAtStages(makePlan([loaded(text)]).pipelines[0]!);
  expect([...tokens.values()].every((count) => count === 1)).toBe(true);
});

test("a month without tokens: polls, alarms, a dashboard, secrets; sweeps where something runs elsewhere", () => {
  const idle = (text: string) =>
    price(text).idle.items.map(({ what, count, usd }) => [what, count, usd.low, usd.high]);
  expect(
    idle(`
      id: p
      inputs: { in: { to: a } }
      stages:
        a: { command: [cat], secrets: [one, two], concurrency: 4 }
        b: { image: i:1, secrets: [two] }
      edges: [{ from: a, to: b }]`),
  ).toEqual([
    // Three queues and their dead-letter queues; 131,400 polls of 20 s a month each, two to five at once.
    // The two of the stage whose concurrency is limited: always five.
    ["queues polled", 6, 1.2614, 1.5768],
    ["alarms", 6, 0.6, 0.6],
    ["dashboard", 1, 3, 3],
    ["secrets", 2, 0.8, 0.8],
    ["sweeps", 43_800, 0.1256, 0.1256],
  ]);
  expect(idle(TWO_LIGHT).map(([what]) => what)).toEqual(["queues polled", "alarms", "dashboard"]);
});
