import {
  ChangeMessageVisibilityCommand,
  SendMessageBatchCommand,
  type SendMessageBatchRequestEntry,
  type SQSClient,
} from "@aws-sdk/client-sqs";
import { type Clock, sleep } from "../clock.ts";
import { LIMITS } from "../plan/limits.ts";
import type { BatchingSender, Claims } from "./sender.ts";

/** What the queues need of the SDK's client. */
export type QueueClient = Pick<SQSClient, "send">;

interface Waiting {
  readonly body: string;
  readonly bytes: number;
  resolve(): void;
  reject(error: Error): void;
}

/** Messages that are sent within so many milliseconds share a request anyway. */
const LINGER_MS = 10;
/** A request's other bytes: ids, the JSON around the bodies. */
const MARGIN_BYTES = 4096;
const BATCH_BYTES = LIMITS.messageSize.value - MARGIN_BYTES;
const TRIES = 4;

/**
 * Sends by SendMessageBatch, coalescing what is sent at about the same time. The batch operation answers 200 when it
 * refused some entries, so that each entry's own answer decides about its promise; refused entries are tried again unless
 * the fault is the sender's.
 *
 * @param queueBase what comes before a queue's name in its URL
 */
export function batchSender(client: QueueClient, queueBase: string, clock: Clock): BatchingSender {
  const buffers = new Map<string, Waiting[]>();

  const flush = (queue: string, waiting: Waiting[]): void => {
    if (buffers.get(queue) !== waiting) return;
    buffers.delete(queue);
    for (const batch of batchesOf(waiting)) void deliver(queue, batch);
  };

  const deliver = async (queue: string, batch: Waiting[]): Promise<void> => {
    try {
      let left = batch;
      for (let attempt = 1; left.length > 0; attempt += 1) {
        if (attempt > TRIES) throw new Error(`${queue} refused ${left.length} messages ${TRIES} times`);
        if (attempt > 1) await sleep(clock, 50 * 2 ** attempt);
        left = await sendOnce(queue, left);
      }
    } catch (error) {
      for (const message of batch) message.reject(error as Error);
    }
  };

  /** The entries that are worth another try. */
  const sendOnce = async (queue: string, batch: Waiting[]): Promise<Waiting[]> => {
    const entries = batch.map(
      (message, index): SendMessageBatchRequestEntry => ({ Id: String(index), MessageBody: message.body }),
    );
    const { Successful = [], Failed = [] } = await client.send(
      new SendMessageBatchCommand({ QueueUrl: queueBase + queue, Entries: entries }),
    );
    for (const { Id } of Successful) batch[Number(Id)]?.resolve();
    for (const { Id, SenderFault, Code, Message } of Failed) {
      if (SenderFault)
        batch[Number(Id)]?.reject(new Error(`${queue} refused a message: ${Code} ${Message ?? ""}`));
    }
    // An entry that the answer does not mention has not been sent, as far as anybody knows.
    const ended = new Set(
      [...Successful, ...Failed.filter(({ SenderFault }) => SenderFault)].map(({ Id }) => Id),
    );
    return batch.filter((_, index) => !ended.has(String(index)));
  };

  const bufferOf = (queue: string, lingerMs: number): Waiting[] => {
    const existing = buffers.get(queue);
    if (existing) return existing;
    const waiting: Waiting[] = [];
    buffers.set(queue, waiting);
    clock.schedule(clock.now() + lingerMs, () => flush(queue, waiting));
    return waiting;
  };

  return {
    send: (queue, body, lingerMs = LINGER_MS) =>
      new Promise((resolve, reject) => {
        const waiting = bufferOf(queue, lingerMs);
        waiting.push({ body, bytes: Buffer.byteLength(body), resolve, reject });
        if (waiting.length === LIMITS.batchEntries.value) flush(queue, waiting);
      }),
    flush: () => {
      for (const [queue, waiting] of [...buffers]) flush(queue, waiting);
    },
  };
}

/** As few batches as the limits of count and size allow, in order. */
function batchesOf(messages: readonly Waiting[]): Waiting[][] {
  const batches: Waiting[][] = [];
  let current: Waiting[] = [];
  let bytes = 0;
  for (const message of messages) {
    if (
      current.length > 0 &&
      (current.length === LIMITS.batchEntries.value || bytes + message.bytes > BATCH_BYTES)
    ) {
      batches.push(current);
      current = [];
      bytes = 0;
    }
    current.push(message);
    bytes += message.bytes;
  }
  return current.length > 0 ? [...batches, current] : batches;
}

export const claims = (client: QueueClient, queueBase: string): Claims => ({
  async release(queue, receiptHandle, afterSeconds) {
    await client.send(
      new ChangeMessageVisibilityCommand({
        QueueUrl: queueBase + queue,
        ReceiptHandle: receiptHandle,
        VisibilityTimeout: afterSeconds,
      }),
    );
  },
});
