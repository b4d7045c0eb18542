import { expect, test } from "vitest";
import { deliveriesOf } from "../../../lib/queue/delivery.ts";
import { claims } from "../../../lib/queue/sqs.aws.ts";
import { fakeQueues } from "./fake-queues.ts";

const record = (queue: string, receiveCount: string) => ({
  messageId: "m-1",
  receiptHandle: "handle-1",
  body: "{}",
  attributes: { ApproximateReceiveCount: receiveCount },
  eventSourceARN: `arn:aws:sqs:us-east-1:000000000000:${queue}`,
});

test("Lambda's event, as the stages see it", () => {
  expect(deliveriesOf({ Records: [record("millrace_p_a_b", "3")] })).toEqual([
    {
      messageId: "m-1",
      receiptHandle: "handle-1",
      body: "{}",
      receiveCount: 3,
      queue: "millrace_p_a_b",
      fromDead: false,
    },
  ]);
});

test("what comes from a dead-letter queue is known by the queue's name", () => {
  const [delivery] = deliveriesOf({ Records: [record("millrace_p_a_b_DEAD", "1")] });
  expect(delivery).toMatchObject({ queue: "millrace_p_a_b_DEAD", fromDead: true });
});

test("giving a claim back is one change of its visibility", async () => {
  const { client, others } = fakeQueues();
  await claims(client, "https://sqs/000/").release("q", "handle-1", 7);
  expect(others).toEqual([
    { QueueUrl: "https://sqs/000/q", ReceiptHandle: "handle-1", VisibilityTimeout: 7 },
  ]);
});
