import { randomUUID } from "node:crypto";
import type { Clock } from "../../../lib/clock.ts";
import { queueDoesNotExist } from "./errors.ts";
import type { FaultInjector } from "./faults.ts";
import type { RecordLog } from "./journal.ts";
import { type Message, type MessageContent, newDelivery } from "./message.ts";
import { type OutgoingMessage, traceHeader } from "./outgoing-message.ts";
import type { Queue } from "./queue.ts";
import { deduplicationKey } from "./queue-changes.ts";
import { queueArn, queueNameOfArn } from "./queue-names.ts";
import type { JournalRecord } from "./records.ts";
import type { SqsState } from "./state.ts";

export interface BrokerParts {
  readonly state: SqsState;
  readonly journal: RecordLog;
  readonly clock: Clock;
  readonly faults: FaultInjector;
  /** Messages in flight that a queue can have. */
  readonly inFlightLimit: number;
  /** Told of every queue in which messages may have become receivable. */
  readonly changed: (queue: Queue) => void;
}

/** What a sender learns. Of a duplicate on a FIFO queue, it is that of the first message. */
export type Sent = Pick<MessageContent, "id" | "number">;

/** Decides what a request does to messages, and records it. Times are the clock's; `visibility` is in milliseconds. */
export class Broker {
  readonly state: SqsState;
  readonly #parts: BrokerParts;

  constructor(parts: BrokerParts) {
    this.state = parts.state;
    this.#parts = parts;
  }

  now(): number {
    return this.#parts.clock.now();
  }

  /** Makes the change that the record describes. */
  commit(record: JournalRecord): void {
    const { state, journal, changed } = this.#parts;
    journal.append(record);
    state.apply(record);
    if ("queue" in record) this.#tell(record.queue, changed);
    if ("to" in record) this.#tell(record.to, changed);
  }

  /** @throws SqsError QueueDoesNotExist */
  queue(name: string): Queue {
    const queue = this.state.queues.get(name);
    if (!queue) throw queueDoesNotExist();
    return queue;
  }

  queueByArn(arn: string): Queue | undefined {
    return this.state.queues.get(queueNameOfArn(arn));
  }

  send(queue: Queue, outgoing: OutgoingMessage): Sent {
    const now = this.now();
    const { groupId, deduplicationId } = outgoing;
    if (deduplicationId !== undefined) {
      const key = deduplicationKey(queue, groupId ?? "", deduplicationId);
      const first = queue.deduplication.find(key, now);
      if (first) return { id: first.messageId, number: first.number };
    }
    const content: MessageContent = {
      number: this.state.nextNumber,
      id: randomUUID(),
      body: outgoing.body,
      bodyMd5: outgoing.bodyMd5,
      attributes: outgoing.attributes,
      attributesMd5: outgoing.attributesMd5,
      traceHeader: traceHeader(outgoing),
      groupId,
    };
    const visibleAt = now + outgoing.delay + this.#parts.faults.lateness;
    const delivery = newDelivery(now, deduplicationId);
    this.commit({ do: "send", at: now, queue: queue.name, visibleAt, content, delivery });
    return content;
  }

  /** Whether no further message of the queue can be received until one is deleted or visible again. */
  isFull(queue: Queue): boolean {
    queue.advance(this.now());
    return queue.count("IN_FLIGHT") >= this.#parts.inFlightLimit;
  }

  /**
   * Takes up to `most` messages. Those that were received too often go to the dead-letter queue on the way.
   * What is returned must be read before the next receive: a message may already be visible again.
   */
  receive(queue: Queue, most: number, visibility: number): Message[] {
    const now = this.now();
    queue.advance(now);
    const room = Math.min(most, this.#parts.inFlightLimit - queue.count("IN_FLIGHT"));
    const { taken, givenUp } = this.#choose(queue, room);
    for (const message of givenUp) this.#giveUp(queue, message, now);
    if (taken.length === 0) return taken;
    const numbers = taken.map(({ content }) => content.number);
    this.commit({ do: "take", at: now, queue: queue.name, until: now + visibility, numbers });
    for (const message of taken) this.#copyNowAndThen(queue, message, now, visibility);
    return taken;
  }

  #tell(name: string, changed: (queue: Queue) => void): void {
    const queue = this.state.queues.get(name);
    if (queue) changed(queue);
  }

  #choose(queue: Queue, room: number): { taken: Message[]; givenUp: Message[] } {
    const taken: Message[] = [];
    const givenUp: Message[] = [];
    if (room <= 0) return { taken, givenUp };
    const { redrive } = queue.settings;
    const most =
      redrive && this.queueByArn(redrive.deadLetterTargetArn) ? redrive.maxReceiveCount : undefined;
    const candidates = queue.fifo ? queue.deliverable() : this.#parts.faults.reorder(queue.deliverable());
    for (const message of candidates) {
      const { receives, receivesElsewhere } = message.delivery;
      if (most !== undefined && receives - receivesElsewhere >= most) givenUp.push(message);
      else if (taken.push(message) === room) break;
    }
    return { taken, givenUp };
  }

  #giveUp(queue: Queue, { content }: Message, at: number): void {
    const to = queueNameOfArn(queue.settings.redrive?.deadLetterTargetArn ?? "");
    const source = queueArn(queue.name);
    this.commit({ do: "dead-letter", at, queue: queue.name, to, source, number: content.number });
  }

  #copyNowAndThen(queue: Queue, message: Message, at: number, visibility: number): void {
    const { faults } = this.#parts;
    if (queue.fifo || message.delivery.isCopy || !faults.duplicates) return;
    this.commit({
      do: "restore",
      at,
      queue: queue.name,
      state: "IN_FLIGHT",
      until: at + faults.below(visibility),
      content: { ...message.content, number: this.state.nextNumber },
      delivery: { ...message.delivery, isCopy: true },
    });
  }
}
