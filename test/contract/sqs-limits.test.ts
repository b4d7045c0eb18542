import {
  CreateQueueCommand,
  DeleteQueueCommand,
  MessageNotInflight,
  OverLimit,
  PurgeQueueCommand,
  SetQueueAttributesCommand,
  StartMessageMoveTaskCommand,
} from "@aws-sdk/client-sqs";
import { describe, expect, test, vi } from "vitest";
import { HOUR, MINUTE, SECOND } from "../../infra/local/sqs/limits.ts";
import { VirtualClock } from "../virtual-clock.ts";
import { isExternal, newName, startAccount } from "./sqs-harness.ts";

async function startVirtual(options = {}) {
  const clock = new VirtualClock();
  const { account: sqs, [Symbol.asyncDispose]: close } = await startAccount({ ...options, clock });
  return { sqs, clock, [Symbol.asyncDispose]: close };
}

// Nobody waits twelve hours for a test: these need a clock that can be moved.
describe.skipIf(isExternal)("a claim lasts twelve hours at most", () => {
  test("an extension beyond them is refused, not shortened; one up to them is granted", async () => {
    await using server = await startVirtual();
    const { sqs, clock } = server;
    const queue = await sqs.queue();
    await sqs.send(queue, "x");
    const message = await sqs.receiveOne(queue, { VisibilityTimeout: 60 });
    clock.advance(SECOND);
    const refusal = "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]";
    await expect(sqs.changeVisibility(queue, message, 43_200)).rejects.toThrow(refusal);
    clock.advance(58 * SECOND);
    expect((await sqs.counts(queue)).inFlight).toBe(1);
    clock.advance(SECOND);
    expect((await sqs.counts(queue)).inFlight).toBe(0);

    const again = await sqs.receiveOne(queue, { VisibilityTimeout: 60 });
    clock.advance(SECOND);
    await sqs.changeVisibility(queue, again, 43_199);
    clock.advance(43_198 * SECOND);
    await expect(sqs.changeVisibility(queue, again, 2)).rejects.toThrow(refusal);
    await sqs.changeVisibility(queue, again, 1);
    clock.advance(SECOND);
    expect((await sqs.counts(queue)).visible).toBe(1);
  });

  test("heartbeats add up", async () => {
    await using server = await startVirtual();
    const { sqs, clock } = server;
    const queue = await sqs.queue();
    await sqs.send(queue, "x");
    const message = await sqs.receiveOne(queue, { VisibilityTimeout: 2 * 3_600 });
    for (let hour = 0; hour < 10; hour += 1) {
      clock.advance(HOUR);
      await sqs.changeVisibility(queue, message, 2 * 3_600);
    }
    clock.advance(HOUR);
    await expect(sqs.changeVisibility(queue, message, 2 * 3_600)).rejects.toMatchObject({
      name: "InvalidParameterValue",
    });
    clock.advance(HOUR);
    await expect(sqs.changeVisibility(queue, message, 1)).rejects.toMatchObject({
      name: "InvalidParameterValue",
    });
    expect((await sqs.counts(queue)).visible).toBe(1);
  });

  test("after them the receipt handle is dead, also on a standard queue", async () => {
    await using server = await startVirtual();
    const { sqs, clock } = server;
    const queue = await sqs.queue();
    for (const body of ["1", "2"]) await sqs.send(queue, body);
    const [first, second] = await sqs.receive(queue);
    clock.advance(12 * HOUR - 1);
    await sqs.delete(queue, first!);
    clock.advance(1);
    const late = sqs.delete(queue, second!);
    await expect(late).rejects.toThrow("Reason: The receipt handle has expired.");
    expect((await sqs.counts(queue)).visible).toBe(1);
  });

  test("that has ended by itself cannot be renewed a moment later", async () => {
    await using server = await startVirtual();
    const { sqs, clock } = server;
    const queue = await sqs.queue({ VisibilityTimeout: "30" });
    await sqs.send(queue, "x");
    const message = await sqs.receiveOne(queue);
    clock.advance(30 * SECOND - 1);
    await sqs.changeVisibility(queue, message, 30);
    clock.advance(30 * SECOND);
    await expect(sqs.changeVisibility(queue, message, 30)).rejects.toThrow(MessageNotInflight);
  });
});

