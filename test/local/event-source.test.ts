import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  SendMessageCommand,
  type SQSClient,
} from "@aws-sdk/client-sqs";
import type { SQSEvent } from "aws-lambda";
import { expect, onTestFinished, test } from "vitest";
import { LONG_POLL_SECONDS, runEventSource } from "../../infra/local/event-source.ts";
import { startSqs } from "../../infra/local/sqs/server.ts";
import { pollingClient, sqsClient } from "../../lib/clients.aws.ts";

/** What feeds the functions, on queues of our own SQS. */
async function startSources(names: readonly string[], call: (event: SQSEvent) => Promise<unknown>) {
  const calls: string[] = [];
  const sqs = await startSqs({ onCall: (operation) => calls.push(operation) });
  const env = {
    AWS_ENDPOINT_URL_SQS: sqs.endpoint,
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
  };
  const client = sqsClient(env);
  const poller = pollingClient(env, LONG_POLL_SECONDS * 1000);
  const stopping = new AbortController();
  const said: string[] = [];
  const urls: string[] = [];
  for (const name of names) {
    const { QueueUrl = "" } = await client.send(new CreateQueueCommand({ QueueName: name }));
    urls.push(QueueUrl);
  }
  const sources = urls.map((queueUrl, index) =>
    runEventSource(
      poller,
      {
        queueUrl,
        queueArn: `arn:aws:sqs:us-east-1:000000000000:${names[index]}`,
        batchSize: 10,
        region: "us-east-1",
        invoke: { free: async () => {}, call: (event) => call(event as SQSEvent) },
        say: (message) => said.push(message),
      },
      stopping.signal,
    ),
  );
  onTestFinished(async () => {
    stopping.abort();
    await Promise.all(sources);
    for (const each of [client, poller]) each.destroy();
    await sqs.close();
  });
  return { client, urls, said, calls };
}

const held = async (client: SQSClient, QueueUrl: string): Promise<number> => {
  const { Attributes = {} } = await client.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }),
  );
  return (
    Number(Attributes.ApproximateNumberOfMessages) + Number(Attributes.ApproximateNumberOfMessagesNotVisible)
  );
};

test("a hundred queues are listened to at once, and what comes is acknowledged at once", async () => {
  const bodies: string[] = [];
  const names = Array.from({ length: 100 }, (_, index) => `queue-${index}`);
  const { client, urls, said, calls } = await startSources(names, async ({ Records }) => {
    bodies.push(...Records.map(({ body }) => body));
    return { batchItemFailures: [] };
  });
  await expect.poll(() => calls.filter((call) => call === "ReceiveMessage")).toHaveLength(100);
  for (const QueueUrl of urls) await client.send(new SendMessageCommand({ QueueUrl, MessageBody: QueueUrl }));
  await expect.poll(() => calls.filter((call) => call === "DeleteMessageBatch")).toHaveLength(100);
  expect(bodies.sort()).toEqual([...urls].sort());
  await expect
    .poll(async () => (await Promise.all(urls.map((url) => held(client, url)))).filter((count) => count > 0))
    .toEqual([]);
  expect(said).toEqual([]);
});

test("what a function reports as failed stays, what it does not is deleted, an unknown id fails the whole batch", async () => {
  const answers = [(ids: string[]) => ids.slice(0, 1), () => ["a stranger's"], () => [] as string[]];
  const seen: number[] = [];
  const { client, urls, said } = await startSources(["only"], async ({ Records }) => {
    const ids = Records.map(({ messageId }) => messageId);
    const failures = answers[seen.length]?.(ids) ?? [];
    seen.push(Number(Records[0]?.attributes.ApproximateReceiveCount));
    return { batchItemFailures: failures.map((itemIdentifier) => ({ itemIdentifier })) };
  });
  const [QueueUrl = ""] = urls;
  const send = () => client.send(new SendMessageCommand({ QueueUrl, MessageBody: "x" }));
  await send();
  // Reported: it stays claimed, until its time is over.
  await expect.poll(() => seen).toEqual([1]);
  await send();
  // Given back by whoever listens, and done with the second time.
  await expect.poll(() => seen).toEqual([1, 1, 2]);
  await expect.poll(() => held(client, QueueUrl)).toBe(1);
  expect(said).toEqual([`the function reported the unknown message "a stranger's"`]);
});
