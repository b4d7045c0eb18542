import {
  CancelMessageMoveTaskCommand,
  ListDeadLetterSourceQueuesCommand,
  ListMessageMoveTasksCommand,
  ResourceNotFoundException,
  SetQueueAttributesCommand,
  StartMessageMoveTaskCommand,
} from "@aws-sdk/client-sqs";
import { describe, expect, test, vi } from "vitest";
import { sleep, useAccount } from "./sqs-harness.ts";

const sqs = useAccount();

/** Sends messages to a queue that gives them up after one receive, and lets it do so. */
async function deadLetters(...bodies: string[]): Promise<{ queue: string; dead: string; SourceArn: string }> {
  const { queue, dead } = await sqs.withDeadLetters(1, { VisibilityTimeout: "0" });
  for (const body of bodies) await sqs.send(queue, body);
  await sqs.receive(queue);
  await sqs.receive(queue);
  await vi.waitFor(async () => expect((await sqs.counts(dead)).visible).toBe(bodies.length), {
    timeout: 30_000,
  });
  return { queue, dead, SourceArn: await sqs.arn(dead) };
}

const start = (task: { SourceArn: string; DestinationArn?: string; MaxNumberOfMessagesPerSecond?: number }) =>
  sqs.client.send(new StartMessageMoveTaskCommand(task));
const tasksOf = async (SourceArn: string) =>
  (await sqs.client.send(new ListMessageMoveTasksCommand({ SourceArn, MaxResults: 10 }))).Results ?? [];

describe.concurrent("a queue with a redrive policy", () => {
  // AWS's own examples have it as a number and as a string.
  test.for([2, "2"])(
    "gives a message up at the third receive (maxReceiveCount: %o)",
    async (maxReceiveCount) => {
      const { queue, dead } = await sqs.withDeadLetters(maxReceiveCount, { VisibilityTimeout: "0" });
      const { MessageId } = await sqs.send(queue, "x");
      const sent = await sqs.receiveOne(queue);
      await sqs.receiveOne(queue);
      expect(await sqs.receive(queue)).toEqual([]);
      const given = await sqs.receiveOne(dead, { WaitTimeSeconds: 20 });
      expect(given).toMatchObject({ MessageId, Body: "x" });
      expect(given.Attributes).toMatchObject({
        ApproximateReceiveCount: "3",
        DeadLetterQueueSourceArn: await sqs.arn(queue),
        SentTimestamp: sent.Attributes?.SentTimestamp,
        ApproximateFirstReceiveTimestamp: sent.Attributes?.ApproximateFirstReceiveTimestamp,
      });
    },
  );

  test("wakes those who wait at the dead-letter queue", async () => {
    const { queue, dead } = await sqs.withDeadLetters(1, { VisibilityTimeout: "0" });
    const poll = sqs.bodies(dead, { WaitTimeSeconds: 20 });
    await sqs.send(queue, "x");
    await sqs.receiveOne(queue);
    await sqs.receive(queue);
    expect(await poll).toEqual(["x"]);
  });

  test("keeps the numbers right", async () => {
    const { queue, dead } = await sqs.withDeadLetters(1, { VisibilityTimeout: "1" });
    await sqs.send(queue, "x");
    await sqs.receiveOne(queue);
    await sleep(1_100);
    await sqs.receive(queue);
    expect(await sqs.counts(queue)).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
    expect(await sqs.counts(dead)).toEqual({ visible: 1, inFlight: 0, delayed: 0 });
  });

  test("does not let an old handle delete the message in the dead-letter queue", async () => {
    const { queue, dead } = await sqs.withDeadLetters(1, { VisibilityTimeout: "0" });
    await sqs.send(queue, "x");
    const message = await sqs.receiveOne(queue);
    await sqs.receive(queue);
    await sqs.delete(queue, message);
    expect(await sqs.bodies(dead, { WaitTimeSeconds: 20 })).toEqual(["x"]);
  });

  test("delivers on if its dead-letter queue has a policy of its own", async () => {
    const { queue: middle, dead: last } = await sqs.withDeadLetters(1, { VisibilityTimeout: "0" });
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: await sqs.arn(middle), maxReceiveCount: 2 });
    const first = await sqs.queue({ VisibilityTimeout: "0", RedrivePolicy });
    await sqs.send(first, "x");
    for (let receive = 0; receive < 3; receive += 1) await sqs.receive(first);
    expect(await sqs.bodies(middle, { WaitTimeSeconds: 20 })).toEqual(["x"]);
    expect(await sqs.bodies(middle)).toEqual([]);
    expect(await sqs.bodies(last, { WaitTimeSeconds: 20 })).toEqual(["x"]);
  });

  test("of type FIFO gives the next message of the group in the same receive", async () => {
    const { queue, dead } = await sqs.withDeadLetters(1, { VisibilityTimeout: "0" }, true);
    await sqs.send(queue, "a1", { MessageGroupId: "a" });
    expect(await sqs.bodies(queue)).toEqual(["a1"]);
    await sqs.send(queue, "a2", { MessageGroupId: "a" });
    expect(await sqs.bodies(queue)).toEqual(["a2"]);
    expect(await sqs.bodies(dead, { WaitTimeSeconds: 20 })).toEqual(["a1"]);
  });

  test("is found from its dead-letter queue", async () => {
    const { queue, dead } = await sqs.withDeadLetters(1);
    const found = await sqs.client.send(new ListDeadLetterSourceQueuesCommand({ QueueUrl: dead }));
    expect(found.queueUrls).toEqual([queue]);
  });

  test("can get rid of it", async () => {
    const { queue } = await sqs.withDeadLetters(1, { VisibilityTimeout: "0" });
    await sqs.client.send(
      new SetQueueAttributesCommand({ QueueUrl: queue, Attributes: { RedrivePolicy: "" } }),
    );
    expect(await sqs.attributes(queue)).not.toHaveProperty("RedrivePolicy");
    await sqs.send(queue, "x");
    for (let receive = 0; receive < 3; receive += 1) expect(await sqs.bodies(queue)).toEqual(["x"]);
  });
});

