import type { Broker } from "./broker.ts";
import { invalidValue, SqsError } from "./errors.ts";
import { LONGEST_CLAIM, SECOND } from "./limits.ts";
import type { Message } from "./message.ts";
import type { Queue } from "./queue.ts";
import { parseReceipt, type Receipt } from "./receipt.ts";

/**
 * Deletes the message that a receipt handle stands for. On a standard queue a handle works until the message is received
 * anew, also after the visibility timeout; a stale one does nothing. On a FIFO queue it dies with the timeout.
 *
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html
 *
 * @throws SqsError ReceiptHandleIsInvalid, or InvalidParameterValue if it has expired
 */
export function deleteByHandle(broker: Broker, queue: Queue, handle: string): void {
  const receipt = understood(broker, queue, handle);
  const message = queue.messages.get(receipt.message);
  if (!message) return;
  const isLatest = isOfLatestReceive(receipt, message);
  if (queue.fifo && !(isLatest && message.state === "IN_FLIGHT")) throw expired(handle);
  if (!isLatest) return;
  broker.commit({ do: "delete", at: broker.now(), queue: queue.name, number: message.content.number });
}

/**
 * Lets a claim end `seconds` from now.
 *
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
 *
 * @throws SqsError ReceiptHandleIsInvalid; MessageNotInflight if the claim has ended or is another's; InvalidParameterValue if
 *   the message is gone, the handle has expired, or the claim would last longer than 12 hours in all
 */
export function changeVisibility(broker: Broker, queue: Queue, handle: string, seconds: number): void {
  const receipt = understood(broker, queue, handle);
  const message = queue.messages.get(receipt.message);
  if (!message) {
    const reason = "Message does not exist or is not available for visibility timeout change.";
    throw invalidValue("ReceiptHandle", handle, reason);
  }
  // AWS may renew a claim of a standard queue that has just ended. Nobody must rely on that, so it is refused here.
  if (!isOfLatestReceive(receipt, message) || message.state !== "IN_FLIGHT") {
    throw new SqsError("MessageNotInflight", "The specified message isn't in flight.");
  }
  const now = broker.now();
  const until = now + seconds * SECOND;
  if (until > receipt.receivedAt + LONGEST_CLAIM) {
    const reason = `Total VisibilityTimeout for the message is beyond the limit [${LONGEST_CLAIM / SECOND} seconds]`;
    throw invalidValue("VisibilityTimeout", seconds, reason);
  }
  broker.commit({ do: "hide", at: now, queue: queue.name, until, number: message.content.number });
}

/** The receipt of a handle that this queue gave out less than twelve hours ago. */
function understood(broker: Broker, queue: Queue, handle: string): Receipt {
  const receipt = parseReceipt(handle);
  if (receipt?.queue !== queue.id) {
    const message = `The input receipt handle "${handle}" is not a valid receipt handle.`;
    throw new SqsError("ReceiptHandleIsInvalid", message);
  }
  const now = broker.now();
  if (now - receipt.receivedAt >= LONGEST_CLAIM) throw expired(handle);
  queue.advance(now);
  return receipt;
}

const isOfLatestReceive = (receipt: Receipt, { delivery }: Message): boolean =>
  receipt.receives === delivery.receives && receipt.receivedAt === delivery.receivedAt;

const expired = (handle: string): SqsError =>
  invalidValue("ReceiptHandle", handle, "The receipt handle has expired.");
