import { BatchWriteItemCommand } from "@aws-sdk/client-dynamodb";
import {
  PutCommand,
  paginateQuery,
  QueryCommand,
  type QueryCommandInput,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DynamoDb, openIndex, startService, strings } from "./dynamodb-endpoint.ts";

let db: DynamoDb;
let table: string;

beforeAll(async () => {
  db = await startService();
  table = await db.createTable(openIndex());
});
afterAll(() => db[Symbol.asyncDispose]());

const put = (TableName: string, pk: string, rest: Record<string, unknown> = {}) =>
  db.documents.send(new PutCommand({ TableName, Item: { pk, sk: "s", ...rest } }));

const query = (
  TableName: string,
  state: string,
  rest: Partial<QueryCommandInput> = {},
): QueryCommandInput => ({
  TableName,
  IndexName: "open",
  KeyConditionExpression: "#state = :state",
  ExpressionAttributeNames: { "#state": "state" },
  ...rest,
  ExpressionAttributeValues: { ":state": state, ...rest.ExpressionAttributeValues },
});

const find = async (state: string, rest: Partial<QueryCommandInput> = {}) =>
  (await db.documents.send(new QueryCommand(query(table, state, rest)))).Items ?? [];

const keys = (items: Record<string, unknown>[]) => items.map((item) => item["pk"]);

describe("a secondary index", () => {
  test("holds the items that have its keys, and follows them", async () => {
    await put(table, "follow", { note: "not yet" });
    const set = (UpdateExpression: string, values: Record<string, unknown> = {}) =>
      db.documents.send(
        new UpdateCommand({
          TableName: table,
          Key: { pk: "follow", sk: "s" },
          UpdateExpression,
          ExpressionAttributeNames: { "#state": "state" },
          ...(Object.keys(values).length > 0 && { ExpressionAttributeValues: values }),
        }),
      );
    await expect.poll(() => find("F1")).toEqual([]);
    await set("SET #state = :s, since = :t", { ":s": "F1", ":t": "1" });
    await expect.poll(() => find("F1")).toMatchObject([{ pk: "follow", note: "not yet" }]);
    await set("SET note = :n, #state = :s", { ":n": "changed in place", ":s": "F1" });
    await expect.poll(() => find("F1")).toMatchObject([{ note: "changed in place" }]);
    await set("SET #state = :s", { ":s": "F2" });
    await expect.poll(() => find("F2")).toMatchObject([{ pk: "follow" }]);
    expect(await find("F1")).toEqual([]);
    await set("REMOVE #state");
    await expect.poll(() => find("F2")).toEqual([]);
  });

  test("pages through items of one sort key, and sorts by it in both directions", async () => {
    const since = ["3", "1", "2", "2", "2", "1"];
    await Promise.all(since.map((value, i) => put(table, `page${i}`, { state: "PAGES", since: value })));
    const found: Record<string, unknown>[] = [];
    const pages = paginateQuery({ client: db.documents, pageSize: 2 }, query(table, "PAGES"));
    for await (const page of pages) found.push(...(page.Items ?? []));
    expect(found.map((item) => item["since"])).toEqual(["1", "1", "2", "2", "2", "3"]);
    expect(new Set(keys(found)).size).toBe(6);
    const down = await find("PAGES", {
      ScanIndexForward: false,
      KeyConditionExpression: "#state = :state AND since < :three",
      ExpressionAttributeValues: { ":three": "3" },
    });
    expect(down.map((item) => item["since"])).toEqual(["2", "2", "2", "1", "1"]);
  });

  test("shows what is projected into it", async () => {
    const keysOnly = await db.createTable(openIndex("KEYS_ONLY"));
    await put(keysOnly, "projected", { state: "X", since: "1", note: "hidden" });
    const { Items } = await db.documents.send(new QueryCommand(query(keysOnly, "X")));
    expect(Items).toEqual([{ pk: "projected", sk: "s", state: "X", since: "1" }]);
  });

  test("refuses to show or to filter by what is not projected into it", async () => {
    const keysOnly = await db.createTable(openIndex("KEYS_ONLY"));
    const refusal = (rest: Partial<QueryCommandInput>) =>
      expect(db.documents.send(new QueryCommand(query(keysOnly, "X", rest)))).rejects;
    await refusal({ ProjectionExpression: "pk, note" }).toMatchObject({
      name: "ValidationException",
      message:
        "One or more parameter values were invalid: Global secondary index open does not project [note]",
    });
    await refusal({ FilterExpression: "attribute_exists(note)" }).toMatchObject({
      name: "ValidationException",
      message:
        "One or more parameter values were invalid: Secondary index open does not project one or more filter " +
        "attributes: [note]",
    });
  });

  test("may sort by a number", async () => {
    const numbers = await db.createTable({
      ...openIndex(),
      AttributeDefinitions: [...strings("pk", "sk", "state"), { AttributeName: "since", AttributeType: "N" }],
    });
    const values = [10, -1, 0, 9.5, -20, 1e15, 100];
    await Promise.all(values.map((since) => put(numbers, `n${since}`, { state: "N", since })));
    const { Items } = await db.documents.send(new QueryCommand(query(numbers, "N")));
    expect(Items?.map((item) => item["since"])).toEqual([-20, -1, 0, 9.5, 10, 100, 1e15]);
  });

  test("refuses a key of the wrong type, and an empty one", async () => {
    await expect(put(table, "wrong", { state: 1, since: "1" })).rejects.toMatchObject({
      name: "ValidationException",
    });
    await expect(put(table, "wrong", { state: "", since: "1" })).rejects.toMatchObject({
      name: "ValidationException",
    });
  });
});

