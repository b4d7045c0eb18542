/**
 * What the real service does now and then, and a laptop never: switches for tests. Chances are from 0 (never) to 1
 * (always). With the same seed and the same requests the same things happen.
 */
export interface SqsFaults {
  seed: number;
  /** Standard queues deliver in random order. */
  shuffle: boolean;
  /** Chance that a received message of a standard queue is delivered a second time, at a random time of its claim. */
  duplicate: number;
  /** Chance that a sent message becomes visible late, by a random time up to `latestBySeconds`. */
  late: number;
  latestBySeconds: number;
  /** Chance that a request is refused with RequestThrottled, without effect. */
  throttle: number;
  /** Chance that an entry of a batch fails with InternalError, without effect. */
  failEntry: number;
}

export const noFaults: SqsFaults = {
  seed: 1,
  shuffle: false,
  duplicate: 0,
  late: 0,
  latestBySeconds: 1,
  throttle: 0,
  failEntry: 0,
};

/** So many messages at the head of a queue are shuffled: enough to upset any reliance on order, and no scan of the queue. */
const SHUFFLED = 50;

/** Throws the dice. With all switches off it throws none. */
export class FaultInjector {
  #faults: SqsFaults = noFaults;
  #random = generator(noFaults.seed);

  /** Switches named are set, others stay. Naming the seed starts the sequence of dice anew. */
  set(faults: Partial<SqsFaults>): void {
    this.#faults = { ...this.#faults, ...faults };
    if (faults.seed !== undefined) this.#random = generator(faults.seed);
  }

  get throttles(): boolean {
    return this.#happens(this.#faults.throttle);
  }

  get failsEntry(): boolean {
    return this.#happens(this.#faults.failEntry);
  }

  get duplicates(): boolean {
    return this.#happens(this.#faults.duplicate);
  }

  /** Milliseconds by which a message that is sent now is late. */
  get lateness(): number {
    return this.#happens(this.#faults.late) ? this.below(this.#faults.latestBySeconds * 1_000) + 1 : 0;
  }

  /** A random integer from 0, below `end`; 0 if `end` is 0. */
  below(end: number): number {
    return Math.floor(this.#random() * end);
  }

  /** The items as they come, or shuffled. */
  reorder<T>(items: Iterable<T>): Iterable<T> {
    return this.#faults.shuffle ? this.#shuffled(items) : items;
  }

  *#shuffled<T>(items: Iterable<T>): Iterable<T> {
    const head: T[] = [];
    for (const item of items) {
      head.push(item);
      if (head.length === SHUFFLED) break;
    }
    while (head.length > 0) yield* head.splice(this.below(head.length), 1);
  }

  #happens(chance: number): boolean {
    return chance > 0 && this.#random() < chance;
  }
}

/** Mulberry32: numbers from 0, below 1, that depend on the seed only. */
function generator(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
