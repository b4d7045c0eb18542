import { DeadlineHeap } from "./deadlines.ts";
import { DeduplicationWindow } from "./deduplication.ts";
import { type DeliveryOrder, FifoOrder, StandardOrder } from "./delivery-order.ts";
import type { Message, MessageState } from "./message.ts";
import type { QueueAttributes } from "./queue-attributes.ts";
import { type QueueSettings, queueSettings } from "./queue-settings.ts";

/** What a queue is, apart from its messages; as the journal keeps it. Times in milliseconds since 1970; 0: never. */
export interface QueueDefinition {
  readonly name: string;
  /** Differs between two queues of one name, of which the first was deleted. */
  readonly id: number;
  readonly attributes: QueueAttributes;
  readonly tags: Readonly<Record<string, string>>;
  readonly createdAt: number;
  readonly modifiedAt: number;
  readonly purgedAt: number;
}

/**
 * The messages of one queue and the moves between their states:
 *
 *     GONE ─join─▶ DELAYED ─(due)─▶ VISIBLE ─hide─▶ IN_FLIGHT
 *                                      ◀─(due) or show─┘
 *     any state ─leave, or end of retention─▶ GONE
 *
 * A pure state machine: it reads no clock and writes no journal. Moves that happen by themselves are made up to an instant
 * by `advance`, which whoever looks at the queue calls first; so its counts are exact at any time. Every move costs
 * O(log n) at most.
 */
export class Queue {
  #definition: QueueDefinition;
  #settings: QueueSettings;
  readonly fifo: boolean;
  /** By number, in the order of arrival. */
  readonly messages = new Map<number, Message>();
  readonly deduplication = new DeduplicationWindow();
  readonly #counts: Record<MessageState, number> = { DELAYED: 0, VISIBLE: 0, IN_FLIGHT: 0, GONE: 0 };
  readonly #order: DeliveryOrder;
  readonly #wakes = new DeadlineHeap<Message>();
  readonly #oldest = new DeadlineHeap<Message>();

  constructor(definition: QueueDefinition) {
    this.#definition = definition;
    this.#settings = queueSettings(definition.attributes);
    this.fifo = definition.attributes["FifoQueue"] === "true";
    this.#order = this.fifo ? new FifoOrder() : new StandardOrder();
  }

  get definition(): QueueDefinition {
    return this.#definition;
  }

  get settings(): QueueSettings {
    return this.#settings;
  }

  get name(): string {
    return this.#definition.name;
  }

  get id(): number {
    return this.#definition.id;
  }

  redefine(definition: QueueDefinition): void {
    this.#definition = definition;
    this.#settings = queueSettings(definition.attributes);
  }

  /** How many messages are in a state, as of the latest `advance`. */
  count(state: MessageState): number {
    return this.#counts[state];
  }

  /** Puts a message in, at the end of the order of delivery. `until`: end of the delay or of the visibility timeout. */
  join(message: Message, state: "DELAYED" | "VISIBLE" | "IN_FLIGHT", until: number): void {
    this.messages.set(message.content.number, message);
    message.enqueued.at = message.delivery.enqueuedAt;
    this.#oldest.add(message.enqueued);
    this.#order.joined(message);
    this.#move(message, state, until);
  }

  /** Takes a message out for good. */
  leave(message: Message): void {
    this.#move(message, "GONE", 0);
    this.#order.left(message);
    this.#oldest.remove(message.enqueued);
    this.messages.delete(message.content.number);
  }

  /** Makes a message invisible, or keeps it so, until an instant. */
  hide(message: Message, until: number): void {
    this.#move(message, "IN_FLIGHT", until);
  }

  show(message: Message): void {
    this.#move(message, "VISIBLE", 0);
  }

  clear(): void {
    for (const message of [...this.messages.values()]) this.leave(message);
    this.deduplication.clear();
  }

  /**
   * Makes the moves that were due at `now` or before: ends of delays, of visibility timeouts, of retention. In the order in
   * which they were due, so that it does not matter at how many instants one looked in between.
   */
  advance(now: number): void {
    for (;;) {
      const wake = this.#wakes.first;
      const oldest = this.#oldest.first;
      const wakeAt = wake?.at ?? Number.POSITIVE_INFINITY;
      const endAt = oldest ? oldest.at + this.#settings.retention : Number.POSITIVE_INFINITY;
      if (oldest && endAt <= now && endAt <= wakeAt) this.leave(oldest.owner);
      else if (wake && wakeAt <= now) this.show(wake.owner);
      else return;
    }
  }

  /** When the next message becomes visible by itself, or undefined. */
  get nextWake(): number | undefined {
    return this.#wakes.first?.at;
  }

  /** The messages that a receive gets, next first. Nothing may change while they are gone through. */
  deliverable(): Iterable<Message> {
    return this.#order.deliverable();
  }

  /** All messages, in an order that gives the same order of delivery when they join another queue. */
  everything(): Iterable<Message> {
    return this.#order.everything(this.messages.values());
  }

  /** The one door through which the state of a message changes. */
  #move(message: Message, to: MessageState, until: number): void {
    const from = message.state;
    message.state = to;
    if (from !== to) {
      if (from !== "GONE") this.#counts[from] -= 1;
      if (to !== "GONE") this.#counts[to] += 1;
      if (from === "VISIBLE") this.#order.hidden(message);
      if (to === "VISIBLE") this.#order.shown(message);
    }
    const endsByItself = to === "DELAYED" || to === "IN_FLIGHT";
    this.#wakes.remove(message.wake);
    message.wake.at = endsByItself ? until : 0;
    if (endsByItself) this.#wakes.add(message.wake);
  }
}
