import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  MessageNotInflight,
  ReceiptHandleIsInvalid,
} from "@aws-sdk/client-sqs";
import { describe, expect, test } from "vitest";
import { sleep, useAccount } from "./sqs-harness.ts";

const sqs = useAccount();

describe.concurrent("the visibility timeout", () => {
  test("hides a received message until it ends, then gives it out under a new handle", async () => {
    const queue = await sqs.queue({ VisibilityTimeout: "1" });
    await sqs.send(queue, "x");
    const first = await sqs.receiveOne(queue);
    expect(first.Attributes?.ApproximateReceiveCount).toBe("1");
    expect(await sqs.receive(queue)).toEqual([]);
    const second = await sqs.receiveOne(queue, { WaitTimeSeconds: 20 });
    expect(second.MessageId).toBe(first.MessageId);
    expect(second.ReceiptHandle).not.toBe(first.ReceiptHandle);
    expect(second.Attributes).toMatchObject({
      ApproximateReceiveCount: "2",
      ApproximateFirstReceiveTimestamp: first.Attributes?.ApproximateFirstReceiveTimestamp,
      SentTimestamp: first.Attributes?.SentTimestamp,
    });
  });

  test("can be set for one receive", async () => {
    const queue = await sqs.queue();
    await sqs.send(queue, "x");
    await sqs.receiveOne(queue, { VisibilityTimeout: 1 });
    expect(await sqs.bodies(queue, { WaitTimeSeconds: 20 })).toEqual(["x"]);
  });

  test("is extended by a heartbeat, again and again", async () => {
    const queue = await sqs.queue({ VisibilityTimeout: "4" });
    await sqs.send(queue, "x");
    const message = await sqs.receiveOne(queue);
    for (let beat = 0; beat < 3; beat += 1) {
      await sleep(1_500);
      await sqs.changeVisibility(queue, message, 4);
    }
    expect(await sqs.receive(queue)).toEqual([]);
    expect(await sqs.bodies(queue, { WaitTimeSeconds: 20 })).toEqual(["x"]);
  });

  test("set to 0, it gives the message back at once", async () => {
    const queue = await sqs.queue();
    await sqs.send(queue, "x");
    await sqs.changeVisibility(queue, await sqs.receiveOne(queue), 0);
    expect((await sqs.receiveOne(queue)).Attributes?.ApproximateReceiveCount).toBe("2");
  });

  test("is changed for a batch", async () => {
    const queue = await sqs.queue();
    await sqs.send(queue, "x");
    await sqs.send(queue, "y");
    const received = await sqs.receive(queue);
    const Entries = [
      ...received.map(({ ReceiptHandle }, index) => ({
        Id: `${index}`,
        ReceiptHandle,
        VisibilityTimeout: 0,
      })),
      { Id: "garbage", ReceiptHandle: "garbage", VisibilityTimeout: 0 },
      { Id: "too-long", ReceiptHandle: received[0]?.ReceiptHandle, VisibilityTimeout: 43_201 },
    ];
    const changed = await sqs.client.send(
      new ChangeMessageVisibilityBatchCommand({ QueueUrl: queue, Entries }),
    );
    expect(changed.Successful).toEqual([{ Id: "0" }, { Id: "1" }]);
    expect(changed.Failed).toMatchObject([
      { Id: "garbage", Code: "ReceiptHandleIsInvalid", SenderFault: true },
      { Id: "too-long", Code: "InvalidParameterValue", SenderFault: true },
    ]);
    expect((await sqs.bodies(queue)).sort()).toEqual(["x", "y"]);
  });

  test("cannot be changed when the message is deleted", async () => {
    const queue = await sqs.queue();
    await sqs.send(queue, "x");
    const message = await sqs.receiveOne(queue);
    await sqs.delete(queue, message);
    await expect(sqs.changeVisibility(queue, message, 10)).rejects.toMatchObject({
      name: "InvalidParameterValue",
    });
  });

  test("cannot be changed when it has ended: a late heartbeat does not take the message back", async () => {
    const queue = await sqs.queue({ VisibilityTimeout: "1" });
    await sqs.send(queue, "x");
    const message = await sqs.receiveOne(queue);
    await sleep(1_200);
    await expect(sqs.changeVisibility(queue, message, 10)).rejects.toThrow(MessageNotInflight);
    expect(await sqs.bodies(queue)).toEqual(["x"]);
  });

  test("of another's claim cannot be changed with an old handle", async () => {
    const queue = await sqs.queue();
    await sqs.send(queue, "x");
    const old = await sqs.receiveOne(queue, { VisibilityTimeout: 0 });
    await sqs.receiveOne(queue);
    await expect(sqs.changeVisibility(queue, old, 0)).rejects.toThrow(MessageNotInflight);
    expect(await sqs.receive(queue)).toEqual([]);
  });
});

