import type { SQSBatchResponse } from "aws-lambda";
import type { Message, QueueModel } from "../services/queues.ts";
import type { Ending, LambdaFunction } from "./lambda.ts";
import type { World } from "./world.ts";

/** The event that Lambda makes of received messages, as far as `deliveriesOf` reads it. */
export interface MessagesEvent {
  readonly Records: readonly {
    readonly messageId: string;
    readonly receiptHandle: string;
    readonly body: string;
    readonly attributes: { readonly ApproximateReceiveCount: string };
    readonly eventSourceARN: string;
  }[];
}

export interface EventSourceSettings {
  readonly queue: string;
  readonly batchSize: number;
  /** Invocations at once. */
  readonly concurrency: number;
}

const ARN = "arn:aws:sqs:us-east-1:000000000000:";
const eventOf = (queue: string, messages: readonly Message[]): MessagesEvent => ({
  Records: messages.map(({ id, receipt = "", body, receiveCount }) => ({
    messageId: id,
    receiptHandle: receipt,
    body,
    attributes: { ApproximateReceiveCount: String(receiveCount) },
    eventSourceARN: ARN + queue,
  })),
});

/**
 * Lambda's event source mapping for a queue, with ReportBatchItemFailures: receives batches, invokes, and deletes what
 * the answer does not name. Of an invocation that failed or died nothing is deleted; its messages come back when their
 * claims run out (docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html).
 */
export class EventSource {
  readonly #settings: EventSourceSettings;
  readonly #queues: QueueModel;
  readonly #function: LambdaFunction<MessagesEvent, SQSBatchResponse>;
  readonly #world: World;
  #running = 0;
  #poll: { readonly at: number; readonly cancel: () => void } | undefined;

  constructor(
    settings: EventSourceSettings,
    queues: QueueModel,
    target: LambdaFunction<MessagesEvent, SQSBatchResponse>,
    world: World,
  ) {
    this.#settings = settings;
    this.#queues = queues;
    this.#function = target;
    this.#world = world;
    queues.watch(settings.queue, () => this.#arm());
  }

  /** Plans the next receive for when there will be something to receive. */
  #arm(): void {
    const next = this.#queues.nextVisibleAt(this.#settings.queue);
    if (next === undefined || this.#running >= this.#settings.concurrency) return;
    const { timeline, prng } = this.#world;
    const at = Math.max(next, timeline.now()) + prng.between(5, 300);
    if (this.#poll && this.#poll.at <= at) return;
    this.#poll?.cancel();
    const cancel = timeline.schedule(at, () => {
      this.#poll = undefined;
      this.#receive();
    });
    this.#poll = { at, cancel };
  }

  #receive(): void {
    const { queue, batchSize } = this.#settings;
    const messages = this.#queues.receive(queue, batchSize);
    if (messages.length > 0) {
      this.#running += 1;
      this.#world.timeline.after(this.#holdMs(), () => this.#invoke(messages));
    }
    this.#arm();
  }

  /** Received messages wait for a function when its concurrency is used up: perhaps for longer than their claims last. */
  #holdMs(): number {
    const { prng, faults } = this.#world;
    if (!faults.strikes("held-batch")) return prng.between(1, 20);
    return Math.round(this.#queues.visibilityMs(this.#settings.queue) * (0.5 + 2 * prng.fraction()));
  }

  #invoke(messages: readonly Message[]): void {
    this.#function.invoke(eventOf(this.#settings.queue, messages), (ending) => {
      this.#running -= 1;
      const done = doneOf(messages, ending);
      if (done.length > 0)
        this.#world.timeline.after(this.#world.prng.between(1, 50), () => this.#delete(done));
      this.#arm();
    });
  }

  #delete(messages: readonly Message[]): void {
    for (const { receipt = "", id } of messages) {
      if (this.#world.faults.strikes("delete-lost")) this.#world.probes.noteDeleteLost(id);
      else this.#queues.delete(this.#settings.queue, receipt);
    }
  }
}

function doneOf(messages: readonly Message[], ending: Ending<SQSBatchResponse>): readonly Message[] {
  if (ending.kind !== "answered") return [];
  const failed = new Set(ending.answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
  return messages.filter(({ id }) => !failed.has(id));
}
