import { appendFileSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  DeleteMessageBatchCommand,
  DeleteQueueCommand,
  ListMessageMoveTasksCommand,
  ListQueueTagsCommand,
  PurgeQueueCommand,
  StartMessageMoveTaskCommand,
  TagQueueCommand,
} from "@aws-sdk/client-sqs";
import { beforeEach, describe, expect, test } from "vitest";
import { Journal } from "../../infra/local/sqs/journal.ts";
import { SECOND } from "../../infra/local/sqs/limits.ts";
import type { JournalRecord } from "../../infra/local/sqs/records.ts";
import type { SqsOptions } from "../../infra/local/sqs/server.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { VirtualClock } from "../virtual-clock.ts";
import { isExternal, newName, startAccount } from "./sqs-harness.ts";

let directory: string;
let clock: VirtualClock;
beforeEach(() => {
  directory = temporaryFolder();
  clock = new VirtualClock();
});

const journal = () => join(directory, "sqs.journal");
const start = (options: SqsOptions = {}) => startAccount({ directory, clock, ...options });

/** Starts twice: the first one replays what was written, the second one the snapshot that the first has made of it. */
async function restart() {
  await (await start())[Symbol.asyncDispose]();
  return start();
}

// An external service is not ours to restart.
describe.skipIf(isExternal)("after a restart", () => {
  test("every message is as it was: waiting, received, delayed", async () => {
    const name = newName();
    await using before = await start();
    const queue = await before.account.queue({ VisibilityTimeout: "60" }, name);
    await before.account.client.send(new TagQueueCommand({ QueueUrl: queue, Tags: { stage: "test" } }));
    for (const body of ["deleted", "received", "held"]) await before.account.send(queue, body);
    const [deleted, received, held] = await before.account.receive(queue);
    await before.account.delete(queue, deleted!);
    await before.account.changeVisibility(queue, held!, 600);
    const MessageAttributes = { bytes: { DataType: "Binary", BinaryValue: new Uint8Array([1, 2, 3]) } };
    await before.account.send(queue, "wäiting\n😀", { MessageAttributes });
    await before.account.send(queue, "delayed", { DelaySeconds: 100 });
    await before[Symbol.asyncDispose]();

    clock.advance(30 * SECOND);
    await using after = await restart();
    const sqs = after.account;
    // The URL has the port of the process that is gone.
    expect(await sqs.counts(queue)).toEqual({ visible: 1, inFlight: 2, delayed: 1 });
    expect(await sqs.attributes(queue)).toMatchObject({
      VisibilityTimeout: "60",
      CreatedTimestamp: "1767225600",
    });
    expect((await sqs.client.send(new ListQueueTagsCommand({ QueueUrl: queue }))).Tags).toEqual({
      stage: "test",
    });
    const waiting = await sqs.receiveOne(queue, { VisibilityTimeout: 3_600 });
    expect(waiting).toMatchObject({ Body: "wäiting\n😀", MessageAttributes });

    clock.advance(30 * SECOND - 1);
    expect((await sqs.counts(queue)).visible).toBe(0);
    clock.advance(1);
    const again = await sqs.receiveOne(queue, { VisibilityTimeout: 3_600 });
    expect(again).toMatchObject({
      Body: "received",
      MessageId: received!.MessageId,
      Attributes: { ApproximateReceiveCount: "2", ApproximateFirstReceiveTimestamp: "1767225600000" },
    });
    clock.advance(40 * SECOND);
    expect(await sqs.bodies(queue)).toEqual(["delayed"]);
    // The handle of the first process still works.
    await sqs.delete(queue, held!);
    expect(await sqs.counts(queue)).toEqual({ visible: 0, inFlight: 3, delayed: 0 });
  });

  test("a FIFO queue knows its order, its locks and the deduplication ids", async () => {
    await using before = await start();
    const queue = await before.account.fifo();
    for (const body of ["a1", "a2", "b1"]) {
      await before.account.send(queue, body, { MessageGroupId: body.slice(0, 1) });
    }
    const first = await before.account.receiveOne(queue, { MaxNumberOfMessages: 1 });
    await before[Symbol.asyncDispose]();
    await using after = await restart();
    const sqs = after.account;
    expect(await sqs.bodies(queue)).toEqual(["b1"]);
    await sqs.delete(queue, first);
    await sqs.send(queue, "a1", { MessageGroupId: "a" });
    expect(await sqs.bodies(queue)).toEqual(["a2"]);
  });

  test("a dead-letter queue has what it had, and a move task goes on", async () => {
    await using before = await start();
    const { queue, dead } = await before.account.withDeadLetters(1, { VisibilityTimeout: "0" });
    for (const body of ["1", "2", "3"]) await before.account.send(queue, body);
    for (let twice = 0; twice < 2; twice += 1) await before.account.receive(queue);
    const SourceArn = await before.account.arn(dead);
    await before.account.client.send(
      new StartMessageMoveTaskCommand({ SourceArn, MaxNumberOfMessagesPerSecond: 1 }),
    );
    clock.advance(0);
    expect((await before.account.counts(queue)).visible).toBe(1);
    await before[Symbol.asyncDispose]();
    await using after = await restart();
    const sqs = after.account;
    expect((await sqs.counts(dead)).visible).toBe(2);
    expect(await sqs.receive(dead, { MaxNumberOfMessages: 1, VisibilityTimeout: 0 })).toMatchObject([
      { Attributes: { ApproximateReceiveCount: "2", DeadLetterQueueSourceArn: await sqs.arn(queue) } },
    ]);
    clock.advance(3 * SECOND);
    expect((await sqs.counts(queue)).visible).toBe(3);
    const { Results } = await sqs.client.send(new ListMessageMoveTasksCommand({ SourceArn }));
    expect(Results).toMatchObject([{ Status: "COMPLETED", ApproximateNumberOfMessagesMoved: 3 }]);
  });

  test("what was purged stays away, and a deleted queue too", async () => {
    const name = newName();
    await using before = await start();
    const { client } = before.account;
    const queue = await before.account.queue();
    await before.account.send(queue, "x");
    await client.send(new PurgeQueueCommand({ QueueUrl: queue }));
    await client.send(new DeleteQueueCommand({ QueueUrl: await before.account.queue({}, name) }));
    await before[Symbol.asyncDispose]();
    await using after = await restart();
    const sqs = after.account;
    expect(await sqs.counts(queue)).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
    const purge = sqs.client.send(new PurgeQueueCommand({ QueueUrl: queue }));
    await expect(purge).rejects.toMatchObject({ name: "PurgeQueueInProgress" });
    await expect(sqs.queue({}, name)).rejects.toMatchObject({ name: "QueueDeletedRecently" });
  });

  test("the handle of a deleted message does not fit a later one", async () => {
    await using before = await start();
    const queue = await before.account.queue();
    await before.account.send(queue, "first");
    const first = await before.account.receiveOne(queue);
    await before.account.delete(queue, first);
    await before[Symbol.asyncDispose]();
    await using after = await restart();
    const sqs = after.account;
    await sqs.send(queue, "second");
    await sqs.receiveOne(queue);
    await sqs.delete(queue, first);
    expect(await sqs.counts(queue)).toEqual({ visible: 0, inFlight: 1, delayed: 0 });
  });

  test("claims are released if the starter says that their holders are gone", async () => {
    await using before = await start();
    const queue = await before.account.queue();
    await before.account.send(queue, "x");
    await before.account.receiveOne(queue);
    await before[Symbol.asyncDispose]();
    await using after = await start({ releaseClaims: true });
    expect((await after.account.receiveOne(queue)).Attributes?.ApproximateReceiveCount).toBe("2");
  });

  test("without a directory all is forgotten", async () => {
    await using before = await startAccount();
    const queue = await before.account.queue();
    await before[Symbol.asyncDispose]();
    await using after = await startAccount();
    await expect(after.account.counts(queue)).rejects.toMatchObject({ name: "QueueDoesNotExist" });
  });
});

