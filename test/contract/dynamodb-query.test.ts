import {
  BatchGetCommand,
  BatchWriteCommand,
  PutCommand,
  paginateScan,
  QueryCommand,
  type QueryCommandInput,
} from "@aws-sdk/lib-dynamodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DynamoDb, startService } from "./dynamodb-endpoint.ts";

let db: DynamoDb;
let table: string;

beforeAll(async () => {
  db = await startService();
  table = await db.createTable();
});
afterAll(() => db[Symbol.asyncDispose]());

const write = (items: { pk: string; sk: string }[]) =>
  db.documents.send(
    new BatchWriteCommand({ RequestItems: { [table]: items.map((Item) => ({ PutRequest: { Item } })) } }),
  );

const query = (pk: string, rest: Partial<QueryCommandInput> = {}, more: Record<string, unknown> = {}) =>
  db.documents.send(
    new QueryCommand({
      TableName: table,
      KeyConditionExpression: "pk = :pk",
      ...rest,
      ExpressionAttributeValues: { ":pk": pk, ...more },
    }),
  );

const sortKeys = (items: Record<string, unknown>[] | undefined) => items?.map((item) => item["sk"]);

describe("query", () => {
  test("sort keys come in the order of their UTF-8 bytes", async () => {
    await write(["a", "é", "日本", "😀", "Z", "~", "ab"].map((sk) => ({ pk: "order", sk })));
    const { Items } = await query("order");
    expect(sortKeys(Items)).toEqual(["Z", "a", "ab", "~", "é", "日本", "😀"]);
  });

  test.for([
    ["sk = :a", { ":a": "k2" }, ["k2"]],
    ["sk < :a", { ":a": "k2" }, ["k0", "k1"]],
    ["sk <= :a", { ":a": "k2" }, ["k0", "k1", "k2"]],
    ["sk > :a", { ":a": "k3" }, ["k4", "other"]],
    ["sk >= :a", { ":a": "k3" }, ["k3", "k4", "other"]],
    ["sk BETWEEN :a AND :b", { ":a": "k1", ":b": "k3" }, ["k1", "k2", "k3"]],
    ["begins_with(sk, :a)", { ":a": "k" }, ["k0", "k1", "k2", "k3", "k4"]],
  ] as const)("%s", async ([condition, values, expected]) => {
    await write(["k0", "k1", "k2", "k3", "k4", "other"].map((sk) => ({ pk: condition, sk })));
    const KeyConditionExpression = `pk = :pk AND ${condition}`;
    const up = await query(condition, { KeyConditionExpression }, values);
    expect(sortKeys(up.Items)).toEqual(expected);
    const down = await query(condition, { KeyConditionExpression, ScanIndexForward: false }, values);
    expect(sortKeys(down.Items)).toEqual(expected.toReversed());
  });

  test("pages go on where the last one ended, in both directions", async () => {
    await write(["1", "2", "3", "4", "5"].map((sk) => ({ pk: "pages", sk })));
    const first = await query("pages", { Limit: 2 });
    expect(sortKeys(first.Items)).toEqual(["1", "2"]);
    expect(first.LastEvaluatedKey).toEqual({ pk: "pages", sk: "2" });
    const second = await query("pages", { Limit: 2, ExclusiveStartKey: first.LastEvaluatedKey });
    expect(sortKeys(second.Items)).toEqual(["3", "4"]);
    const back = await query("pages", {
      ExclusiveStartKey: { pk: "pages", sk: "3" },
      ScanIndexForward: false,
    });
    expect(sortKeys(back.Items)).toEqual(["2", "1"]);
    expect(back.LastEvaluatedKey).toBeUndefined();
  });

  test("a filter thins out a page, but the limit counts what was read", async () => {
    await write([1, 2, 3, 4].map((n) => ({ pk: "filter", sk: String(n), n, even: n % 2 === 0 })));
    const page = await query(
      "filter",
      { FilterExpression: "even = :yes", ProjectionExpression: "n", Limit: 3 },
      { ":yes": true },
    );
    expect(page).toMatchObject({ Items: [{ n: 2 }], Count: 1, ScannedCount: 3 });
    expect(page.LastEvaluatedKey).toEqual({ pk: "filter", sk: "3" });
  });

  test("counting gives no items", async () => {
    await write(["1", "2"].map((sk) => ({ pk: "counting", sk })));
    const page = await query("counting", { Select: "COUNT" });
    expect(page).toMatchObject({ Count: 2, ScannedCount: 2 });
    expect(page.Items).toBeUndefined();
  });

  test("a page ends at 1 MB", async () => {
    const text = "x".repeat(300 * 1024);
    for (const sk of ["1", "2", "3", "4", "5"]) {
      await db.documents.send(new PutCommand({ TableName: table, Item: { pk: "large", sk, text } }));
    }
    const page = await query("large");
    expect(sortKeys(page.Items)).toEqual(["1", "2", "3", "4"]);
    expect(page.LastEvaluatedKey).toEqual({ pk: "large", sk: "4" });
  });

  test("the capacity is told, if asked", async () => {
    await write([{ pk: "capacity", sk: "1" }]);
    const page = await query("capacity", { ReturnConsumedCapacity: "TOTAL", ConsistentRead: true });
    expect(page.ConsumedCapacity).toEqual({ TableName: table, CapacityUnits: 1 });
  });
});

describe("scan", () => {
  test("four segments cover the table, each item once", async () => {
    const scanned = await db.createTable();
    const items = Array.from({ length: 100 }, (_, i) => ({ pk: `p${i}`, sk: "s" }));
    for (let i = 0; i < items.length; i += 25) {
      const puts = items.slice(i, i + 25).map((Item) => ({ PutRequest: { Item } }));
      await db.documents.send(new BatchWriteCommand({ RequestItems: { [scanned]: puts } }));
    }
    const found: unknown[] = [];
    for (const Segment of [0, 1, 2, 3]) {
      const pages = paginateScan(
        { client: db.documents, pageSize: 7 },
        { TableName: scanned, TotalSegments: 4, Segment },
      );
      for await (const page of pages) found.push(...(page.Items ?? []).map((item) => item["pk"]));
    }
    expect(found).toHaveLength(100);
    expect(new Set(found).size).toBe(100);
  });
});

describe("batches", () => {
  test("25 writes and 100 reads, no more; a key occurs once", async () => {
    const items = Array.from({ length: 26 }, (_, i) => ({ pk: "batch", sk: `s${i}` }));
    await write(items.slice(0, 25));
    const Keys = items.slice(0, 25);
    const read = await db.documents.send(new BatchGetCommand({ RequestItems: { [table]: { Keys } } }));
    expect(read.Responses?.[table]).toHaveLength(25);
    await expect(write(items)).rejects.toMatchObject({ name: "ValidationException" });
    await expect(write([items[0]!, items[0]!])).rejects.toMatchObject({ name: "ValidationException" });
  });

  test("a batch puts and deletes", async () => {
    await write([{ pk: "mixed", sk: "old" }]);
    const requests = [
      { PutRequest: { Item: { pk: "mixed", sk: "new" } } },
      { DeleteRequest: { Key: { pk: "mixed", sk: "old" } } },
    ];
    await db.documents.send(new BatchWriteCommand({ RequestItems: { [table]: requests } }));
    expect(sortKeys((await query("mixed")).Items)).toEqual(["new"]);
  });
});
