import { randomUUID } from "node:crypto";
import { TransactionCanceledException } from "@aws-sdk/client-dynamodb";
import {
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactGetCommand,
  TransactWriteCommand,
  type TransactWriteCommandInput,
} from "@aws-sdk/lib-dynamodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { VirtualClock } from "../virtual-clock.ts";
import { type DynamoDb, openIndex, otherEndpoint, startService } from "./dynamodb-endpoint.ts";

const start = Date.UTC(2026, 0, 1);
const clock = new VirtualClock(start);
let db: DynamoDb;
let TableName: string;

beforeAll(async () => {
  db = await startService({ clock });
  TableName = await db.createTable(openIndex());
});
afterAll(() => db[Symbol.asyncDispose]());

type Steps = NonNullable<TransactWriteCommandInput["TransactItems"]>;

const transact = (TransactItems: Steps, ClientRequestToken = randomUUID()) =>
  db.documents.send(new TransactWriteCommand({ TransactItems, ClientRequestToken }));

const put = (sk: string, rest: object = {}) =>
  db.documents.send(new PutCommand({ TableName, Item: { pk: "t", sk, ...rest } }));

const get = async (sk: string) =>
  (await db.documents.send(new GetCommand({ TableName, Key: { pk: "t", sk } }))).Item;

const increment = (sk: string): Steps[number] => ({
  Update: {
    TableName,
    Key: { pk: "t", sk },
    UpdateExpression: "ADD n :one",
    ExpressionAttributeValues: { ":one": 1 },
  },
});

const running = async (state: string) => {
  const command = new QueryCommand({
    TableName,
    IndexName: "open",
    KeyConditionExpression: "#state = :state",
    ExpressionAttributeNames: { "#state": "state" },
    ExpressionAttributeValues: { ":state": state },
  });
  return (await db.documents.send(command)).Items?.map((item) => item["sk"]);
};

async function cancellation(steps: Steps): Promise<TransactionCanceledException> {
  const error = await transact(steps).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(TransactionCanceledException);
  return error as TransactionCanceledException;
}

test("puts, updates, deletes and checks happen together, and the index with them", async () => {
  await put("gone", { state: "T1", since: "1" });
  await put("checked", { ok: true });
  await transact([
    { Put: { TableName, Item: { pk: "t", sk: "made", state: "T1", since: "2" } } },
    increment("counted"),
    { Delete: { TableName, Key: { pk: "t", sk: "gone" } } },
    {
      ConditionCheck: {
        TableName,
        Key: { pk: "t", sk: "checked" },
        ConditionExpression: "ok = :yes",
        ExpressionAttributeValues: { ":yes": true },
      },
    },
  ]);
  expect(await get("made")).toMatchObject({ state: "T1" });
  expect(await get("counted")).toMatchObject({ n: 1 });
  expect(await get("gone")).toBeUndefined();
  await expect.poll(() => running("T1")).toEqual(["made"]);
});

test("one failed condition cancels all, with a reason for each step and the item that was asked for", async () => {
  await put("there", { v: 7 });
  const exists = { ConditionExpression: "attribute_not_exists(pk)" };
  const error = await cancellation([
    { Put: { TableName, Item: { pk: "t", sk: "never", state: "T2", since: "1" } } },
    {
      Put: {
        TableName,
        Item: { pk: "t", sk: "there" },
        ...exists,
        ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      },
    },
    {
      ConditionCheck: {
        TableName,
        Key: { pk: "t", sk: "nothing" },
        ConditionExpression: "attribute_exists(pk)",
      },
    },
  ]);
  expect(error.message).toContain("[None, ConditionalCheckFailed, ConditionalCheckFailed]");
  expect(error.CancellationReasons).toMatchObject([
    { Code: "None" },
    { Code: "ConditionalCheckFailed", Message: "The conditional request failed" },
    { Code: "ConditionalCheckFailed" },
  ]);
  expect(error.CancellationReasons?.map((reason) => reason.Item)).toEqual([
    undefined,
    { pk: { S: "t" }, sk: { S: "there" }, v: { N: "7" } },
    undefined,
  ]);
  expect(await get("never")).toBeUndefined();
  expect(await running("T2")).toEqual([]);
});

test("an update that cannot be applied cancels all", async () => {
  await put("text", { n: "not a number" });
  const error = await cancellation([increment("untouched"), increment("text")]);
  expect(error.CancellationReasons?.map((reason) => reason.Code)).toEqual(["None", "ValidationError"]);
  expect(await get("untouched")).toBeUndefined();
});

test("two steps about one item, none, or more than 100 are refused", async () => {
  const refused = { name: "ValidationException" };
  await expect(transact([increment("twice"), increment("twice")])).rejects.toMatchObject(refused);
  await expect(transact([])).rejects.toMatchObject(refused);
  const many = Array.from({ length: 101 }, (_, i) => increment(`many${i}`));
  await expect(transact(many)).rejects.toMatchObject(refused);
  await transact(many.slice(1));
});

test("more than 4 MB are refused", async () => {
  const text = "x".repeat(399 * 1024);
  const large = Array.from({ length: 11 }, (_, i) => ({
    Put: { TableName, Item: { pk: "t", sk: `large${i}`, text } },
  }));
  await expect(transact(large)).rejects.toMatchObject({ name: "ValidationException" });
  expect(await get("large0")).toBeUndefined();
});

test("a repeated token does nothing, and with another request it is an error", async () => {
  const token = randomUUID();
  await transact([increment("once")], token);
  await transact([increment("once")], token);
  expect(await get("once")).toMatchObject({ n: 1 });
  await expect(transact([increment("other")], token)).rejects.toMatchObject({
    name: "IdempotentParameterMismatchException",
  });
});

test("a token of a cancelled transaction can be used again", async () => {
  const token = randomUUID();
  const steps: Steps = [
    {
      ConditionCheck: {
        TableName,
        Key: { pk: "t", sk: "later" },
        ConditionExpression: "attribute_exists(pk)",
      },
    },
    increment("after-later"),
  ];
  await expect(transact(steps, token)).rejects.toBeInstanceOf(TransactionCanceledException);
  await put("later");
  await transact(steps, token);
  expect(await get("after-later")).toMatchObject({ n: 1 });
});

test.skipIf(otherEndpoint)("a token is forgotten after ten minutes (the clock is ours alone)", async () => {
  const token = randomUUID();
  await transact([increment("forgotten")], token);
  clock.advance(10 * 60 * 1000 - 1);
  await transact([increment("forgotten")], token);
  expect(await get("forgotten")).toMatchObject({ n: 1 });
  clock.advance(1);
  await transact([increment("forgotten")], token);
  expect(await get("forgotten")).toMatchObject({ n: 2 });
});

test("a transaction of reads answers in order, with an empty place for what is missing", async () => {
  await put("read", { a: 1, b: 2 });
  const { Responses } = await db.documents.send(
    new TransactGetCommand({
      TransactItems: [
        { Get: { TableName, Key: { pk: "t", sk: "nobody" } } },
        { Get: { TableName, Key: { pk: "t", sk: "read" }, ProjectionExpression: "b" } },
      ],
    }),
  );
  expect(Responses?.map((response) => response.Item)).toEqual([undefined, { b: 2 }]);
});

test("a table that is not there is ResourceNotFoundException", async () => {
  const step = { Put: { TableName: "no-such-table", Item: { pk: "t", sk: "x" } } };
  await expect(transact([step])).rejects.toMatchObject({ name: "ResourceNotFoundException" });
});
