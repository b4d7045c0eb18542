import { randomUUID } from "node:crypto";
import { afterAll, beforeAll } from "vitest";
import { lastingStore } from "../../lib/job/lasting-store.aws.ts";
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
