import { PurgeQueueCommand, SendMessageBatchCommand } from "@aws-sdk/client-sqs";
import { describe, expect, test } from "vitest";
import { sleep, useAccount } from "./sqs-harness.ts";

const sqs = useAccount();

/** Sends bodies like `a1`, whose letter is the message group. */
async function sendAll(queue: string, ...bodies: string[]): Promise<void> {
  for (const body of bodies) await sqs.send(queue, body, { MessageGroupId: body.slice(0, 1) });
}

describe.concurrent("the order of a group", () => {
  test("one receive gets many messages of a group, in the order of sending", async () => {
    const queue = await sqs.fifo();
    await sendAll(queue, "a1", "a2", "a3", "a4", "a5");
    expect(await sqs.bodies(queue)).toEqual(["a1", "a2", "a3", "a4", "a5"]);
  });

  test("holds from receive to receive", async () => {
    const queue = await sqs.fifo();
    await sendAll(queue, "a1", "a2", "a3", "a4");
    const seen: (string | undefined)[] = [];
    while (seen.length < 4) {
      const message = await sqs.receiveOne(queue, { MaxNumberOfMessages: 1 });
      seen.push(message.Body);
      await sqs.delete(queue, message);
    }
    expect(seen).toEqual(["a1", "a2", "a3", "a4"]);
  });

  test("holds after a visibility timeout", async () => {
    const queue = await sqs.fifo({ VisibilityTimeout: "1" });
    await sendAll(queue, "a1", "a2", "a3");
    expect(await sqs.bodies(queue)).toEqual(["a1", "a2", "a3"]);
    await sleep(1_200);
    expect(await sqs.bodies(queue)).toEqual(["a1", "a2", "a3"]);
  });

  test("numbers ascend", async () => {
    const queue = await sqs.fifo();
    const numbers = [];
    for (const body of ["a1", "a2", "a3"]) {
      numbers.push((await sqs.send(queue, body, { MessageGroupId: "a" })).SequenceNumber);
    }
    expect(numbers).toEqual([...numbers].sort());
    const received = (await sqs.receive(queue)).map(({ Attributes }) => Attributes?.SequenceNumber);
    expect(received).toEqual(numbers);
  });
});

describe.concurrent("the lock of a group", () => {
  test("while a message is in flight, those behind it wait and other groups flow", async () => {
    const queue = await sqs.fifo();
    await sendAll(queue, "a1", "a2", "b1");
    const first = await sqs.receiveOne(queue, { MaxNumberOfMessages: 1 });
    expect(first.Body).toBe("a1");
    expect(await sqs.bodies(queue)).toEqual(["b1"]);
    expect(await sqs.bodies(queue)).toEqual([]);
    await sqs.delete(queue, first);
    expect(await sqs.bodies(queue)).toEqual(["a2"]);
  });

  test("deleting the first of two leaves the group locked by the second", async () => {
    const queue = await sqs.fifo();
    await sendAll(queue, "a1", "a2", "a3");
    const [first, second] = await sqs.receive(queue, { MaxNumberOfMessages: 2 });
    await sqs.delete(queue, first!);
    expect(await sqs.bodies(queue)).toEqual([]);
    await sqs.delete(queue, second!);
    expect(await sqs.bodies(queue)).toEqual(["a3"]);
  });

  test("messages before the one in flight can be received, those behind it cannot", async () => {
    const queue = await sqs.fifo();
    await sendAll(queue, "a1", "a2", "a3");
    const [first, , third] = await sqs.receive(queue);
    await sqs.changeVisibility(queue, first!, 0);
    await sqs.changeVisibility(queue, third!, 0);
    expect(await sqs.bodies(queue)).toEqual(["a1"]);
  });

  test("a group whose message came back stands behind the groups that wait", async () => {
    const queue = await sqs.fifo();
    await sendAll(queue, "a1", "a2", "b1");
    const [first] = await sqs.receive(queue, { MaxNumberOfMessages: 2 });
    await sqs.changeVisibility(queue, first!, 0);
    expect(await sqs.bodies(queue)).toEqual(["b1", "a1"]);
  });

  test("messages of a locked group count as visible", async () => {
    const queue = await sqs.fifo();
    await sendAll(queue, "a1", "a2", "b1", "b2");
    await sqs.receive(queue, { MaxNumberOfMessages: 1 });
    expect(await sqs.counts(queue)).toEqual({ visible: 3, inFlight: 1, delayed: 0 });
  });

  test("a long poll is answered when the lock ends", async () => {
    const queue = await sqs.fifo();
    await sendAll(queue, "a1", "a2");
    const first = await sqs.receiveOne(queue, { MaxNumberOfMessages: 1 });
    const poll = sqs.bodies(queue, { WaitTimeSeconds: 20 });
    await sleep(100);
    await sqs.delete(queue, first);
    expect(await poll).toEqual(["a2"]);
  });

  test("the handle dies with the visibility timeout", async () => {
    const queue = await sqs.fifo({ VisibilityTimeout: "1" });
    await sendAll(queue, "a1");
    const message = await sqs.receiveOne(queue);
    await sleep(1_200);
    const late = sqs.delete(queue, message);
    await expect(late).rejects.toMatchObject({ name: "InvalidParameterValue" });
    await expect(late).rejects.toThrow("Reason: The receipt handle has expired.");
    expect(await sqs.bodies(queue)).toEqual(["a1"]);
  });
});

