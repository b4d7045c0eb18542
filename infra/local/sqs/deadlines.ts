/** An instant at which something happens to `owner` by itself. Reused: in a heap or not, again and again. */
export class Deadline<T> {
  readonly owner: T;
  /** Tells deadlines of the same instant apart: the lower comes first. */
  readonly order: number;
  /** Milliseconds since 1970. Must not change while the deadline is in a heap. */
  at = 0;
  /** Place in the heap's array; -1: in none. Belongs to the heap. */
  place = -1;

  constructor(owner: T, order: number) {
    this.owner = owner;
    this.order = order;
  }
}

const isEarlier = <T>(a: Deadline<T>, b: Deadline<T>): boolean =>
  a.at < b.at || (a.at === b.at && a.order < b.order);

/**
 * A binary heap of deadlines. Each knows its place in it, so that any one, not only the first, leaves in O(log n) and
 * nothing is left behind that would keep a deleted message in memory.
 */
export class DeadlineHeap<T> {
  readonly #heap: Deadline<T>[] = [];

  /** The earliest, or undefined. */
  get first(): Deadline<T> | undefined {
    return this.#heap[0];
  }

  add(deadline: Deadline<T>): void {
    this.#up(deadline, this.#heap.length);
  }

  /** Takes it out; does nothing if it is not in. */
  remove(deadline: Deadline<T>): void {
    const { place } = deadline;
    if (place < 0) return;
    deadline.place = -1;
    const last = this.#heap.pop();
    if (!last || last === deadline) return;
    this.#down(last, place);
    this.#up(last, last.place);
  }

  #put(deadline: Deadline<T>, place: number): void {
    this.#heap[place] = deadline;
    deadline.place = place;
  }

  #up(deadline: Deadline<T>, from: number): void {
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = this.#heap[above];
      if (!parent || !isEarlier(deadline, parent)) break;
      this.#put(parent, place);
      place = above;
    }
    this.#put(deadline, place);
  }

  #down(deadline: Deadline<T>, from: number): void {
    let place = from;
    for (;;) {
      const left = this.#heap[2 * place + 1];
      const right = this.#heap[2 * place + 2];
      const child = right && left && isEarlier(right, left) ? right : left;
      if (!child || !isEarlier(child, deadline)) break;
      const below = child.place;
      this.#put(child, place);
      place = below;
    }
    this.#put(deadline, place);
  }
}
