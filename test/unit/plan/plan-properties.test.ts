import fc from "fast-check";
import { expect, test } from "vitest";
import type { FunctionPlan, PipelinePlan, Plan, QueuePlan } from "../../../lib/plan/plan.ts";
import { makePlan } from "../../../lib/plan/plan.ts";
import { type AnyDefinition, definition } from "../definition/arbitrary-definitions.ts";
import { loaded } from "../definition/loading.ts";

/** Plans of up to three pipelines with different ids. */
const anyPlan: fc.Arbitrary<Plan> = fc
  .uniqueArray(definition, { minLength: 1, maxLength: 3, selector: ({ id }: AnyDefinition) => id })
  .map((definitions) => makePlan(definitions.map((each) => loaded(JSON.stringify(each)))));

const queuesOf = ({ intake, edges }: PipelinePlan): QueuePlan[] => [
  intake,
  ...edges.map(({ queue }) => queue),
];
const functionsOf = ({ ingest, stages }: PipelinePlan): FunctionPlan[] => [
  ingest,
  ...stages.flatMap((stage) => stage.function ?? []),
];
/** The timeout of what receives from a queue. Images are started by a function like ingest. */
const receiverTimeout = (pipeline: PipelinePlan, to: string): number =>
  pipeline.stages.find(({ name }) => name === to)?.function?.timeoutSeconds ?? pipeline.ingest.timeoutSeconds;

const check = (holds: (plan: Plan) => void): void => fc.assert(fc.property(anyPlan, holds), { numRuns: 60 });

test("a claim lasts six times as long as the function that holds it, or the twelve hours that SQS allows", () => {
  check(({ pipelines }) => {
    for (const pipeline of pipelines) {
      for (const { to, queue } of pipeline.edges) {
        const needed = Math.min(43_200, 6 * receiverTimeout(pipeline, to));
        expect(queue.visibilitySeconds).toBeGreaterThanOrEqual(needed);
        expect(queue.visibilitySeconds).toBeLessThanOrEqual(43_200);
        expect(queue.dead.visibilitySeconds).toBeGreaterThanOrEqual(needed);
      }
    }
  });
});

test("a dead-letter queue keeps messages longer than the queue that they come from", () => {
  check(({ pipelines }) => {
    for (const { retentionSeconds, dead } of pipelines.flatMap(queuesOf)) {
      expect(dead.retentionSeconds).toBeGreaterThan(retentionSeconds);
      expect(dead.retentionSeconds).toBeLessThanOrEqual(1_209_600);
    }
  });
});

test("no two queues and no two functions of a plan share a name", () => {
  check(({ api, pipelines }) => {
    const queues = pipelines.flatMap(queuesOf).flatMap(({ name, dead }) => [name, dead.name]);
    const functions = [api, ...pipelines.flatMap(functionsOf)].map(({ name }) => name);
    expect(new Set(queues).size).toBe(queues.length);
    expect(new Set(functions).size).toBe(functions.length);
  });
});

test("no two edges of a pipeline share an id, a name or the name of a list", () => {
  check(({ pipelines }) => {
    for (const { edges } of pipelines) {
      for (const of of [
        edges.map(({ id }) => id),
        edges.map(({ name }) => name),
        edges.flatMap(({ views }) => Object.values(views)),
      ]) {
        expect(new Set(of).size).toBe(of.length);
      }
    }
  });
});

test("every edge leads from where it leaves to where it arrives, and every input to an edge", () => {
  check(({ pipelines }) => {
    for (const { inputs, edges, stages } of pipelines) {
      for (const { id, from, to } of edges) {
        expect(stages.filter((stage) => stage.in.includes(id)).map(({ name }) => name)).toEqual([to]);
        expect(stages.filter((stage) => stage.out.includes(id)).map(({ name }) => name)).toEqual(
          from === "" ? [] : [from],
        );
      }
      for (const { edge } of inputs) expect(edges.map(({ id }) => id)).toContain(edge);
    }
  });
});

test("a plan is plain data with whole numbers within the limits of Lambda and SQS", () => {
  check((plan) => {
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
    for (const { timeoutSeconds, memoryMb } of plan.pipelines.flatMap(functionsOf)) {
      expect(timeoutSeconds).toSatisfy(
        (value: number) => Number.isInteger(value) && value >= 1 && value <= 900,
      );
      expect(memoryMb).toSatisfy(
        (value: number) => Number.isInteger(value) && value >= 128 && value <= 10_240,
      );
    }
    for (const { maxReceiveCount } of plan.pipelines.flatMap(queuesOf)) {
      expect(maxReceiveCount).toSatisfy((value: number) => value >= 4 && value <= 1000);
    }
  });
});
