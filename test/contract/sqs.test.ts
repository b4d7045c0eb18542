import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueUrlCommand,
  ListQueuesCommand,
  ListQueueTagsCommand,
  PurgeQueueCommand,
  QueueDoesNotExist,
  QueueNameExists,
  SetQueueAttributesCommand,
  TagQueueCommand,
  UntagQueueCommand,
} from "@aws-sdk/client-sqs";
import { describe, expect, test } from "vitest";
import { isExternal, newName, sleep, useAccount } from "./sqs-harness.ts";

const sqs = useAccount();

describe.concurrent("creating a queue", () => {
  test("it has the attributes that were asked for, and defaults for the others", async () => {
    const queue = await sqs.queue({
      VisibilityTimeout: "7",
      MessageRetentionPeriod: "3600",
      ReceiveMessageWaitTimeSeconds: "1",
    });
    expect(await sqs.attributes(queue)).toMatchObject({
      VisibilityTimeout: "7",
      MessageRetentionPeriod: "3600",
      ReceiveMessageWaitTimeSeconds: "1",
      DelaySeconds: "0",
      MaximumMessageSize: "1048576",
      QueueArn: expect.stringMatching(/^arn:aws:sqs:[a-z0-9-]+:\d{12}:test-/),
    });
  });

  test("a FIFO queue says that it is one", async () => {
    const found = await sqs.attributes(await sqs.fifo());
    expect(found).toMatchObject({
      FifoQueue: "true",
      ContentBasedDeduplication: "true",
      DeduplicationScope: "queue",
      FifoThroughputLimit: "perQueue",
    });
  });

  test("creating it again with the same attributes, or with none, gives the same queue", async () => {
    const name = newName();
    const queue = await sqs.queue({ VisibilityTimeout: "5" }, name);
    expect(await sqs.queue({ VisibilityTimeout: "5" }, name)).toBe(queue);
    expect(await sqs.queue({}, name)).toBe(queue);
  });

  test("creating it again with another attribute is refused", async () => {
    const name = newName();
    await sqs.queue({ VisibilityTimeout: "5" }, name);
    const again = sqs.queue({ VisibilityTimeout: "6" }, name);
    await expect(again).rejects.toThrow(QueueNameExists);
    await expect(again).rejects.toThrow("a different value for attribute VisibilityTimeout");
  });

  test.for([
    ["a space", "a b", {}],
    ["81 characters", "x".repeat(81), {}],
    ["the suffix of a FIFO queue, though it is none", "orders.fifo", {}],
    ["no suffix, though it is a FIFO queue", "orders", { FifoQueue: "true" }],
  ] as const)("a name with %s is refused", async ([, name, attributes]) => {
    await expect(sqs.queue(attributes, name)).rejects.toMatchObject({ name: "InvalidParameterValue" });
  });

  test.for([
    ["VisibilityTimeout", "43201"],
    ["VisibilityTimeout", "-1"],
    ["VisibilityTimeout", "1.5"],
    ["DelaySeconds", "901"],
    ["ReceiveMessageWaitTimeSeconds", "21"],
    ["MessageRetentionPeriod", "59"],
    ["MessageRetentionPeriod", "1209601"],
    ["MaximumMessageSize", "1023"],
    ["MaximumMessageSize", "1048577"],
  ] as const)("%s of %s is refused", async ([attribute, value]) => {
    await expect(sqs.queue({ [attribute]: value })).rejects.toMatchObject({ name: "InvalidAttributeValue" });
  });

  test("an unknown attribute is refused, and one for FIFO queues on a standard queue", async () => {
    const unknown = new CreateQueueCommand({ QueueName: newName(), Attributes: { Colour: "red" } as object });
    await expect(sqs.client.send(unknown)).rejects.toMatchObject({ name: "InvalidAttributeName" });
    await expect(sqs.queue({ ContentBasedDeduplication: "true" })).rejects.toMatchObject({
      name: "InvalidAttributeName",
    });
  });
});

