import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { describe, expect, test } from "vitest";
import { quietWorld, runUntil } from "./quiet-world.ts";
import { BucketModel } from "./services/bucket.ts";
import { QueueModel } from "./services/queues.ts";
import { TableModel } from "./services/table.ts";

const ignore = () => {};

describe("queues", () => {
  const make = () => {
    const world = quietWorld();
    const deleted: string[] = [];
    const settings = [
      { name: "work", visibilityMs: 1000, dead: { queue: "dead", maxReceiveCount: 2 } },
      { name: "dead", visibilityMs: 1000 },
    ];
    const observer = { accepted: ignore, deleted: (queue: string) => deleted.push(queue) };
    return { world, deleted, queues: new QueueModel(settings, world, observer) };
  };

  test("a claimed message is invisible until its claim runs out, and is counted each time", async () => {
    const { world, queues } = make();
    queues.send("work", "a");
    expect(queues.receive("work", 10)).toMatchObject([{ body: "a", receiveCount: 1 }]);
    await runUntil(world, 999);
    expect(queues.receive("work", 10)).toEqual([]);
    await runUntil(world, 1000);
    expect(queues.receive("work", 10)).toMatchObject([{ body: "a", receiveCount: 2 }]);
  });

  test("a batch has no more messages than were asked for", () => {
    const { queues } = make();
    for (const body of ["a", "b", "c"]) queues.send("work", body);
    expect(queues.receive("work", 2).map(({ body }) => body)).toEqual(["a", "b"]);
    expect(queues.receive("work", 2).map(({ body }) => body)).toEqual(["c"]);
  });

  test("a receipt deletes its message even when the claim has run out, unless it was received again", async () => {
    const { world, queues, deleted } = make();
    queues.send("work", "a");
    const [first] = queues.receive("work", 1);
    await runUntil(world, 1000);
    const [second] = queues.receive("work", 1);
    queues.delete("work", first?.receipt ?? "");
    expect(queues.size("work")).toBe(1);
    await runUntil(world, 2000);
    queues.delete("work", second?.receipt ?? "");
    expect(queues.size("work")).toBe(0);
    expect(deleted).toEqual(["work"]);
  });

  test("a claim can be shortened while it is held, and not afterwards", async () => {
    const { world, queues } = make();
    queues.send("work", "a");
    const [first] = queues.receive("work", 1);
    expect(queues.changeVisibility("work", first?.receipt ?? "", 0)).toBe(true);
    expect(queues.receive("work", 1)).toMatchObject([{ receiveCount: 2 }]);
    expect(queues.changeVisibility("work", first?.receipt ?? "", 0)).toBe(false);
    await runUntil(world, 1000);
    expect(queues.changeVisibility("work", first?.receipt ?? "", 0)).toBe(false);
  });

  test("a claim ends twelve hours after its receive, however it is prolonged", async () => {
    const { world, queues } = make();
    queues.send("work", "a");
    const [{ receipt = "" } = {}] = queues.receive("work", 1);
    expect(queues.mayHold("work", receipt, 43_200)).toBe(true);
    expect(queues.changeVisibility("work", receipt, 43_200)).toBe(true);
    await runUntil(world, 1000);
    expect(queues.mayHold("work", receipt, 43_200)).toBe(false);
    expect(queues.mayHold("work", receipt, 43_199)).toBe(true);
  });

  test("what was received too often goes to the dead-letter queue, with its id and its count", async () => {
    const { world, queues } = make();
    const { id } = queues.send("work", "a");
    queues.receive("work", 1);
    await runUntil(world, 1000);
    queues.receive("work", 1);
    await runUntil(world, 2000);
    expect(queues.size("dead")).toBe(0);
    expect(queues.receive("work", 1)).toEqual([]);
    expect(queues.size("work")).toBe(0);
    expect(queues.receive("dead", 1)).toMatchObject([{ id, body: "a", receiveCount: 3 }]);
  });
});

describe("table", () => {
  const key = { pk: "p", sk: "s" };
  const write = { key, condition: undefined, names: {}, values: {} };

  test("a write whose condition does not hold is refused with the SDK's exception, and changes nothing", () => {
    const refused: unknown[] = [];
    const observer = { written: ignore, refused: (_: unknown, existing: unknown) => refused.push(existing) };
    const table = new TableModel(quietWorld(), observer);
    const condition = "attribute_not_exists(pk)";
    table.write({ ...write, condition, change: { put: { a: 1 } } });
    expect(() => table.write({ ...write, condition, change: { put: { a: 2 } } })).toThrow(
      ConditionalCheckFailedException,
    );
    expect(table.get(key)).toEqual({ pk: "p", sk: "s", a: 1 });
    expect(refused).toEqual([{ pk: "p", sk: "s", a: 1 }]);
  });

  test("what was there before can still be read as it was", async () => {
    const world = quietWorld();
    const table = new TableModel(world, { written: ignore, refused: ignore });
    table.write({ ...write, change: { put: { a: 1 } } });
    await runUntil(world, 500);
    table.write({ ...write, change: { update: "SET a = :a" }, values: { ":a": 2 } });
    await runUntil(world, 1000);
    expect(table.items(0)).toEqual([{ pk: "p", sk: "s", a: 2 }]);
    expect(table.items(500)).toEqual([{ pk: "p", sk: "s", a: 2 }]);
    expect(table.items(501)).toEqual([{ pk: "p", sk: "s", a: 1 }]);
    expect(table.items(1001)).toEqual([]);
  });
});

describe("bucket", () => {
  const make = (isVersioned: boolean) => new BucketModel(isVersioned, quietWorld(), { stored: ignore });
  const thrown = (act: () => unknown): unknown => {
    try {
      return act();
    } catch (error) {
      return error;
    }
  };
  const status = (httpStatusCode: number) => expect.objectContaining({ $metadata: { httpStatusCode } });

  test("the ETag of an object is the MD5 of its content, in quotation marks", () => {
    expect(make(false).put("k", Buffer.from("hello")).etag).toBe('"5d41402abc4b2a76b9719d911017c592"');
  });

  test("what is to be new and is not answers 412, what is not there 404", () => {
    const bucket = make(false);
    bucket.put("k", Buffer.from("a"));
    expect(thrown(() => bucket.put("k", Buffer.from("b"), { onlyIfNew: true }))).toEqual(status(412));
    expect(bucket.get({ key: "k" }).bytes.toString()).toBe("a");
    expect(thrown(() => bucket.get({ key: "other" }))).toEqual(status(404));
    expect(thrown(() => bucket.head("other"))).toEqual(status(404));
  });

  test("without versions, an object that was replaced answers 412 to whoever wants the old one", () => {
    const bucket = make(false);
    const { etag } = bucket.put("k", Buffer.from("a"));
    bucket.put("k", Buffer.from("b"));
    expect(thrown(() => bucket.get({ key: "k", etag }))).toEqual(status(412));
    expect(bucket.find({ key: "k", etag })).toBeUndefined();
  });

  test("with versions, the old one is still there", () => {
    const bucket = make(true);
    const { etag, versionId } = bucket.put("k", Buffer.from("a"));
    bucket.put("k", Buffer.from("b"));
    expect(bucket.get({ key: "k", versionId }).bytes.toString()).toBe("a");
    expect(bucket.find({ key: "k", versionId, etag })?.bytes.toString()).toBe("a");
  });
});
