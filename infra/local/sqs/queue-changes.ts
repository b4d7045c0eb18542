import { Message, newDelivery } from "./message.ts";
import type { Queue } from "./queue.ts";
import type { RecordOf } from "./records.ts";

// What each kind of record does to the messages of a queue. The queue has been advanced to the instant of the record.

/** The key under which a deduplication window knows a message. */
export const deduplicationKey = (queue: Queue, groupId: string, deduplicationId: string): string =>
  queue.settings.deduplicatesPerGroup ? `${groupId} ${deduplicationId}` : deduplicationId;

export function send(queue: Queue, { at, visibleAt, content, delivery }: RecordOf<"send">): void {
  queue.join(new Message(content, delivery), visibleAt > at ? "DELAYED" : "VISIBLE", visibleAt);
  if (delivery.deduplicationId === undefined) return;
  const key = deduplicationKey(queue, content.groupId ?? "", delivery.deduplicationId);
  queue.deduplication.remember(key, { at, messageId: content.id, number: content.number });
}

export function restore(queue: Queue, { state, until, content, delivery }: RecordOf<"restore">): void {
  queue.join(new Message(content, delivery), state, until);
}

export function take(queue: Queue, { at, until, numbers }: RecordOf<"take">): void {
  for (const number of numbers) {
    const message = queue.messages.get(number);
    if (!message) continue;
    const { delivery } = message;
    delivery.receives += 1;
    delivery.receivedAt = at;
    delivery.firstReceivedAt ||= at;
    queue.hide(message, until);
  }
  // A visibility timeout of 0 is over.
  queue.advance(at);
}

export function hide(queue: Queue, { at, until, number }: RecordOf<"hide">): void {
  const message = queue.messages.get(number);
  if (!message) return;
  if (until > at) queue.hide(message, until);
  else queue.show(message);
}

export function remove(queue: Queue, { number }: RecordOf<"delete">): void {
  const message = queue.messages.get(number);
  if (message) queue.leave(message);
}

/** Moves a message to the dead-letter queue, if that is there. */
export function giveUp(queue: Queue, target: Queue | undefined, record: RecordOf<"dead-letter">): void {
  const message = queue.messages.get(record.number);
  if (!message || !target) return;
  queue.leave(message);
  const { content, delivery } = message;
  delivery.deadLetterSource = record.source;
  delivery.receivesElsewhere = delivery.receives;
  if (target.fifo) {
    // Two messages of one deduplication id must both find a place in the dead-letter queue.
    delivery.deduplicationId = content.id;
    delivery.enqueuedAt = record.at;
  }
  target.advance(record.at);
  target.join(message, "VISIBLE", 0);
}

/**
 * Moves a message to another queue as a new one.
 *
 * @param number that of the new message
 * @returns whether both queue and message are there
 */
export function redrive(
  queue: Queue,
  target: Queue | undefined,
  record: RecordOf<"redrive">,
  number: number,
): boolean {
  const message = queue.messages.get(record.number);
  if (!message || !target) return false;
  queue.leave(message);
  const content = { ...message.content, id: record.newId, number };
  const delivery = newDelivery(record.at, message.delivery.deduplicationId);
  target.advance(record.at);
  target.join(new Message(content, delivery), "VISIBLE", 0);
  return true;
}
