import { loadDefinition } from "../../../lib/definition/load.ts";
import { makePlan } from "../../../lib/plan/plan.ts";
import type { QueueSettings } from "../services/queues.ts";

/**
 * The pipeline that every seed runs: uploads and puts, two inputs, a fan-out of 0 to 4 and more, a stage that routes, an
 * edge that is copied to two, and two places where edges merge; the work of one stage is done by a system outside, that
 * of three in a cluster: tokens share pods, it takes many hours, the program reports its own end. Few attempts, so that all of them are spent often.
 */
const DEFINITION = `
id: flow
inputs:
  scans: { s3: { prefix: incoming/, suffix: .txt }, to: split, maxAttempts: 3 }
  orders: { to: split }
  extras: { to: sort, maxAttempts: 2 }
stages:
  split: { handler: ./split.ts, timeout: 5s }
  sort: { handler: ./sort.ts, timeout: 5s, fanout: route }
  left: { handler: ./left.ts, timeout: 5s }
  right: { handler: ./right.ts, timeout: 5s }
  merge: { handler: ./merge.ts, timeout: 5s }
  review: { external: true, timeout: 20m }
  render: { image: "render:1", timeout: 40m, concurrency: 2, batch: 3 }
  bake: { image: "bake:1", timeout: 14h }
  stamp: { image: "stamp:1", timeout: 40m, batch: 2, finishedBy: callback }
  last: { handler: ./last.ts, timeout: 5s }
edges:
  - { from: split, to: sort, maxAttempts: 2 }
  - { from: sort, to: left, maxAttempts: 1 }
  - { from: sort, to: right, maxAttempts: 3 }
  - { from: sort, to: review, maxAttempts: 2 }
  - { from: left, to: merge, maxAttempts: 1 }
  - { from: left, to: last, maxAttempts: 2 }
  - { from: right, to: merge, maxAttempts: 2 }
  - { from: sort, to: render, maxAttempts: 2 }
  - { from: sort, to: bake, maxAttempts: 2 }
  - { from: sort, to: stamp, maxAttempts: 2 }
  - { from: review, to: merge, maxAttempts: 2 }
  - { from: render, to: merge, maxAttempts: 2 }
  - { from: bake, to: merge, maxAttempts: 2 }
  - { from: stamp, to: merge, maxAttempts: 2 }
  - { from: merge, to: last, maxAttempts: 1 }
`;

const loaded = loadDefinition(DEFINITION, "flow.yaml", () => true);
if (!loaded.ok) throw new Error(`the scenario's definition is wrong: ${JSON.stringify(loaded.defects)}`);

export const PLAN = makePlan([loaded.definition]);
const [first] = PLAN.pipelines;
if (!first) throw new Error("the scenario has no pipeline");
export const PIPELINE = first;

/** Names are typed so that a poison cannot be meant for a stage that is not there. */
export const STAGES = ["split", "sort", "left", "right", "merge", "last"] as const;
export type StageName = (typeof STAGES)[number];
/** Stages whose work outlasts an invocation. */
export const LASTING = ["review", "render", "bake", "stamp"] as const;
export type LastingName = (typeof LASTING)[number];
export const isLastingStage = (name: string): name is LastingName => LASTING.some((each) => each === name);

/** Every queue of the plan, with its dead-letter queue. */
export const QUEUES: readonly QueueSettings[] = [
  ...PIPELINE.edges.map(({ queue }) => queue),
  PIPELINE.intake,
].flatMap(({ name, visibilitySeconds, maxReceiveCount, dead }) => [
  { name, visibilityMs: visibilitySeconds * 1000, dead: { queue: dead.name, maxReceiveCount } },
  { name: dead.name, visibilityMs: dead.visibilitySeconds * 1000 },
]);