describe.skipIf(isExternal)("retention", () => {
  test("ends for waiting, received and delayed messages alike, whether or not anyone receives", async () => {
    await using server = await startVirtual();
    const { sqs, clock } = server;
    const queue = await sqs.queue({ MessageRetentionPeriod: "60" });
    await sqs.send(queue, "received");
    const message = await sqs.receiveOne(queue, { VisibilityTimeout: 600 });
    await sqs.send(queue, "waiting");
    await sqs.send(queue, "delayed", { DelaySeconds: 900 });
    clock.advance(60 * SECOND - 1);
    expect(await sqs.counts(queue)).toEqual({ visible: 1, inFlight: 1, delayed: 1 });
    clock.advance(1);
    expect(await sqs.counts(queue)).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
    expect(await sqs.receive(queue)).toEqual([]);
    await sqs.delete(queue, message);
    await expect(sqs.changeVisibility(queue, message, 10)).rejects.toMatchObject({
      name: "InvalidParameterValue",
    });
  });

  test("that is shortened takes effect on the messages that are there", async () => {
    await using server = await startVirtual();
    const { sqs, clock } = server;
    const queue = await sqs.queue();
    await sqs.send(queue, "old");
    clock.advance(HOUR);
    await sqs.send(queue, "new");
    await sqs.client.send(
      new SetQueueAttributesCommand({ QueueUrl: queue, Attributes: { MessageRetentionPeriod: "3600" } }),
    );
    expect(await sqs.bodies(queue)).toEqual(["new"]);
  });

  test("counts from the original sending in the dead-letter queue of a standard queue", async () => {
    await using server = await startVirtual();
    const { sqs, clock } = server;
    const { queue, dead } = await sqs.withDeadLetters(1, { VisibilityTimeout: "0" });
    // Both queues keep messages for four days.
    await sqs.send(queue, "x");
    await sqs.receiveOne(queue);
    clock.advance(95 * HOUR);
    await sqs.receive(queue);
    await sqs.send(dead, "sent here, later, to a queue that holds an older message");
    expect((await sqs.counts(dead)).visible).toBe(2);
    clock.advance(HOUR);
    expect((await sqs.counts(dead)).visible).toBe(1);
  });

  test("starts anew in a FIFO dead-letter queue, and for redriven messages", async () => {
    await using server = await startVirtual();
    const { sqs, clock } = server;
    const { queue, dead } = await sqs.withDeadLetters(1, { VisibilityTimeout: "0" }, true);
    await sqs.send(queue, "x", { MessageGroupId: "g" });
    await sqs.receiveOne(queue);
    clock.advance(95 * HOUR);
    await sqs.receive(queue);
    clock.advance(95 * HOUR);
    expect((await sqs.counts(dead)).visible).toBe(1);
    await sqs.client.send(new StartMessageMoveTaskCommand({ SourceArn: await sqs.arn(dead) }));
    clock.advance(95 * HOUR);
    expect((await sqs.counts(queue)).visible).toBe(1);
    clock.advance(HOUR);
    expect((await sqs.counts(queue)).visible).toBe(0);
  });
});

describe.skipIf(isExternal)("messages in flight", () => {
  test("beyond the limit, a short poll learns of it and a long poll finds nothing until one is deleted", async () => {
    await using server = await startAccount({ inFlightLimit: 12 });
    const sqs = server.account;
    const queue = await sqs.queue();
    for (let index = 0; index < 14; index += 1) await sqs.send(queue, `${index}`);
    expect(await sqs.receive(queue)).toHaveLength(10);
    const last = await sqs.receive(queue);
    expect(last).toHaveLength(2);
    await expect(sqs.receive(queue)).rejects.toThrow(OverLimit);
    expect(await sqs.receive(queue, { WaitTimeSeconds: 1 })).toEqual([]);
    const poll = sqs.receive(queue, { WaitTimeSeconds: 20 });
    await sqs.delete(queue, last[0]!);
    expect(await poll).toHaveLength(1);
  });

  test("beyond the limit, a FIFO queue is just empty", async () => {
    await using server = await startAccount({ inFlightLimit: 1 });
    const sqs = server.account;
    const queue = await sqs.fifo();
    for (const MessageGroupId of ["a", "b"]) await sqs.send(queue, MessageGroupId, { MessageGroupId });
    expect(await sqs.receive(queue)).toHaveLength(1);
    expect(await sqs.receive(queue)).toEqual([]);
  });
});