describe("an index without a unique sort key", () => {
  // The first six hexadecimal digits of the MD5 of "Outliers" + key are the same for both.
  const colliding = ["job-7473", "job-10443"] as const;

  test("keeps two items apart whose hashes begin alike", async () => {
    const hashOnly = await db.createTable({
      AttributeDefinitions: strings("pk", "state"),
      KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }],
      GlobalSecondaryIndexes: [
        {
          IndexName: "open",
          KeySchema: [{ AttributeName: "state", KeyType: "HASH" }],
          Projection: { ProjectionType: "ALL" },
        },
      ],
    });
    const running = async () =>
      keys((await db.documents.send(new QueryCommand(query(hashOnly, "RUNNING")))).Items ?? []).toSorted();
    const set = (pk: string, state: string) =>
      db.documents.send(new PutCommand({ TableName: hashOnly, Item: { pk, state } }));
    for (const pk of colliding) await set(pk, "RUNNING");
    await expect.poll(running).toEqual(["job-10443", "job-7473"]);
    await set(colliding[0], "FINISHED");
    await expect.poll(running).toEqual(["job-10443"]);
  });

  test("finds all of 30,000 items in one partition", { timeout: 120_000 }, async () => {
    const many = await db.createTable(openIndex("KEYS_ONLY"));
    const write = (from: number) => {
      const requests = Array.from({ length: 25 }, (_, i) => ({
        PutRequest: {
          Item: { pk: { S: `job-${from + i}` }, sk: { S: "s" }, state: { S: "RUNNING" }, since: { S: "1" } },
        },
      }));
      return db.client.send(new BatchWriteItemCommand({ RequestItems: { [many]: requests } }));
    };
    for (let i = 0; i < 30_000; i += 200) {
      await Promise.all([0, 25, 50, 75, 100, 125, 150, 175].map((offset) => write(i + offset)));
    }
    const count = async () => {
      let found = 0;
      const pages = paginateQuery({ client: db.documents }, query(many, "RUNNING", { Select: "COUNT" }));
      for await (const page of pages) found += page.Count ?? 0;
      return found;
    };
    await expect.poll(count, { timeout: 30_000 }).toBe(30_000);
  });
});