describe.concurrent("a redrive policy is refused", () => {
  test.for([0, 1_001, 1.5, "many"])("with a maxReceiveCount of %o", async (count) => {
    await expect(sqs.withDeadLetters(count)).rejects.toMatchObject({ name: "InvalidParameterValue" });
  });

  test("if the dead-letter queue is not there", async () => {
    const deadLetterTargetArn = "arn:aws:sqs:us-east-1:000000000000:no-such-queue";
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 2 });
    await expect(sqs.queue({ RedrivePolicy })).rejects.toMatchObject({ name: "InvalidParameterValue" });
  });

  test("if it is no ARN, or a part is missing, or it is no JSON", async () => {
    const refused = { name: "InvalidParameterValue" };
    const deadLetterTargetArn = await sqs.arn(await sqs.queue());
    await expect(
      sqs.queue({ RedrivePolicy: '{"deadLetterTargetArn":"x","maxReceiveCount":1}' }),
    ).rejects.toMatchObject(refused);
    await expect(sqs.queue({ RedrivePolicy: '{"maxReceiveCount":1}' })).rejects.toMatchObject(refused);
    await expect(sqs.queue({ RedrivePolicy: JSON.stringify({ deadLetterTargetArn }) })).rejects.toMatchObject(
      refused,
    );
    await expect(sqs.queue({ RedrivePolicy: "[" })).rejects.toMatchObject(refused);
  });

  test("if one queue is FIFO and the other standard", async () => {
    const deadLetterTargetArn = await sqs.arn(await sqs.queue());
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 2 });
    await expect(sqs.fifo({ RedrivePolicy })).rejects.toMatchObject({ name: "InvalidParameterValue" });
  });

  test("if the dead-letter queue does not allow it", async () => {
    const RedriveAllowPolicy = JSON.stringify({ redrivePermission: "denyAll" });
    const deadLetterTargetArn = await sqs.arn(await sqs.queue({ RedriveAllowPolicy }));
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 2 });
    await expect(sqs.queue({ RedrivePolicy })).rejects.toMatchObject({ name: "InvalidParameterValue" });
  });
});

