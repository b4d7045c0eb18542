import {
  type AttributeValue,
  ConditionalCheckFailedException,
  GetItemCommand,
  PutItemCommand,
} from "@aws-sdk/client-dynamodb";
import { DeleteCommand, GetCommand, PutCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DynamoDb, startService } from "./dynamodb-endpoint.ts";

let db: DynamoDb;
let table: string;

beforeAll(async () => {
  db = await startService();
  table = await db.createTable();
});
afterAll(() => db[Symbol.asyncDispose]());

const put = (pk: string, sk: string, rest: Record<string, unknown> = {}) =>
  db.documents.send(new PutCommand({ TableName: table, Item: { pk, sk, ...rest } }));

const get = async (pk: string, sk: string) =>
  (await db.documents.send(new GetCommand({ TableName: table, Key: { pk, sk }, ConsistentRead: true }))).Item;

describe("items", () => {
  test("every type comes back as it was put", async () => {
    const Item: Record<string, AttributeValue> = {
      pk: { S: "types" },
      sk: { S: "ünï 😀" },
      number: { N: "12345678901234567890.123456789" },
      binary: { B: new Uint8Array([0, 255, 1]) },
      yes: { BOOL: true },
      nothing: { NULL: true },
      list: { L: [{ N: "-1" }, { S: "" }] },
      map: { M: { deep: { SS: ["a"] } } },
      numbers: { NS: ["1.5"] },
      binaries: { BS: [new Uint8Array([7])] },
    };
    await db.client.send(new PutItemCommand({ TableName: table, Item }));
    const { Item: found } = await db.client.send(
      new GetItemCommand({ TableName: table, Key: { pk: { S: "types" }, sk: { S: "ünï 😀" } } }),
    );
    expect(found).toEqual(Item);
  });

  test("a put replaces the whole item and can answer with the old one", async () => {
    await put("replace", "1", { a: 1 });
    const { Attributes } = await db.documents.send(
      new PutCommand({ TableName: table, Item: { pk: "replace", sk: "1", b: 2 }, ReturnValues: "ALL_OLD" }),
    );
    expect(Attributes).toEqual({ pk: "replace", sk: "1", a: 1 });
    expect(await get("replace", "1")).toEqual({ pk: "replace", sk: "1", b: 2 });
  });

  test("deleting answers with the old item, and deleting nothing is no error", async () => {
    await put("delete", "1", { a: 1 });
    const command = new DeleteCommand({
      TableName: table,
      Key: { pk: "delete", sk: "1" },
      ReturnValues: "ALL_OLD",
    });
    expect((await db.documents.send(command)).Attributes).toEqual({ pk: "delete", sk: "1", a: 1 });
    expect((await db.documents.send(command)).Attributes).toBeUndefined();
  });

  test("an item may have 400 KB, counted in bytes of UTF-8 and with its names", async () => {
    // "pk" + "size" + "sk" + "1" + "text" = 13 bytes; "é" has two.
    await put("size", "1", { text: "é".repeat((400 * 1024 - 13) / 2) });
    await expect(put("size", "2", { text: "é".repeat(200 * 1024 - 6) })).rejects.toMatchObject({
      name: "ValidationException",
      message: "Item size has exceeded the maximum allowed size",
    });
    const grow = new UpdateCommand({
      TableName: table,
      Key: { pk: "size", sk: "1" },
      UpdateExpression: "SET more = :more",
      ExpressionAttributeValues: { ":more": "x" },
    });
    await expect(db.documents.send(grow)).rejects.toMatchObject({ name: "ValidationException" });
  });

  test("an empty string is a value, but not a key", async () => {
    await put("empty", "1", { text: "" });
    expect(await get("empty", "1")).toEqual({ pk: "empty", sk: "1", text: "" });
    await expect(put("", "1")).rejects.toMatchObject({ name: "ValidationException" });
  });

  test("a missing table is ResourceNotFoundException", async () => {
    const command = new GetCommand({ TableName: "no-such-table", Key: { pk: "a", sk: "b" } });
    await expect(db.documents.send(command)).rejects.toMatchObject({ name: "ResourceNotFoundException" });
  });
});

describe("updates", () => {
  const update = (sk: string, UpdateExpression: string, values: Record<string, unknown>, more = {}) =>
    db.documents.send(
      new UpdateCommand({
        TableName: table,
        Key: { pk: "update", sk },
        UpdateExpression,
        ExpressionAttributeValues: values,
        ReturnValues: "ALL_NEW",
        ...more,
      }),
    );

  test("set, add, remove and delete work on nested paths, lists and sets", async () => {
    await update("1", "SET n = if_not_exists(n, :zero) + :one, m = :map, l = :list ADD tags :tags", {
      ":zero": 0,
      ":one": 1,
      ":map": { deep: { hits: 1 } },
      ":list": ["a", "b", "c"],
      ":tags": new Set(["x", "y"]),
    });
    const { Attributes } = await update(
      "1",
      "SET m.deep.hits = :nine, l[1] = :B, h = list_append(l, :list) REMOVE l[0] ADD n :five DELETE tags :x",
      { ":nine": 9, ":B": "B", ":list": ["d"], ":five": 5, ":x": new Set(["x"]) },
    );
    expect(Attributes).toEqual({
      pk: "update",
      sk: "1",
      n: 6,
      m: { deep: { hits: 9 } },
      l: ["B", "c"],
      h: ["a", "b", "c", "d"],
      tags: new Set(["y"]),
    });
  });

  test("the answer holds what was asked for: nothing, or the changed attributes, old or new", async () => {
    await put("update", "2", { a: 1, b: 1 });
    const set = (value: number, ReturnValues: string) =>
      update("2", "SET a = :v", { ":v": value }, { ReturnValues });
    expect((await set(2, "NONE")).Attributes).toBeUndefined();
    expect((await set(3, "UPDATED_OLD")).Attributes).toEqual({ a: 2 });
    expect((await set(4, "UPDATED_NEW")).Attributes).toEqual({ a: 4 });
    expect((await set(5, "ALL_OLD")).Attributes).toEqual({ pk: "update", sk: "2", a: 4, b: 1 });
  });

  test("the key cannot be updated, a reserved word needs a placeholder, an unused value is refused", async () => {
    const refused = { name: "ValidationException" };
    await expect(update("3", "SET pk = :v", { ":v": "x" })).rejects.toMatchObject(refused);
    await expect(update("3", "SET status = :v", { ":v": "x" })).rejects.toMatchObject(refused);
    await expect(update("3", "SET a = :v", { ":v": "x", ":w": "y" })).rejects.toMatchObject(refused);
  });

  test("200 increments at once are all counted", async () => {
    await Promise.all(Array.from({ length: 200 }, () => update("count", "ADD n :one", { ":one": 1 })));
    expect(await get("update", "count")).toMatchObject({ n: 200 });
  });
});

