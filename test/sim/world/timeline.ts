import type { Clock } from "../../../lib/clock.ts";

interface Event {
  readonly at: number;
  /** Events of one instant happen in the order in which they were scheduled. */
  readonly order: number;
  readonly task: () => void;
  cancelled: boolean;
}

const isBefore = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

/** How a run of the timeline ended: nothing is left to happen, or it went on for longer than it may. */
export type Outcome = "quiet" | "endless";

/**
 * Virtual time: a heap of things that are to happen, and nothing happens but they. Between two of them the process comes
 * to rest (one macrotask each), so that the order of events is the order of this heap and of nothing else.
 */
export class Timeline implements Clock {
  readonly #heap: Event[] = [];
  #now: number;
  #scheduled = 0;
  #happened = 0;

  constructor(start: number) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  /** Events so far. */
  get happened(): number {
    return this.#happened;
  }

  schedule(at: number, task: () => void): () => void {
    const event: Event = {
      at: Math.max(Math.ceil(at), this.#now),
      order: this.#scheduled,
      task,
      cancelled: false,
    };
    this.#scheduled += 1;
    this.#push(event);
    return () => {
      event.cancelled = true;
    };
  }

  after(ms: number, task: () => void): () => void {
    return this.schedule(this.#now + ms, task);
  }

  /** Lets everything happen until nothing is left, but not beyond the given instant or number of events. */
  async run(limits: { readonly until: number; readonly events: number }): Promise<Outcome> {
    for (;;) {
      const event = this.#pop();
      if (!event) return "quiet";
      if (event.cancelled) continue;
      if (event.at > limits.until || this.#happened >= limits.events) {
        this.#push(event);
        return "endless";
      }
      this.#now = event.at;
      this.#happened += 1;
      event.task();
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(event);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || isBefore(above, event)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = event;
  }

  #pop(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || first === last) return first;
    let index = 0;
    for (;;) {
      const left = 2 * index + 1;
      const [one, other] = [heap[left], heap[left + 1]];
      const isOtherFirst = one !== undefined && other !== undefined && isBefore(other, one);
      const child = isOtherFirst ? other : one;
      if (child === undefined || isBefore(last, child)) break;
      heap[index] = child;
      index = isOtherFirst ? left + 1 : left;
    }
    heap[index] = last;
    return first;
  }
}
