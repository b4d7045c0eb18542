import type { World } from "../world/world.ts";

/**
 * A model of SQS standard queues: at least once, in any order, with claims that run out and a receive count that follows
 * a message into its dead-letter queue ("received across all queues but not deleted",
 * docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html).
 */
export interface QueueSettings {
  readonly name: string;
  readonly visibilityMs: number;
  readonly dead?: { readonly queue: string; readonly maxReceiveCount: number };
}

export interface Message {
  readonly id: string;
  readonly body: string;
  readonly sentAt: number;
  visibleAt: number;
  /** In all queues. */
  receiveCount: number;
  /** In the queue where it lies now: what redrive counts. */
  receivesHere: number;
  receivedAt: number;
  /** Of the last receive; earlier ones mean nothing any more. */
  receipt: string | undefined;
}

export interface QueueObserver {
  accepted(queue: string, message: Message): void;
  deleted(queue: string, message: Message): void;
}

interface Queue {
  readonly settings: QueueSettings;
  messages: Message[];
  /** Told that a message is, or is going to be, visible. */
  listener: (() => void) | undefined;
}

const HOUR = 3_600_000;
const LONGEST_CLAIM_MS = 12 * HOUR;

export class QueueModel {
  readonly #world: World;
  readonly #observer: QueueObserver;
  readonly #queues: ReadonlyMap<string, Queue>;

  constructor(settings: readonly QueueSettings[], world: World, observer: QueueObserver) {
    this.#world = world;
    this.#observer = observer;
    this.#queues = new Map(
      settings.map((each) => [each.name, { settings: each, messages: [], listener: undefined }]),
    );
  }

  get names(): string[] {
    return [...this.#queues.keys()];
  }

  has(name: string): boolean {
    return this.#queues.has(name);
  }

  visibilityMs(name: string): number {
    return this.#queue(name).settings.visibilityMs;
  }

  size(name: string): number {
    return this.#queue(name).messages.length;
  }

  /** Whether a message like this lies in the queue, visible or not. */
  some(name: string, isWanted: (message: Message) => boolean): boolean {
    return this.#queue(name).messages.some(isWanted);
  }

  /** The instant at which the next message is visible; undefined for an empty queue. */
  nextVisibleAt(name: string): number | undefined {
    const { messages } = this.#queue(name);
    return messages.length === 0 ? undefined : Math.min(...messages.map(({ visibleAt }) => visibleAt));
  }

  watch(name: string, listener: () => void): void {
    this.#queue(name).listener = listener;
  }

  send(name: string, body: string, delayMs = 0): Message {
    const { timeline, prng, faults } = this.#world;
    const now = timeline.now();
    const message: Message = {
      id: prng.uuid(),
      body,
      sentAt: now,
      visibleAt: now + delayMs,
      receiveCount: 0,
      receivesHere: 0,
      receivedAt: 0,
      receipt: undefined,
    };
    this.#add(name, message);
    this.#observer.accepted(name, message);
    if (faults.strikes("duplicate"))
      this.#add(name, { ...message, visibleAt: message.visibleAt + prng.below(60_000) });
    if (faults.strikes("late-duplicate"))
      this.#add(name, { ...message, visibleAt: message.visibleAt + prng.between(HOUR / 4, 6 * HOUR) });
    return message;
  }

  /** Claims up to `most` messages. What was received too often goes to the dead-letter queue instead. */
  receive(name: string, most: number): Message[] {
    const { timeline, prng, faults } = this.#world;
    const queue = this.#queue(name);
    const { visibilityMs, dead } = queue.settings;
    const now = timeline.now();
    const visible = queue.messages.filter(({ visibleAt }) => visibleAt <= now);
    const isShuffled = faults.strikes("reordered");
    const received: Message[] = [];
    while (visible.length > 0 && received.length < most) {
      const [message] = visible.splice(isShuffled ? prng.below(visible.length) : 0, 1);
      if (!message) break;
      if (dead && message.receivesHere >= dead.maxReceiveCount) {
        queue.messages.splice(queue.messages.indexOf(message), 1);
        this.#add(dead.queue, { ...message, receivesHere: 0, visibleAt: now, receipt: undefined });
        continue;
      }
      message.receiveCount += 1;
      message.receivesHere += 1;
      message.receivedAt = now;
      message.receipt = `${message.id}#${prng.hex(8)}`;
      message.visibleAt = now + visibilityMs;
      // As it is now: a later receive changes the message, not what this one was given.
      received.push({ ...message });
    }
    return received;
  }

  /** A receipt of an earlier receive deletes nothing, and nobody is told. */
  delete(name: string, receipt: string): void {
    const queue = this.#queue(name);
    const message = queue.messages.find((candidate) => candidate.receipt === receipt);
    if (!message) return;
    queue.messages.splice(queue.messages.indexOf(message), 1);
    this.#observer.deleted(name, message);
  }

  /** A claim ends twelve hours after its receive, however often it is prolonged. */
  mayHold(name: string, receipt: string, seconds: number): boolean {
    const message = this.#queue(name).messages.find((candidate) => candidate.receipt === receipt);
    return !message || this.#world.timeline.now() + seconds * 1000 <= message.receivedAt + LONGEST_CLAIM_MS;
  }

  /** @returns false when the claim is not held any more */
  changeVisibility(name: string, receipt: string, seconds: number): boolean {
    const queue = this.#queue(name);
    const now = this.#world.timeline.now();
    const message = queue.messages.find((candidate) => candidate.receipt === receipt);
    if (!message || message.visibleAt <= now) return false;
    message.visibleAt = now + seconds * 1000;
    queue.listener?.();
    return true;
  }

  #add(name: string, message: Message): void {
    const queue = this.#queue(name);
    queue.messages.push(message);
    queue.listener?.();
  }

  #queue(name: string): Queue {
    const queue = this.#queues.get(name);
    if (!queue) throw new Error(`there is no queue ${name}`);
    return queue;
  }
}