describe.concurrent("deduplication", () => {
  test("a second message of the same id is accepted, but not delivered, also after the first was deleted", async () => {
    const queue = await sqs.fifo();
    const first = await sqs.send(queue, "x", { MessageGroupId: "g", MessageDeduplicationId: "d" });
    const second = await sqs.send(queue, "y", { MessageGroupId: "g", MessageDeduplicationId: "d" });
    expect(second).toMatchObject({ MessageId: first.MessageId, SequenceNumber: first.SequenceNumber });
    await sqs.delete(queue, await sqs.receiveOne(queue));
    await sqs.send(queue, "z", { MessageGroupId: "g", MessageDeduplicationId: "d" });
    expect(await sqs.receive(queue)).toEqual([]);
  });

  test("without an id, the body is the id", async () => {
    const queue = await sqs.fifo();
    await sendAll(queue, "a1", "a1", "a2");
    expect(await sqs.bodies(queue)).toEqual(["a1", "a2"]);
  });

  test("holds within a batch", async () => {
    const queue = await sqs.fifo();
    const Entries = ["1", "2"].map((Id) => ({ Id, MessageBody: "same", MessageGroupId: "g" }));
    const { Successful } = await sqs.client.send(new SendMessageBatchCommand({ QueueUrl: queue, Entries }));
    expect(Successful?.[1]?.MessageId).toBe(Successful?.[0]?.MessageId);
    expect((await sqs.counts(queue)).visible).toBe(1);
  });

  test("knows groups apart if the queue says so", async () => {
    const queue = await sqs.fifo({ DeduplicationScope: "messageGroup" });
    for (const MessageGroupId of ["a", "b"]) await sqs.send(queue, "x", { MessageGroupId });
    expect((await sqs.counts(queue)).visible).toBe(2);
  });

  test("is forgotten by a purge", async () => {
    const queue = await sqs.fifo();
    await sendAll(queue, "a1");
    await sqs.client.send(new PurgeQueueCommand({ QueueUrl: queue }));
    await sendAll(queue, "a1");
    expect(await sqs.bodies(queue)).toEqual(["a1"]);
  });

  test("one of the two, an id or deduplication by content, there must be", async () => {
    const queue = await sqs.fifo({ ContentBasedDeduplication: "false" });
    const refusal =
      "either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly";
    await expect(sqs.send(queue, "x", { MessageGroupId: "g" })).rejects.toThrow(refusal);
    const Entries = [{ Id: "1", MessageBody: "x", MessageGroupId: "g" }];
    const batch = new SendMessageBatchCommand({ QueueUrl: queue, Entries });
    await expect(sqs.client.send(batch)).rejects.toThrow(refusal);
  });
});

describe.concurrent("what a FIFO queue wants of a sender", () => {
  test("a message group", async () => {
    const queue = await sqs.fifo();
    await expect(sqs.send(queue, "x")).rejects.toMatchObject({ name: "MissingParameter" });
  });

  test.for(["a b", "x".repeat(129), "ü"])(
    "ids of punctuation and alphanumerics only, not '%s'",
    async (id) => {
      const queue = await sqs.fifo();
      await expect(sqs.send(queue, "x", { MessageGroupId: id })).rejects.toMatchObject({
        name: "InvalidParameterValue",
      });
    },
  );

  test("no delay for a single message; that of the queue holds", async () => {
    const queue = await sqs.fifo({ DelaySeconds: "1" });
    await expect(sqs.send(queue, "x", { MessageGroupId: "g", DelaySeconds: 2 })).rejects.toMatchObject({
      name: "InvalidParameterValue",
    });
    await sendAll(queue, "a1", "a2");
    expect(await sqs.counts(queue)).toEqual({ visible: 0, inFlight: 0, delayed: 2 });
    expect(await sqs.bodies(queue, { WaitTimeSeconds: 3, MaxNumberOfMessages: 1 })).toEqual(["a1"]);
  });
});

describe.concurrent("a repeated receive", () => {
  test("with the same attempt id gets the same messages and handles", async () => {
    const queue = await sqs.fifo();
    await sendAll(queue, "a1");
    const first = await sqs.receiveOne(queue, { ReceiveRequestAttemptId: "attempt" });
    const again = await sqs.receiveOne(queue, { ReceiveRequestAttemptId: "attempt" });
    expect(again).toEqual(first);
    await sqs.delete(queue, again);
    expect(await sqs.receive(queue, { ReceiveRequestAttemptId: "attempt" })).toEqual([]);
  });
});