describe("conditions", () => {
  const key = { pk: "condition", sk: "1" };
  const item = {
    state: "RUNNING",
    seq: 3,
    history: ["a", { event: "start" }],
    layout: { steps: [1, 2], name: "x" },
    tags: new Set(["a", "b"]),
    note: "",
  };
  const values = {
    ":running": "RUNNING",
    ":done": "DONE",
    ":one": 1,
    ":five": 5,
    ":zero": 0,
    ":run": "RUN",
    ":history": ["a", { event: "start" }],
    ":layout": { name: "x", steps: [1, 2] },
    ":otherLayout": { name: "x", steps: [2, 1] },
    ":tags": new Set(["b", "a"]),
  };
  const holds = async (ConditionExpression: string) => {
    const used = Object.entries(values).filter(([name]) =>
      new RegExp(`${name}\\b`).test(ConditionExpression),
    );
    const command = new UpdateCommand({
      TableName: table,
      Key: key,
      UpdateExpression: "ADD touched :touch",
      ConditionExpression: ConditionExpression.replaceAll("state", "#state"),
      ...(ConditionExpression.includes("state") && { ExpressionAttributeNames: { "#state": "state" } }),
      ExpressionAttributeValues: { ...Object.fromEntries(used), ":touch": 1 },
    });
    return db.documents.send(command).then(
      () => true,
      (error: Error) => {
        if (error.name === "ConditionalCheckFailedException") return false;
        throw error;
      },
    );
  };

  beforeAll(() => put(key.pk, key.sk, item));

  test.for([
    ["state IN (:done, :running) AND seq BETWEEN :one AND :five", true],
    ["state = :done OR NOT seq > :five", true],
    ["begins_with(state, :run) AND size(history) < :five", true],
    ["attribute_exists(layout.steps[1]) AND attribute_not_exists(layout.steps[2])", true],
    ["contains(tags, :done)", false],
    ["state = :done", false],
    ["seq < :one", false],
    ["history = :history", true],
    ["layout = :layout", true],
    ["layout = :otherLayout", false],
    ["layout <> :otherLayout", true],
    ["tags = :tags", true],
    ["size(note) = :zero", true],
    ["absent = alsoAbsent", false],
    ["absent <> :one", true],
    ["absent <= alsoAbsent", false],
    ["seq BETWEEN absent AND :five", false],
    ["seq < :run", false],
  ] as const)("%s: %s", async ([condition, expected]) => {
    expect(await holds(condition)).toBe(expected);
  });

  async function refusal(answer: Promise<unknown>): Promise<ConditionalCheckFailedException> {
    const error = await answer.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConditionalCheckFailedException);
    return error as ConditionalCheckFailedException;
  }

  test("of 50 conditional puts at once one wins", async () => {
    const attempts = Array.from({ length: 50 }, (_, i) =>
      db.documents.send(
        new PutCommand({
          TableName: table,
          Item: { pk: "race", sk: "1", wdeep: i },
          ConditionExpression: "attribute_not_exists(pk)",
        }),
      ),
    );
    const outcomes = await Promise.allSettled(attempts);
    expect(outcomes.filter((outcome) => outcome.status === "fulfilled")).toHaveLength(1);
  });

  test("a refused put, update or delete shows the item that refused it, if asked", async () => {
    await put("shown", "1", { state: "DONE" });
    const Key = { pk: "shown", sk: "1" };
    const refusals = (ReturnValuesOnConditionCheckFailure: "ALL_OLD" | "NONE") => {
      const input = {
        TableName: table,
        ConditionExpression: "attribute_not_exists(pk)",
        ReturnValuesOnConditionCheckFailure,
      };
      return Promise.all([
        refusal(db.documents.send(new PutCommand({ ...input, Item: Key }))),
        refusal(db.documents.send(new UpdateCommand({ ...input, Key, UpdateExpression: "REMOVE a" }))),
        refusal(db.documents.send(new DeleteCommand({ ...input, Key }))),
      ]);
    };
    const item = { pk: { S: "shown" }, sk: { S: "1" }, state: { S: "DONE" } };
    expect((await refusals("ALL_OLD")).map((error) => error.Item)).toEqual([item, item, item]);
    expect((await refusals("NONE")).map((error) => error.Item)).toEqual([undefined, undefined, undefined]);
  });

  test("nothing is shown where there is no item", async () => {
    const command = new UpdateCommand({
      TableName: table,
      Key: { pk: "shown", sk: "nobody" },
      UpdateExpression: "REMOVE a",
      ConditionExpression: "attribute_exists(pk)",
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    });
    expect((await refusal(db.documents.send(command))).Item).toBeUndefined();
  });
});