describe.concurrent("deleting", () => {
  test("a batch of handles: garbage fails alone", async () => {
    const queue = await sqs.queue();
    await sqs.send(queue, "x");
    const { ReceiptHandle } = await sqs.receiveOne(queue);
    const Entries = [
      { Id: "good", ReceiptHandle },
      { Id: "bad", ReceiptHandle: "garbage" },
    ];
    const deleted = await sqs.client.send(new DeleteMessageBatchCommand({ QueueUrl: queue, Entries }));
    expect(deleted.Successful).toEqual([{ Id: "good" }]);
    expect(deleted.Failed).toMatchObject([{ Id: "bad", Code: "ReceiptHandleIsInvalid" }]);
    expect(await sqs.counts(queue)).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
  });

  test("with a handle of another queue is refused", async () => {
    const [queue, other] = [await sqs.queue(), await sqs.queue()];
    await sqs.send(queue, "x");
    const message = await sqs.receiveOne(queue);
    await expect(sqs.delete(other, message)).rejects.toThrow(ReceiptHandleIsInvalid);
  });

  test("twice is as good as once", async () => {
    const queue = await sqs.queue();
    await sqs.send(queue, "x");
    const message = await sqs.receiveOne(queue);
    await sqs.delete(queue, message);
    await sqs.delete(queue, message);
  });

  test("works after the visibility timeout, if nobody has received the message since", async () => {
    const queue = await sqs.queue({ VisibilityTimeout: "1" });
    await sqs.send(queue, "x");
    const message = await sqs.receiveOne(queue);
    await sleep(1_200);
    expect((await sqs.counts(queue)).visible).toBe(1);
    await sqs.delete(queue, message);
    expect(await sqs.receive(queue)).toEqual([]);
  });

  test("does nothing with an old handle, once another has received the message", async () => {
    const queue = await sqs.queue({ VisibilityTimeout: "1" });
    await sqs.send(queue, "x");
    const old = await sqs.receiveOne(queue);
    const anothers = await sqs.receiveOne(queue, { WaitTimeSeconds: 3, VisibilityTimeout: 1 });
    await sqs.delete(queue, old);
    expect(await sqs.counts(queue)).toEqual({ visible: 0, inFlight: 1, delayed: 0 });
    const latest = await sqs.receiveOne(queue, { WaitTimeSeconds: 20 });
    expect(latest.MessageId).toBe(anothers.MessageId);
    await sqs.delete(queue, latest);
    expect(await sqs.counts(queue)).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
  });
});

describe.concurrent("delays", () => {
  test("the delay of a message overrides that of the queue", async () => {
    const queue = await sqs.queue({ DelaySeconds: "1" });
    await sqs.send(queue, "late");
    await sqs.send(queue, "prompt", { DelaySeconds: 0 });
    expect(await sqs.bodies(queue)).toEqual(["prompt"]);
    expect(await sqs.bodies(queue, { WaitTimeSeconds: 20 })).toEqual(["late"]);
  });

  test.for([-1, 901])("of %i seconds is refused", async (DelaySeconds) => {
    const send = sqs.send(await sqs.queue(), "x", { DelaySeconds });
    await expect(send).rejects.toMatchObject({ name: "InvalidParameterValue" });
  });
});

describe.concurrent("the numbers of messages", () => {
  test("tell waiting, received and delayed ones apart", async () => {
    const queue = await sqs.queue();
    for (const body of ["1", "2", "3", "4", "5"]) await sqs.send(queue, body);
    await sqs.send(queue, "later", { DelaySeconds: 60 });
    await sqs.receive(queue, { MaxNumberOfMessages: 2 });
    expect(await sqs.counts(queue)).toEqual({ visible: 3, inFlight: 2, delayed: 1 });
  });

  test("are right after a visibility timeout or a delay has ended, though nobody has received", async () => {
    const queue = await sqs.queue({ VisibilityTimeout: "4" });
    await sqs.send(queue, "received");
    await sqs.receiveOne(queue);
    await sqs.send(queue, "delayed", { DelaySeconds: 4 });
    expect(await sqs.counts(queue)).toEqual({ visible: 0, inFlight: 1, delayed: 1 });
    await sleep(4_200);
    expect(await sqs.counts(queue)).toEqual({ visible: 2, inFlight: 0, delayed: 0 });
  });
});

describe.concurrent("the limits of a receive", () => {
  test.for([
    { MaxNumberOfMessages: 0 },
    { MaxNumberOfMessages: 11 },
    { WaitTimeSeconds: -1 },
    { WaitTimeSeconds: 21 },
    { VisibilityTimeout: -1 },
    { VisibilityTimeout: 43_201 },
    { ReceiveRequestAttemptId: "only-for-fifo-queues" },
  ])("%o is refused", async (parameters) => {
    const queue = await sqs.queue();
    await expect(sqs.receive(queue, parameters)).rejects.toMatchObject({ name: "InvalidParameterValue" });
  });

  test("it gives one message unless asked for more", async () => {
    const queue = await sqs.queue();
    for (const body of ["1", "2"]) await sqs.send(queue, body);
    expect(await sqs.receive(queue, { MaxNumberOfMessages: undefined })).toHaveLength(1);
  });
});
