import { randomUUID } from "node:crypto";
import { Broker } from "../../infra/local/sqs/broker.ts";
import { FaultInjector } from "../../infra/local/sqs/faults.ts";
import { noJournal, type RecordLog } from "../../infra/local/sqs/journal.ts";
import { limits } from "../../infra/local/sqs/limits.ts";
import type { Message } from "../../infra/local/sqs/message.ts";
import { type OutgoingMessage, outgoingMessage } from "../../infra/local/sqs/outgoing-message.ts";
import type { Queue } from "../../infra/local/sqs/queue.ts";
import { checkAttributes, isFifo, newQueueAttributes } from "../../infra/local/sqs/queue-attributes.ts";
import { receiptHandle } from "../../infra/local/sqs/receipt.ts";
import type { JournalRecord } from "../../infra/local/sqs/records.ts";
import { SqsState } from "../../infra/local/sqs/state.ts";
import { VirtualClock } from "../virtual-clock.ts";

/** The service without its wire: the broker on a virtual clock, and what it wrote. */
export class Core {
  readonly clock = new VirtualClock();
  readonly state = new SqsState();
  /** As a journal would give them back. */
  readonly records: JournalRecord[] = [];
  readonly broker: Broker;

  constructor({ records }: { records: boolean } = { records: true }) {
    const recorder: RecordLog = {
      ...noJournal,
      append: (record) => this.records.push(JSON.parse(JSON.stringify(record))),
    };
    this.broker = new Broker({
      state: this.state,
      journal: records ? recorder : noJournal,
      clock: this.clock,
      faults: new FaultInjector(),
      inFlightLimit: limits.inFlight,
      changed() {},
    });
  }

  queue(name: string, attributes: Record<string, string> = {}): Queue {
    const fifo = isFifo(attributes);
    const now = this.clock.now();
    const definition = {
      name,
      id: this.state.nextNumber,
      attributes: newQueueAttributes(checkAttributes(attributes, fifo), fifo),
      tags: {},
      createdAt: now,
      modifiedAt: now,
      purgedAt: 0,
    };
    this.broker.commit({ do: "queue", at: now, definition });
    return this.broker.queue(name);
  }

  send(queue: Queue, input: Record<string, unknown>): void {
    this.broker.send(queue, outgoingMessage(queue, input) satisfies OutgoingMessage);
  }

  redrive(from: Queue, to: Queue, { content }: Message): void {
    this.broker.commit({
      do: "redrive",
      at: this.clock.now(),
      queue: from.name,
      to: to.name,
      number: content.number,
      task: "none",
      newId: randomUUID(),
    });
  }

  /** @returns the receipt handles */
  receive(queue: Queue, most: number, visibility: number): string[] {
    return this.broker
      .receive(queue, most, visibility)
      .map((message: Message) => receiptHandle(queue, message));
  }
}

/** What a state would be written as: equal states give equal texts. */
export const written = (state: SqsState, now: number): string[] =>
  [...state.snapshot(now)].map((record) => JSON.stringify(record));

export function replayed(records: Iterable<JournalRecord>): SqsState {
  const state = new SqsState();
  for (const record of records) state.apply(record);
  return state;
}
