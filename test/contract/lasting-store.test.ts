import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { lastingStore } from "../../lib/job/lasting-store.aws.ts";
import { OUTSIDERS } from "../unit/job/lasting-jobs.ts";
import { lastingStoreCases } from "../unit/job/lasting-store-cases.ts";
import { type DynamoDb, startService } from "./dynamodb-endpoint.ts";

let service: DynamoDb;
let table: string;
beforeAll(async () => {
  service = await startService();
  table = await service.createTable();
});
afterAll(() => service[Symbol.asyncDispose]());

lastingStoreCases(async () => lastingStore(service.documents, table, randomUUID), randomUUID);

test("a deletion that dies on its way leaves a row, and another deletes the rest", async () => {
  const id = randomUUID();
  let callsLeft = Number.POSITIVE_INFINITY;
  const send = (command: unknown): Promise<unknown> => {
    callsLeft -= 1;
    if (callsLeft < 0) throw new Error("the function died");
    return service.documents.send(command as never);
  };
  const store = lastingStore({ send: send as never }, table, randomUUID);
  await store.create({ ...OUTSIDERS, id });
  const add = async (count: number) => {
    for (let number = 0; number < count; number += 1) {
      const row = await store.get(OUTSIDERS.pipeline, id);
      const entry = { event: "update", at: "2026-01-01T00:00:01.000Z", eventId: `${number}` } as const;
      await store.write(row!, { set: {}, entries: [entry] });
    }
  };
  await add(70);
  const row = await store.get(OUTSIDERS.pipeline, id);
  for (let calls = 0; ; calls += 1) {
    callsLeft = calls;
    const isDeleted = await store.remove(row!).catch(() => undefined);
    callsLeft = Number.POSITIVE_INFINITY;
    if (isDeleted) break;
    expect(await store.get(OUTSIDERS.pipeline, id), `${calls} calls`).toBeDefined();
  }
  // The same job, made anew, knows nothing of the one before.
  await store.create({ ...OUTSIDERS, id });
  const fresh = { ...(await store.get(OUTSIDERS.pipeline, id))!, moved: 1000 };
  for (const number of [0, 30, 60]) expect(await store.knows(fresh, `${number}`)).toBe(false);
});
