import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { DynamoDBDocumentClient, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { describe, expect, test } from "vitest";
import { openDatabase } from "../../infra/local/dynamodb/database.ts";
import { startDynamoDb } from "../../infra/local/dynamodb/server.ts";
import { createService } from "../../infra/local/dynamodb/service.ts";
import { systemClock } from "../../lib/clock.ts";
import { seeds } from "../seeds.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import {
  clientOf,
  type DynamoDb,
  keys,
  openIndex,
  otherEndpoint,
  startService,
} from "./dynamodb-endpoint.ts";
import { Load } from "./dynamodb-load.ts";
import { ServiceProcess } from "./service-process.ts";

const inUse = (directory: string) => ({
  code: "DYNAMODB_DIRECTORY_IN_USE",
  message: `the DynamoDB directory ${directory} is in use by another local DynamoDB service`,
});

// A kill between two statements is too rare to wait for; a statement that fails comes to the same.
test.skipIf(otherEndpoint)(
  "a write that fails half way leaves item and index as they were (our own store)",
  () => {
    const database = openDatabase();
    const service = createService(database, systemClock);
    const call = (name: string, input: object) => service.operation(name)?.({ TableName: "jobs", ...input });
    call("CreateTable", { ...keys, ...openIndex() });
    const Item = { pk: { S: "a" }, sk: { S: "s" }, state: { S: "OPEN" }, since: { S: "1" } };
    call("PutItem", { Item });
    database.exec("CREATE TRIGGER broken BEFORE UPDATE ON item BEGIN SELECT RAISE(ABORT, 'disk full'); END");

    const moved = { ...Item, since: { S: "2" } };
    const another = { ...Item, pk: { S: "b" } };
    const requests = [another, moved].map((each) => ({ PutRequest: { Item: each } }));
    expect(() => call("PutItem", { Item: moved })).toThrow("disk full");
    expect(() => call("BatchWriteItem", { RequestItems: { jobs: requests } })).toThrow("disk full");
    expect(call("Scan", { IndexName: "open" })).toMatchObject({ Items: [Item] });
    expect(call("Scan", {})).toMatchObject({ Items: [Item] });
    database.close();
  },
);

describe.skipIf(otherEndpoint)("a directory (kept by our own service alone)", () => {
  test.for(seeds(3))("kill -9 under load leaves items and index in agreement (seed %i)", async (seed) => {
    const directory = temporaryFolder();
    await using service = await ServiceProcess.start("dynamodb-process.ts", directory);
    const load = new Load(seed);
    const client = clientOf(service.endpoint);
    await load.prepare(client);
    await expect(startDynamoDb({ directory })).rejects.toMatchObject(inUse(directory));

    await load.run(DynamoDBDocumentClient.from(client), () => void service.kill());
    await service.kill();
    client.destroy();

    await using db = await startService({ directory });
    const { items, entries } = await load.read(db.documents);
    expect(entries).toEqual(items.filter((item) => item["state"] !== undefined));
    expect(load.lost(items)).toEqual([]);
  });

  test("has one owner; closing gives it free, with all that is in it", async () => {
    const directory = temporaryFolder();
    const increment = (db: DynamoDb, TableName: string) =>
      db.documents.send(
        new UpdateCommand({
          TableName,
          Key: { pk: "a", sk: "b" },
          UpdateExpression: "ADD n :one",
          ExpressionAttributeValues: { ":one": 1 },
          ReturnValues: "ALL_NEW",
        }),
      );
    const first = await startService({ directory });
    const table = await first.createTable(openIndex());
    await increment(first, table);
    await expect(startDynamoDb({ directory })).rejects.toMatchObject(inUse(directory));
    await first[Symbol.asyncDispose]();

    await using second = await startService({ directory });
    expect((await increment(second, table)).Attributes).toEqual({ pk: "a", sk: "b", n: 2 });
  });

  test("of another version is refused by name", async () => {
    const directory = temporaryFolder();
    const file = new DatabaseSync(join(directory, "dynamodb.sqlite"));
    file.exec("PRAGMA user_version = 99");
    file.close();
    await expect(startDynamoDb({ directory })).rejects.toMatchObject({
      code: "DYNAMODB_VERSION",
      message: `${directory} was written by another version (format 99)`,
    });
  });
});
