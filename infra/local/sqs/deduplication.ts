import { DEDUPLICATION_WINDOW, MINUTE } from "./limits.ts";

/** The first message sent with a deduplication id. */
export interface FirstSend {
  readonly at: number;
  readonly messageId: string;
  readonly number: number;
}

/**
 * Remembers for five minutes which deduplication ids a FIFO queue has seen, also of messages received and deleted since.
 *
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html
 */
export class DeduplicationWindow {
  readonly #seen = new Map<string, FirstSend>();
  #nextSweep = 0;

  find(key: string, now: number): FirstSend | undefined {
    const first = this.#seen.get(key);
    return first && first.at + DEDUPLICATION_WINDOW > now ? first : undefined;
  }

  remember(key: string, first: FirstSend): void {
    this.#sweep(first.at);
    // Deleting first puts the key at the end: the sweep relies on ascending times.
    this.#seen.delete(key);
    this.#seen.set(key, first);
  }

  clear(): void {
    this.#seen.clear();
  }

  /** What is still in the window, oldest first. */
  entries(now: number): [string, FirstSend][] {
    return [...this.#seen].filter(([key]) => this.find(key, now));
  }

  #sweep(now: number): void {
    if (now < this.#nextSweep) return;
    this.#nextSweep = now + MINUTE;
    for (const [key, { at }] of this.#seen) {
      if (at + DEDUPLICATION_WINDOW > now) break;
      this.#seen.delete(key);
    }
  }
}