describe.concurrent("a message move task", () => {
  test("takes messages back to where they came from, as new ones", async () => {
    const { queue, dead, SourceArn } = await deadLetters("x", "y");
    const before = (await sqs.receive(dead, { VisibilityTimeout: 0 })).map(({ MessageId }) => MessageId);
    await start({ SourceArn });
    await vi.waitFor(
      async () =>
        expect(await tasksOf(SourceArn)).toMatchObject([
          { Status: "COMPLETED", ApproximateNumberOfMessagesMoved: 2, ApproximateNumberOfMessagesToMove: 2 },
        ]),
      { timeout: 30_000 },
    );
    expect((await sqs.counts(dead)).visible).toBe(0);
    const back = await sqs.receive(queue);
    expect(back.map(({ Body }) => Body).sort()).toEqual(["x", "y"]);
    for (const { MessageId } of back) expect(before).not.toContain(MessageId);
    expect(back[0]?.Attributes?.ApproximateReceiveCount).toBe("1");
    expect(back[0]?.Attributes).not.toHaveProperty("DeadLetterQueueSourceArn");
  });

  test("takes them elsewhere at a given rate, until it is cancelled", async () => {
    const { dead, SourceArn } = await deadLetters("x", "y", "z");
    const elsewhere = await sqs.queue();
    const DestinationArn = await sqs.arn(elsewhere);
    const task = { SourceArn, DestinationArn, MaxNumberOfMessagesPerSecond: 1 };
    const { TaskHandle } = await start(task);
    expect(await sqs.receive(elsewhere, { WaitTimeSeconds: 20 })).toHaveLength(1);
    expect(await tasksOf(SourceArn)).toMatchObject([{ ...task, TaskHandle, Status: "RUNNING" }]);
    await expect(start(task)).rejects.toThrow("There is already a task running.");
    await sqs.client.send(new CancelMessageMoveTaskCommand({ TaskHandle }));
    const [cancelled] = await tasksOf(SourceArn);
    expect(cancelled).toMatchObject({ Status: "CANCELLED" });
    expect(cancelled).not.toHaveProperty("TaskHandle");
    expect((await sqs.counts(dead)).visible).toBeGreaterThan(0);
  });

  test("fails on a message that did not come from another queue", async () => {
    const { dead, SourceArn } = await deadLetters();
    await sqs.send(dead, "sent here");
    await start({ SourceArn });
    await vi.waitFor(
      async () =>
        expect(await tasksOf(SourceArn)).toMatchObject([
          { Status: "FAILED", FailureReason: "CouldNotDetermineMessageSource" },
        ]),
      { timeout: 30_000 },
    );
  });

  test("needs queues that are there, and a source that is a dead-letter queue", async () => {
    const SourceArn = await sqs.arn(await sqs.queue());
    await expect(start({ SourceArn })).rejects.toThrow("must be configured as a Dead Letter Queue");
    await expect(start({ SourceArn: `${SourceArn}-not-there` })).rejects.toThrow(ResourceNotFoundException);
    const { SourceArn: dead } = await deadLetters();
    await expect(start({ SourceArn: dead, DestinationArn: `${dead}-not-there` })).rejects.toThrow(
      ResourceNotFoundException,
    );
    const cancel = new CancelMessageMoveTaskCommand({ TaskHandle: "nonsense" });
    await expect(sqs.client.send(cancel)).rejects.toMatchObject({ name: "InvalidParameterValue" });
  });
});
