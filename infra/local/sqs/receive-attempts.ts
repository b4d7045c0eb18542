import { RECEIVE_ATTEMPT_WINDOW } from "./limits.ts";
import type { Message } from "./message.ts";
import type { Queue } from "./queue.ts";

interface Attempt {
  readonly at: number;
  readonly messages: readonly {
    readonly message: Message;
    readonly receives: number;
    readonly until: number;
  }[];
}

/**
 * Receives on FIFO queues by their ReceiveRequestAttemptId: a client that lost the answer gets the same messages again. Not
 * journaled: after a restart, the messages come back when their visibility timeout ends.
 *
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html, ReceiveRequestAttemptId
 */
export class ReceiveAttempts {
  readonly #attempts = new Map<string, Attempt>();

  /** Keeps what a receive got, until five minutes have passed. */
  remember(queue: Queue, id: string, received: readonly Message[], now: number): void {
    for (const [key, { at }] of this.#attempts) {
      if (at + RECEIVE_ATTEMPT_WINDOW > now) break;
      this.#attempts.delete(key);
    }
    const messages = received.map((message) => ({
      message,
      receives: message.delivery.receives,
      until: message.wake.at,
    }));
    this.#attempts.delete(keyOf(queue, id));
    this.#attempts.set(keyOf(queue, id), { at: now, messages });
  }

  /** What an earlier receive got, if none of the messages has been deleted or had its visibility changed since. */
  recall(queue: Queue, id: string, now: number): readonly Message[] | undefined {
    const attempt = this.#attempts.get(keyOf(queue, id));
    if (!attempt || attempt.at + RECEIVE_ATTEMPT_WINDOW <= now) return undefined;
    const isUntouched = attempt.messages.every(
      ({ message, receives, until }) =>
        message.state === "IN_FLIGHT" && message.delivery.receives === receives && message.wake.at === until,
    );
    return isUntouched ? attempt.messages.map(({ message }) => message) : undefined;
  }
}

const keyOf = (queue: Queue, id: string): string => `${queue.id} ${id}`;
