import { expect, test } from "vitest";
import { loadDefinitions } from "../../lib/definition/files.ts";
import { makePlan } from "../../lib/plan/plan.ts";
import { priceOf } from "../../lib/plan/price.ts";
import { total } from "../../lib/plan/prices.ts";
import { apiAt } from "./api.ts";
import { definitionOf, startInProcess } from "./in-process.ts";

/** What a hop costs, counted where the calls arrive. */
test("ten tokens over a light hop: ten writes of the table, one send, one delete", async () => {
  const { runtime } = await startInProcess([definitionOf("hop")]);
  const hop = apiAt(runtime.url, "hop");
  const before = runtime.calls();
  await hop.put(...Array.from({ length: 10 }, (_, index) => ({ index })));
  expect(await hop.settled(10)).toMatchObject({
    put: 10,
    done: 10,
    stages: { first: { done: 10 }, second: { done: 10 } },
  });
  const after = runtime.calls();
  const spent = (operation: string): number => (after[operation] ?? 0) - (before[operation] ?? 0);
  expect({
    // Arrivals: once for what enters, not for each hop.
    PutItem: spent("PutItem"),
    // One for each of two hops of ten tokens, history and outputs included.
    UpdateItem: spent("UpdateItem"),
    GetItem: spent("GetItem"),
    // API to intake, intake to first, first to second.
    SendMessageBatch: spent("SendMessageBatch"),
    // Intake, first, second.
    DeleteMessageBatch: spent("DeleteMessageBatch"),
    ChangeMessageVisibility: spent("ChangeMessageVisibility"),
    PutObject: spent("PutObject"),
    GetObject: spent("GetObject"),
  }).toEqual({
    PutItem: 10,
    UpdateItem: 20,
    GetItem: 0,
    SendMessageBatch: 3,
    DeleteMessageBatch: 3,
    ChangeMessageVisibility: 0,
    PutObject: 0,
    GetObject: 0,
  });
});

test("the price of a hop is that of the calls counted above", () => {
  const { definitions } = loadDefinitions([definitionOf("hop")]);
  const [hop] = priceOf(makePlan(definitions)).pipelines;
  // A million tokens as the ten above: 10 PutItem and 20 UpdateItem; 3 sends, 3 deletes, a receive before each delete.
  expect(total(hop?.million.steps.map(({ usage }) => usage) ?? [])).toEqual({
    tableWrite: 3_000_000,
    queueRequest: 900_000,
    apiRequest: 10_000,
    invocation: 310_000,
    compute: 6500,
    logByte: 124_000_000,
  });
});
