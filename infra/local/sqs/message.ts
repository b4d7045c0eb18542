import { Deadline } from "./deadlines.ts";
import type { Linked } from "./linked-list.ts";
import type { MessageAttributes } from "./message-attributes.ts";

/**
 * Where a message is:
 * - `DELAYED` sent, not yet to be received
 * - `VISIBLE` waiting for a receiver
 * - `IN_FLIGHT` received, and hidden from others until its visibility timeout ends
 * - `GONE` in no queue: not yet put in, deleted, or past its retention
 */
export type MessageState = "DELAYED" | "VISIBLE" | "IN_FLIGHT" | "GONE";

/** What the sender gave, and what was derived from it. Never changes. */
export interface MessageContent {
  /** Ascending over the whole service; the journal's name of the message. */
  readonly number: number;
  /** `MessageId`. */
  readonly id: string;
  readonly body: string;
  readonly bodyMd5: string;
  readonly attributes?: MessageAttributes;
  readonly attributesMd5?: string;
  /** X-Ray header. */
  readonly traceHeader?: string;
  readonly groupId?: string;
}

/** What deliveries change. Times in milliseconds since 1970; 0: never. */
export interface Delivery {
  /** `SentTimestamp`. */
  sentAt: number;
  /** From here the retention period counts. */
  enqueuedAt: number;
  /** Receives in all queues so far. */
  receives: number;
  /** Those of them that happened before it came to its present queue: they do not count for the redrive policy. */
  receivesElsewhere: number;
  firstReceivedAt: number;
  /** The latest receive; the 12 hours of a claim count from here. */
  receivedAt: number;
  /** FIFO queues only. */
  deduplicationId?: string;
  /** ARN of the queue that gave it up, if this is its dead-letter queue. */
  deadLetterSource?: string;
  /** It is the second copy of a message that a fault switch delivers twice; no third one is made. */
  isCopy?: true;
}

export const newDelivery = (sentAt: number, deduplicationId?: string): Delivery => ({
  sentAt,
  enqueuedAt: sentAt,
  receives: 0,
  receivesElsewhere: 0,
  firstReceivedAt: 0,
  receivedAt: 0,
  deduplicationId,
});

/** A message in a queue. Only its queue moves it from state to state. */
export class Message implements Linked<Message> {
  readonly content: MessageContent;
  readonly delivery: Delivery;
  state: MessageState = "GONE";
  /** End of the delay or of the visibility timeout. */
  readonly wake: Deadline<Message>;
  /** Set to `enqueuedAt`: the queue adds its retention period, which may change. */
  readonly enqueued: Deadline<Message>;
  /** Neighbours in the queue's order of delivery. */
  previous: Message | undefined;
  next: Message | undefined;

  constructor(content: MessageContent, delivery: Delivery) {
    this.content = content;
    this.delivery = delivery;
    this.wake = new Deadline<Message>(this, content.number);
    this.enqueued = new Deadline<Message>(this, content.number);
    this.previous = undefined;
    this.next = undefined;
  }
}
