import { DeleteMessageBatchCommand, RequestThrottled, SendMessageBatchCommand } from "@aws-sdk/client-sqs";
import { describe, expect, test } from "vitest";
import { SECOND } from "../../infra/local/sqs/limits.ts";
import { VirtualClock } from "../virtual-clock.ts";
import { isExternal, startAccount } from "./sqs-harness.ts";

const entries = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ Id: `${index}`, MessageBody: `${index}` }));

// The switches are ours: no other service has them.
describe.skipIf(isExternal)("a fault switch", () => {
  test("shuffles what a standard queue delivers, in the same way for the same seed, and loses nothing", async () => {
    const orders: (string | undefined)[][] = [];
    for (const seed of [7, 7, 8]) {
      await using server = await startAccount({ faults: { shuffle: true, seed } });
      const queue = await server.account.queue();
      await server.account.client.send(
        new SendMessageBatchCommand({ QueueUrl: queue, Entries: entries(10) }),
      );
      orders.push(await server.account.bodies(queue));
    }
    const [first, second, third] = orders;
    expect(first).toEqual(second);
    expect(first).not.toEqual(third);
    expect(first).not.toEqual(entries(10).map(({ MessageBody }) => MessageBody));
    expect([...(first ?? [])].sort()).toEqual(entries(10).map(({ MessageBody }) => MessageBody));
  });

  test("leaves the order of a FIFO queue alone", async () => {
    await using server = await startAccount({ faults: { shuffle: true, duplicate: 1 } });
    const sqs = server.account;
    const queue = await sqs.fifo();
    for (const body of ["1", "2", "3", "4", "5"]) await sqs.send(queue, body, { MessageGroupId: "g" });
    expect(await sqs.bodies(queue)).toEqual(["1", "2", "3", "4", "5"]);
    expect(await sqs.counts(queue)).toEqual({ visible: 0, inFlight: 5, delayed: 0 });
  });

  test("delivers a message a second time, though the first delivery was deleted, and not a third", async () => {
    const clock = new VirtualClock();
    await using server = await startAccount({ clock, faults: { duplicate: 1 } });
    const sqs = server.account;
    const queue = await sqs.queue();
    const { MessageId } = await sqs.send(queue, "x");
    const first = await sqs.receiveOne(queue);
    await sqs.delete(queue, first);
    clock.advance(30 * SECOND);
    const second = await sqs.receiveOne(queue);
    expect(second).toMatchObject({ MessageId, Body: "x" });
    expect(second.ReceiptHandle).not.toBe(first.ReceiptHandle);
    await sqs.delete(queue, second);
    clock.advance(60 * SECOND);
    expect(await sqs.counts(queue)).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
  });

  test("delivers late", async () => {
    const clock = new VirtualClock();
    await using server = await startAccount({ clock, faults: { late: 1, latestBySeconds: 5 } });
    const sqs = server.account;
    const queue = await sqs.queue();
    await sqs.send(queue, "x");
    expect(await sqs.bodies(queue)).toEqual([]);
    clock.advance(5 * SECOND);
    expect(await sqs.bodies(queue)).toEqual(["x"]);
  });

  test("throttles, without effect, until it is switched off", async () => {
    await using server = await startAccount();
    const { account: sqs, sqs: emulator } = server;
    const queue = await sqs.queue();
    emulator.setFaults({ throttle: 1 });
    await expect(sqs.send(queue, "x")).rejects.toThrow(RequestThrottled);
    emulator.setFaults({ throttle: 0 });
    expect((await sqs.counts(queue)).visible).toBe(0);
  });

  test("fails single entries of a batch, without effect", async () => {
    await using server = await startAccount({ faults: { failEntry: 0.5, seed: 3 } });
    const { account: sqs, sqs: emulator } = server;
    const queue = await sqs.queue();
    const send = new SendMessageBatchCommand({ QueueUrl: queue, Entries: entries(10) });
    const sent = await sqs.client.send(send);
    expect(sent.Failed!.length).toBeGreaterThan(0);
    expect(sent.Failed![0]).toMatchObject({ Code: "InternalError", SenderFault: false });
    expect(sent.Successful!.length + sent.Failed!.length).toBe(10);
    expect((await sqs.counts(queue)).visible).toBe(sent.Successful!.length);
    emulator.setFaults({ failEntry: 1 });
    const received = await sqs.receive(queue);
    const Entries = received.map(({ ReceiptHandle }, index) => ({ Id: `${index}`, ReceiptHandle }));
    const deleted = await sqs.client.send(new DeleteMessageBatchCommand({ QueueUrl: queue, Entries }));
    expect(deleted.Failed).toHaveLength(received.length);
    expect((await sqs.counts(queue)).inFlight).toBe(received.length);
  });

  test("is off unless it is switched on", async () => {
    await using server = await startAccount();
    const sqs = server.account;
    const queue = await sqs.queue();
    for (let batch = 0; batch < 10; batch += 1) {
      const send = new SendMessageBatchCommand({ QueueUrl: queue, Entries: entries(10) });
      expect((await sqs.client.send(send)).Failed ?? []).toEqual([]);
      expect(await sqs.bodies(queue)).toEqual(entries(10).map(({ MessageBody }) => MessageBody));
    }
    expect(await sqs.counts(queue)).toEqual({ visible: 0, inFlight: 100, delayed: 0 });
  });
});

test.skipIf(isExternal)("every request is counted under its name, refused ones too", async () => {
  const calls: string[] = [];
  await using server = await startAccount({ onCall: (operation) => calls.push(operation) });
  const queue = await server.account.queue();
  await server.account.send(queue, "x");
  await expect(server.account.send(queue, "")).rejects.toThrow();
  await server.account.receive(queue);
  expect(calls).toEqual(["CreateQueue", "SendMessage", "SendMessage", "ReceiveMessage"]);
});