describe.concurrent("finding a queue", () => {
  test("by its name", async () => {
    const name = newName();
    const queue = await sqs.queue({}, name);
    const found = await sqs.client.send(new GetQueueUrlCommand({ QueueName: name }));
    expect(found.QueueUrl).toBe(queue);
  });

  test("one that is not there does not exist", async () => {
    const missing = sqs.client.send(new GetQueueUrlCommand({ QueueName: newName() }));
    await expect(missing).rejects.toThrow(QueueDoesNotExist);
    await expect(missing).rejects.toMatchObject({ Code: "AWS.SimpleQueueService.NonExistentQueue" });
  });

  test("by a prefix, page by page", async () => {
    const prefix = newName();
    const queues = [
      await sqs.queue({}, `${prefix}a`),
      await sqs.queue({}, `${prefix}b`),
      await sqs.queue({}, `${prefix}c`),
    ];
    const list = (more: object) =>
      sqs.client.send(new ListQueuesCommand({ QueueNamePrefix: prefix, ...more }));
    expect((await list({})).QueueUrls).toEqual(queues);
    const first = await list({ MaxResults: 2 });
    expect(first.QueueUrls).toEqual(queues.slice(0, 2));
    const second = await list({ MaxResults: 2, NextToken: first.NextToken });
    expect(second.QueueUrls).toEqual(queues.slice(2));
    expect(second.NextToken).toBeUndefined();
  });

  test("a URL with the port of an earlier process still names it", async () => {
    const queue = await sqs.queue();
    await sqs.send(queue.replace(/:\d+\//, ":1/"), "hello");
    expect(await sqs.bodies(queue)).toEqual(["hello"]);
  });
});

describe.concurrent("changing a queue", () => {
  test("a changed attribute is in force", async () => {
    const queue = await sqs.queue();
    await sqs.client.send(
      new SetQueueAttributesCommand({ QueueUrl: queue, Attributes: { VisibilityTimeout: "9" } }),
    );
    expect((await sqs.attributes(queue)).VisibilityTimeout).toBe("9");
  });

  test("the type of a queue cannot be changed", async () => {
    const queue = await sqs.fifo();
    const change = new SetQueueAttributesCommand({ QueueUrl: queue, Attributes: { FifoQueue: "false" } });
    await expect(sqs.client.send(change)).rejects.toMatchObject({ name: "InvalidAttributeValue" });
  });

  test("tags are added and removed", async () => {
    const queue = await sqs.queue();
    const tags = async () => (await sqs.client.send(new ListQueueTagsCommand({ QueueUrl: queue }))).Tags;
    await sqs.client.send(new TagQueueCommand({ QueueUrl: queue, Tags: { stage: "test", owner: "us" } }));
    expect(await tags()).toEqual({ stage: "test", owner: "us" });
    await sqs.client.send(new UntagQueueCommand({ QueueUrl: queue, TagKeys: ["stage"] }));
    expect(await tags()).toEqual({ owner: "us" });
  });
});

describe.concurrent("emptying and deleting a queue", () => {
  test("a purge takes waiting, delayed and received messages away", async () => {
    const queue = await sqs.queue({ VisibilityTimeout: "1" });
    await sqs.send(queue, "received");
    await sqs.receiveOne(queue);
    await sqs.send(queue, "waiting");
    await sqs.send(queue, "delayed", { DelaySeconds: 1 });
    await sqs.client.send(new PurgeQueueCommand({ QueueUrl: queue }));
    expect(await sqs.counts(queue)).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
    await sleep(1_100);
    expect(await sqs.receive(queue)).toEqual([]);
  });

  test("a second purge within a minute is refused", async () => {
    const queue = await sqs.queue();
    await sqs.client.send(new PurgeQueueCommand({ QueueUrl: queue }));
    await expect(sqs.client.send(new PurgeQueueCommand({ QueueUrl: queue }))).rejects.toMatchObject({
      name: "PurgeQueueInProgress",
    });
  });

  test("a deleted queue does not exist, and its name is taken for a minute", async () => {
    const name = newName();
    const queue = await sqs.queue({}, name);
    await sqs.client.send(new DeleteQueueCommand({ QueueUrl: queue }));
    await expect(sqs.send(queue, "x")).rejects.toThrow(QueueDoesNotExist);
    await expect(sqs.queue({}, name)).rejects.toMatchObject({ name: "QueueDeletedRecently" });
  });
});

// The SDK cannot send these; another service may be picky about the missing signature.
describe.skipIf(isExternal)("the protocol", () => {
  const post = async (operation: string, body: string) => {
    const { protocol, hostname, port } = await sqs.client.config.endpoint!();
    return fetch(`${protocol}//${hostname}:${port}/`, {
      method: "POST",
      headers: { "x-amz-target": `AmazonSQS.${operation}` },
      body,
    });
  };

  test("an unknown operation is an InvalidAction, in the body and in the header for the query protocol", async () => {
    const answer = await post("BrewCoffee", "{}");
    expect(answer.status).toBe(400);
    expect(answer.headers.get("x-amzn-query-error")).toBe("InvalidAction;Sender");
    expect(await answer.json()).toMatchObject({ __type: "com.amazonaws.sqs#InvalidAction" });
  });

  test("unknown parameters are ignored", async () => {
    const answer = await post("ListQueues", '{"QueueNamePrefix":"no-such-queue","Colour":"red"}');
    expect(await answer.json()).toEqual({});
  });

  test("a body that is no JSON, and a parameter of the wrong type, are refused", async () => {
    expect((await post("ListQueues", "{")).status).toBe(400);
    expect(await (await post("ListQueues", '{"QueueNamePrefix":1}')).json()).toMatchObject({
      __type: "com.amazon.coral.service#SerializationException",
    });
  });
});
