import { DescribeTimeToLiveCommand, UpdateTimeToLiveCommand } from "@aws-sdk/client-dynamodb";
import { PutCommand, QueryCommand, ScanCommand } from "@aws-sdk/lib-dynamodb";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { VirtualClock } from "../virtual-clock.ts";
import { type DynamoDb, openIndex, otherEndpoint, startService } from "./dynamodb-endpoint.ts";

const start = Date.UTC(2026, 0, 1);
const startSecond = 1_767_225_600;
const fiveYears = 157_680_000;

let clock: VirtualClock;
let db: DynamoDb;
let TableName: string;

beforeEach(async () => {
  clock = new VirtualClock(start);
  const service = await startService({ clock, ttlSweepMs: 1000 });
  onTestFinished(() => service[Symbol.asyncDispose]());
  db = service;
  TableName = await db.createTable(openIndex());
});

const specify = (Enabled: boolean, AttributeName = "expiresAt") =>
  db.client.send(
    new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification: { Enabled, AttributeName } }),
  );

const described = async () =>
  (await db.client.send(new DescribeTimeToLiveCommand({ TableName }))).TimeToLiveDescription;

test("time to live is off until it is enabled, and cannot be enabled twice", async () => {
  expect(await described()).toEqual({ TimeToLiveStatus: "DISABLED" });
  await expect(specify(false)).rejects.toMatchObject({ name: "ValidationException" });
  await specify(true);
  await expect.poll(described).toEqual({ TimeToLiveStatus: "ENABLED", AttributeName: "expiresAt" });
  await expect(specify(true)).rejects.toMatchObject({ name: "ValidationException" });
});

describe.skipIf(otherEndpoint)("expiry (with a clock of ours: AWS takes up to days)", () => {
  const put = (sk: string, expiresAt: unknown, rest: object = {}) =>
    db.documents.send(new PutCommand({ TableName, Item: { pk: "p", sk, expiresAt, ...rest } }));

  const left = async () =>
    (await db.documents.send(new ScanCommand({ TableName }))).Items?.map((item) => item["sk"]);

  test("an item goes within a sweep of its second, from its index too", async () => {
    await specify(true);
    await put("now", startSecond + 10, { state: "OPEN", since: "1" });
    await put("later", startSecond + 60, { state: "OPEN", since: "2" });
    clock.advance(10_000);
    expect(await left()).toEqual(["later", "now"]);
    clock.advance(1000);
    expect(await left()).toEqual(["later"]);
    const { Items } = await db.documents.send(
      new QueryCommand({
        TableName,
        IndexName: "open",
        KeyConditionExpression: "#state = :open",
        ExpressionAttributeNames: { "#state": "state" },
        ExpressionAttributeValues: { ":open": "OPEN" },
      }),
    );
    expect(Items?.map((item) => item["sk"])).toEqual(["later"]);
  });

  test("only a number counts, and none that is older than five years", async () => {
    await specify(true);
    await put("a text", String(startSecond - 10));
    await put("five years old", startSecond - fiveYears - 10);
    await put("nearly five years old", startSecond - fiveYears + 10);
    await put("in milliseconds", (startSecond - 10) * 1000);
    clock.advance(1000);
    expect(await left()).toEqual(["a text", "five years old", "in milliseconds"]);
  });

  test("an expiry that is moved or taken away does not come", async () => {
    await specify(true);
    await put("moved", startSecond + 5);
    await put("kept", startSecond + 5);
    await put("moved", startSecond + 50);
    await db.documents.send(new PutCommand({ TableName, Item: { pk: "p", sk: "kept" } }));
    clock.advance(20_000);
    expect(await left()).toEqual(["kept", "moved"]);
    clock.advance(40_000);
    expect(await left()).toEqual(["kept"]);
  });

  test("enabling it finds the items that are there, and disabling it spares them", async () => {
    await put("before", startSecond - 10);
    await specify(true);
    clock.advance(1000);
    expect(await left()).toEqual([]);
    await put("spared", startSecond + 10);
    await specify(false);
    clock.advance(60_000);
    expect(await left()).toEqual(["spared"]);
  });

  test("many that expire at once all go", async () => {
    await specify(true);
    const puts = Array.from({ length: 1200 }, (_, i) => put(`item${i}`, startSecond + 1));
    await Promise.all(puts);
    clock.advance(2000);
    expect(await left()).toEqual([]);
  });
});
