import { type Linked, LinkedList } from "./linked-list.ts";
import type { Message } from "./message.ts";

/**
 * Which message is delivered next. The queue tells of each message when it joins and leaves, and when it becomes visible
 * or stops to be.
 */
export interface DeliveryOrder {
  joined(message: Message): void;
  left(message: Message): void;
  shown(message: Message): void;
  hidden(message: Message): void;
  /** The messages that may be delivered now, next first. Nothing may change while they are gone through. */
  deliverable(): Iterable<Message>;
  /** All messages, in an order that leads to the same order of delivery if they join anew. */
  everything(messages: Iterable<Message>): Iterable<Message>;
}

/**
 * A standard queue: first shown, first delivered. A message that comes back queues up behind those that wait, so that one
 * that is always put back cannot starve the others. (AWS promises no order at all.)
 */
export class StandardOrder implements DeliveryOrder {
  readonly #visible = new LinkedList<Message>();

  joined(): void {}

  left(): void {}

  shown(message: Message): void {
    this.#visible.push(message);
  }

  hidden(message: Message): void {
    this.#visible.remove(message);
  }

  deliverable(): Iterable<Message> {
    return this.#visible;
  }

  *everything(messages: Iterable<Message>): Iterable<Message> {
    yield* this.#visible;
    for (const message of messages) if (message.state !== "VISIBLE") yield message;
  }
}

/** Messages of one MessageGroupId in the order of sending, whatever their state, and the place of the group in line. */
class Group implements Linked<Group> {
  readonly messages = new LinkedList<Message>();
  isInLine = false;
  previous: Group | undefined;
  next: Group | undefined;
}

/**
 * A FIFO queue. Within a group, a message is delivered only if all before it are deleted or delivered by the same receive:
 * the first invisible message locks those behind it. Groups that can deliver stand in line; one that delivered goes to the
 * end.
 *
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html
 */
export class FifoOrder implements DeliveryOrder {
  readonly #groups = new Map<string, Group>();
  readonly #line = new LinkedList<Group>();

  joined(message: Message): void {
    const id = message.content.groupId ?? "";
    let group = this.#groups.get(id);
    if (!group) {
      group = new Group();
      this.#groups.set(id, group);
    }
    group.messages.push(message);
  }

  left(message: Message): void {
    const group = this.#groupOf(message);
    if (!group) return;
    group.messages.remove(message);
    this.#queueUp(group);
    if (!group.messages.first) this.#groups.delete(message.content.groupId ?? "");
  }

  shown(message: Message): void {
    this.#queueUp(this.#groupOf(message));
  }

  hidden(message: Message): void {
    this.#queueUp(this.#groupOf(message));
  }

  *deliverable(): Iterable<Message> {
    for (const group of this.#line) {
      for (const message of group.messages) {
        if (message.state !== "VISIBLE") break;
        yield message;
      }
    }
  }

  *everything(): Iterable<Message> {
    for (const group of this.#line) yield* group.messages;
    for (const group of this.#groups.values()) if (!group.isInLine) yield* group.messages;
  }

  #groupOf(message: Message): Group | undefined {
    return this.#groups.get(message.content.groupId ?? "");
  }

  #queueUp(group: Group | undefined): void {
    if (!group) return;
    const canDeliver = group.messages.first?.state === "VISIBLE";
    if (canDeliver === group.isInLine) return;
    group.isInLine = canDeliver;
    if (canDeliver) this.#line.push(group);
    else this.#line.remove(group);
  }
}