describe.skipIf(isExternal)("the file", () => {
  test("holds what was acknowledged, at the moment of the acknowledgement", async () => {
    await using server = await start();
    const queue = await server.account.queue();
    const bodies = Array.from({ length: 20 }, (_, index) => `message ${index} of twenty`);
    await Promise.all(
      bodies.map(async (body) => {
        await server.account.send(queue, body);
        expect(readFileSync(journal(), "utf8")).toContain(body);
      }),
    );
  });

  test("may end in half a line: what was acknowledged before is there", async () => {
    await using before = await start();
    const queue = await before.account.queue();
    await before.account.send(queue, "whole");
    await before[Symbol.asyncDispose]();
    const [last] = readFileSync(journal(), "utf8").trimEnd().split("\n").slice(-1);
    appendFileSync(journal(), last!.replace("whole", "torn").slice(0, -1));
    await using after = await start();
    expect(await after.account.bodies(queue)).toEqual(["whole"]);
    await after.account.send(queue, "next");
    await after[Symbol.asyncDispose]();
    await using again = await start();
    expect(await again.account.counts(queue)).toEqual({ visible: 1, inFlight: 1, delayed: 0 });
  });

  test("is refused if it is damaged elsewhere, with the number of the line", async () => {
    await using before = await start();
    await before.account.queue();
    await before[Symbol.asyncDispose]();
    writeFileSync(journal(), readFileSync(journal(), "utf8").replace('"start"', '"start'));
    await expect(start()).rejects.toThrow(/sqs\.journal, line 1: not a record; the file is damaged/);
  });

  test("does not grow with what is gone", async () => {
    await using server = await start();
    const sqs = server.account;
    const queue = await sqs.queue();
    await sqs.send(queue, "stays");
    const kept = await sqs.receiveOne(queue, { VisibilityTimeout: 43_200 });
    for (let round = 0; round < 12; round += 1) {
      await sqs.send(queue, "x".repeat(1_000_000));
      const { ReceiptHandle } = await sqs.receiveOne(queue);
      const Entries = [{ Id: "1", ReceiptHandle }];
      await sqs.client.send(new DeleteMessageBatchCommand({ QueueUrl: queue, Entries }));
    }
    expect(statSync(journal()).size).toBeLessThan(5_500_000);
    await server[Symbol.asyncDispose]();
    await using after = await start();
    expect(statSync(journal()).size).toBeLessThan(2_000);
    expect(await after.account.counts(queue)).toEqual({ visible: 0, inFlight: 1, delayed: 0 });
    await after.account.delete(queue, kept);
  });

  test("that another process has taken over takes nothing in any more", async () => {
    await using earlier = await start();
    const queue = await earlier.account.queue();
    await using later = await start();
    await expect(earlier.account.send(queue, "x")).rejects.toMatchObject({
      $metadata: { httpStatusCode: 500 },
    });
    await later.account.send(queue, "y");
    expect(await later.account.bodies(queue)).toEqual(["y"]);
  });
});