describe.skipIf(isExternal)("what is remembered for a while", () => {
  test("a deduplication id: five minutes from the first message, though it was repeated", async () => {
    await using server = await startVirtual();
    const { sqs, clock } = server;
    const queue = await sqs.fifo();
    const send = () => sqs.send(queue, "x", { MessageGroupId: "g" });
    await send();
    clock.advance(3 * MINUTE);
    await send();
    clock.advance(2 * MINUTE - 1);
    await send();
    expect((await sqs.counts(queue)).visible).toBe(1);
    clock.advance(1);
    await send();
    expect((await sqs.counts(queue)).visible).toBe(2);
  });

  test("a receive attempt: five minutes, each repetition starting the visibility timeout anew", async () => {
    await using server = await startVirtual();
    const { sqs, clock } = server;
    const queue = await sqs.fifo({ VisibilityTimeout: "400" });
    await sqs.send(queue, "x", { MessageGroupId: "g" });
    const receive = () => sqs.bodies(queue, { ReceiveRequestAttemptId: "attempt" });
    expect(await receive()).toEqual(["x"]);
    clock.advance(4 * MINUTE);
    expect(await receive()).toEqual(["x"]);
    clock.advance(200 * SECOND);
    expect((await sqs.counts(queue)).inFlight).toBe(1);
    clock.advance(100 * SECOND);
    expect(await receive()).toEqual([]);
  });

  test("a purge and the name of a deleted queue: a minute", async () => {
    await using server = await startVirtual();
    const { sqs, clock } = server;
    const name = newName();
    const queue = await sqs.queue({}, name);
    const purge = () => sqs.client.send(new PurgeQueueCommand({ QueueUrl: queue }));
    const create = () => sqs.client.send(new CreateQueueCommand({ QueueName: name }));
    await purge();
    clock.advance(MINUTE - 1);
    await expect(purge()).rejects.toMatchObject({ name: "PurgeQueueInProgress" });
    clock.advance(1);
    await purge();
    await sqs.client.send(new DeleteQueueCommand({ QueueUrl: queue }));
    clock.advance(MINUTE - 1);
    await expect(create()).rejects.toMatchObject({ name: "QueueDeletedRecently" });
    clock.advance(1);
    await create();
  });

  test("neither, if cooldowns are switched off", async () => {
    await using server = await startAccount({ cooldowns: false });
    const sqs = server.account;
    const name = newName();
    const queue = await sqs.queue({}, name);
    for (let twice = 0; twice < 2; twice += 1)
      await sqs.client.send(new PurgeQueueCommand({ QueueUrl: queue }));
    await sqs.client.send(new DeleteQueueCommand({ QueueUrl: queue }));
    await sqs.queue({}, name);
  });
});

test.skipIf(isExternal)("the longest delay is a quarter of an hour to the millisecond", async () => {
  await using server = await startVirtual();
  const { sqs, clock } = server;
  const queue = await sqs.queue();
  await sqs.send(queue, "x", { DelaySeconds: 900 });
  const poll = sqs.bodies(queue, { WaitTimeSeconds: 20 });
  // The poll must have arrived before time goes on; a second one on another connection shows nothing of it.
  await vi.waitFor(() => expect(clock.waiting).toBe(2), { timeout: 30_000 });
  clock.advance(20 * SECOND);
  expect(await poll).toEqual([]);
  clock.advance(880 * SECOND - 1);
  expect(await sqs.counts(queue)).toEqual({ visible: 0, inFlight: 0, delayed: 1 });
  clock.advance(1);
  expect(await sqs.bodies(queue)).toEqual(["x"]);
});
