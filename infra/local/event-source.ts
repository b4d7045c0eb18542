import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from "@aws-sdk/client-sqs";
import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { sleep, systemClock } from "../../lib/clock.ts";
import type { Invoke } from "./function-pool.ts";

/**
 * What Lambda's event source mapping does for a queue: receives batches, invokes the function, deletes what the function
 * did not report as failed. With `ReportBatchItemFailures`: an answer without failures is success, an unknown id or a
 * thrown error is failure of the whole batch (docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html).
 */
export interface EventSource {
  readonly queueUrl: string;
  readonly queueArn: string;
  readonly batchSize: number;
  /** How long a batch is waited for until it is full, from its first message on. */
  readonly batchSeconds?: number | undefined;
  readonly region: string;
  readonly invoke: Invoke;
  readonly say: (message: string) => void;
}

/** The longest that SQS offers is 20 s. Half of it notices sooner that a service is gone. */
export const LONG_POLL_SECONDS = 10;
const PAUSE_AFTER_ERROR_MS = 1000;
/**
 * A function that died cannot give its claims back. AWS waits for the visibility timeout; here the host knows at once, and
 * a newcomer should not wait for minutes. Otherwise it is the same: the message comes back with one more receive.
 */
const RELEASE_AFTER_DEATH_SECONDS = 1;

/** Polls until the signal aborts; resolves when the batches that were under way have ended. */
export async function runEventSource(
  client: SQSClient,
  source: EventSource,
  signal: AbortSignal,
): Promise<void> {
  const underWay = new Set<Promise<void>>();
  while (!signal.aborted) {
    try {
      await source.invoke.free();
      if (signal.aborted) break;
      const messages = await receive(client, source, source.batchSize, LONG_POLL_SECONDS, signal);
      if (messages.length === 0) continue;
      await fill(messages, client, source, signal);
      const batch = settle(client, source, messages).finally(() => underWay.delete(batch));
      underWay.add(batch);
    } catch (error) {
      if (signal.aborted) break;
      source.say(`${source.queueUrl}: ${(error as Error).message}`);
      await sleep(systemClock, PAUSE_AFTER_ERROR_MS, signal).catch(() => {});
    }
  }
  await Promise.all(underWay);
}

async function receive(
  client: SQSClient,
  { queueUrl }: EventSource,
  count: number,
  seconds: number,
  signal: AbortSignal,
): Promise<Message[]> {
  const { Messages = [] } = await client.send(
    new ReceiveMessageCommand({
      QueueUrl: queueUrl,
      MaxNumberOfMessages: count,
      WaitTimeSeconds: seconds,
      MessageSystemAttributeNames: ["All"],
    }),
    { abortSignal: signal },
  );
  return Messages;
}

/** Adds to a batch until it is full, or has been waited for long enough, or the runtime stops. */
async function fill(
  messages: Message[],
  client: SQSClient,
  source: EventSource,
  signal: AbortSignal,
): Promise<void> {
  const { batchSize, batchSeconds = 0 } = source;
  const end = systemClock.now() + batchSeconds * 1000;
  for (;;) {
    const [missing, left] = [batchSize - messages.length, Math.ceil((end - systemClock.now()) / 1000)];
    if (missing <= 0 || left <= 0) return;
    try {
      messages.push(...(await receive(client, source, missing, left, signal)));
    } catch (error) {
      // What is there is worked on all the same.
      if (!signal.aborted) source.say(`${source.queueUrl}: ${(error as Error).message}`);
      return;
    }
  }
}

async function settle(client: SQSClient, source: EventSource, messages: readonly Message[]): Promise<void> {
  try {
    const answer = (await source.invoke.call(eventOf(messages, source))) as
      | SQSBatchResponse
      | null
      | undefined;
    await acknowledge(client, source, doneOf(messages, answer));
  } catch (error) {
    source.say((error as Error).message);
    await giveBack(client, source, messages);
  }
}

/** @throws Error when the function reports something that was not in the batch */
function doneOf(messages: readonly Message[], answer: SQSBatchResponse | null | undefined): Message[] {
  const failed = new Set((answer?.batchItemFailures ?? []).map(({ itemIdentifier }) => itemIdentifier));
  const ids = new Set(messages.map(({ MessageId }) => MessageId));
  for (const id of failed)
    if (!ids.has(id)) throw new Error(`the function reported the unknown message "${id}"`);
  return messages.filter(({ MessageId = "" }) => !failed.has(MessageId));
}

const eventOf = (messages: readonly Message[], { queueArn, region }: EventSource): SQSEvent => ({
  Records: messages.map(
    ({ MessageId = "", ReceiptHandle = "", Body = "", MD5OfBody = "", Attributes = {} }): SQSRecord => ({
      messageId: MessageId,
      receiptHandle: ReceiptHandle,
      body: Body,
      md5OfBody: MD5OfBody,
      attributes: Attributes as unknown as SQSRecord["attributes"],
      messageAttributes: {},
      eventSource: "aws:sqs",
      eventSourceARN: queueArn,
      awsRegion: region,
    }),
  ),
});

/** What is not deleted comes back when its claim runs out, and is deleted then. */
async function acknowledge(
  client: SQSClient,
  { queueUrl, say }: EventSource,
  messages: readonly Message[],
): Promise<void> {
  if (messages.length === 0) return;
  try {
    const { Failed = [] } = await client.send(
      new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries: entriesOf(messages) }),
    );
    for (const { Code, Message: text } of Failed)
      say(`${queueUrl}: a message was not deleted: ${Code} ${text ?? ""}`);
  } catch (error) {
    say(`${queueUrl}: messages were not deleted: ${(error as Error).message}`);
  }
}

async function giveBack(
  client: SQSClient,
  { queueUrl, say }: EventSource,
  messages: readonly Message[],
): Promise<void> {
  const Entries = entriesOf(messages).map((entry) => ({
    ...entry,
    VisibilityTimeout: RELEASE_AFTER_DEATH_SECONDS,
  }));
  await client
    .send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: queueUrl, Entries }))
    .catch((error: unknown) => say(`${queueUrl}: ${(error as Error).message}`));
}

const entriesOf = (messages: readonly Message[]) =>
  messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