describe.skipIf(isExternal)("a journal", () => {
  const record: JournalRecord = { do: "purge", at: 0, queue: "q" };
  const line = `${JSON.stringify(record)}\n`;

  test("puts many records into one write, and tells nobody before it", () => {
    const told: string[] = [];
    let requests = 0;
    const countRequest = () => {
      requests += 1;
    };
    const log = Journal.open(directory, ignore, () => [], countRequest);
    for (const name of ["first", "second"]) {
      log.append(record);
      log.whenWritten(() => told.push(name));
    }
    expect(requests).toBe(1);
    expect(told).toEqual([]);
    expect(statSync(journal()).size).toBe(0);
    log.write();
    expect(told).toEqual(["first", "second"]);
    expect(readFileSync(journal(), "utf8")).toBe(line.repeat(2));
    log.close();
  });

  test("is whole if the process dies while it is compacted", () => {
    writeFileSync(journal(), line.repeat(2));
    const dying = function* () {
      yield record;
      throw new Error("dies here");
    };
    expect(() => Journal.open(directory, ignore, dying, ignore)).toThrow("dies here");
    const seen: JournalRecord[] = [];
    Journal.open(
      directory,
      (one) => seen.push(one),
      () => [record],
      ignore,
    ).close();
    expect(seen).toEqual([record, record]);
    expect(readFileSync(journal(), "utf8")).toBe(line);
  });

  const ignore = () => {};
});
