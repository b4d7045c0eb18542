import { type Input, texts } from "./input.ts";
import type { Message } from "./message.ts";
import { md5OfAttributes, selectAttributes } from "./message-attributes.ts";
import type { Queue } from "./queue.ts";
import { ACCOUNT } from "./queue-names.ts";
import { receiptHandle } from "./receipt.ts";

/** Which attributes a receiver wants to see. */
export interface View {
  readonly system: readonly string[];
  readonly user: readonly string[];
}

export const receiveView = (input: Input): View => ({
  system: [...texts(input, "AttributeNames"), ...texts(input, "MessageSystemAttributeNames")],
  user: texts(input, "MessageAttributeNames"),
});

/** A received message as the JSON protocol has it. */
export function receivedMessage(queue: Queue, message: Message, view: View): object {
  const { content } = message;
  const attributes = selectAttributes(content.attributes, view.user);
  return {
    MessageId: content.id,
    ReceiptHandle: receiptHandle(queue, message),
    MD5OfBody: content.bodyMd5,
    Body: content.body,
    Attributes: view.system.length > 0 ? systemAttributes(queue, message, view.system) : undefined,
    MessageAttributes: attributes,
    MD5OfMessageAttributes:
      attributes === content.attributes ? content.attributesMd5 : md5OfAttributes(attributes),
  };
}

/** In a FIFO queue it ascends from message to message. */
export const sequenceNumber = (number: number): string => String(number).padStart(20, "0");

function systemAttributes(queue: Queue, { content, delivery }: Message, wanted: readonly string[]): object {
  const all: Record<string, string | undefined> = {
    SenderId: ACCOUNT,
    SentTimestamp: String(delivery.sentAt),
    ApproximateReceiveCount: String(delivery.receives),
    ApproximateFirstReceiveTimestamp: String(delivery.firstReceivedAt),
    MessageGroupId: content.groupId,
    MessageDeduplicationId: delivery.deduplicationId,
    SequenceNumber: queue.fifo ? sequenceNumber(content.number) : undefined,
    AWSTraceHeader: content.traceHeader,
    DeadLetterQueueSourceArn: delivery.deadLetterSource,
  };
  if (wanted.includes("All")) return all;
  return Object.fromEntries(
    wanted.filter((name) => Object.hasOwn(all, name)).map((name) => [name, all[name]]),
  );
}
