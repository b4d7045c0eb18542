import type { Clock } from "../../../lib/clock.ts";
import { LinkedList } from "./linked-list.ts";
import type { Queue } from "./queue.ts";
import { Receiver, type Wish } from "./receiver.ts";

interface Line {
  readonly receivers: LinkedList<Receiver>;
  cancelWake: (() => void) | undefined;
}

/**
 * The receives that have no answer yet, in a line for each queue. A message goes to the first in line only; the others wait
 * on.
 *
 * No message is taken for a client that has hung up. Therefore a receive joins its line at the end of the event-loop turn
 * in which it was read, and is served at the end of the next one at the earliest: a connection that was closed right after
 * the request is known to be closed by then.
 */
export class Receivers {
  readonly #clock: Clock;
  readonly #requestServe: () => void;
  readonly #lines = new Map<Queue, Line>();
  readonly #changed = new Set<Queue>();
  #newcomers: Receiver[] = [];
  /** Those in line that do not wait: they get what there is at the next serving, or nothing. */
  #impatient: Receiver[] = [];

  /** @param requestServe called when there is something to do; `serve` must follow at the end of the turn */
  constructor(clock: Clock, requestServe: () => void) {
    this.#clock = clock;
    this.#requestServe = requestServe;
  }

  /** Settles with what `attempt` gave, or with undefined when the time is over or the client gone. */
  receive(queue: Queue, wish: Wish): Promise<object[] | undefined> {
    return new Promise((resolve) => {
      const receiver = new Receiver(queue, wish, resolve, (answered) => this.#leave(answered));
      this.#newcomers.push(receiver);
      if (receiver.waits) receiver.startWaiting(this.#clock);
      this.#requestServe();
    });
  }

  /** Messages of the queue may have become receivable. */
  changed(queue: Queue): void {
    if (!this.#lines.has(queue)) return;
    this.#changed.add(queue);
    this.#requestServe();
  }

  /** Serves those in line at queues that have changed, then lets the newcomers join. */
  serve(): void {
    for (const queue of this.#changed) {
      this.#serveLine(queue);
      this.#changed.delete(queue);
    }
    for (const receiver of this.#impatient) receiver.end();
    this.#impatient = [];
    this.#letNewcomersJoin();
  }

  /** Answers all receives, or those on one queue, with nothing. */
  end(only?: Queue): void {
    const inLine = [...this.#lines.values()].flatMap(({ receivers }) => [...receivers]);
    for (const receiver of [...this.#newcomers, ...inLine]) {
      if (only === undefined || only === receiver.queue) receiver.end();
    }
  }

  #letNewcomersJoin(): void {
    const newcomers = this.#newcomers;
    this.#newcomers = [];
    for (const receiver of newcomers) {
      if (receiver.isAnswered) continue;
      this.#line(receiver.queue).receivers.push(receiver);
      receiver.isInLine = true;
      if (!receiver.waits) this.#impatient.push(receiver);
      this.changed(receiver.queue);
    }
  }

  #serveLine(queue: Queue): void {
    const line = this.#lines.get(queue);
    if (!line) return;
    for (let first = line.receivers.first; first; first = line.receivers.first) {
      if (first.isGone) first.end();
      else if (!first.serve()) break;
    }
    this.#wakeInTime(queue, line);
  }

  #line(queue: Queue): Line {
    let line = this.#lines.get(queue);
    if (!line) {
      line = { receivers: new LinkedList<Receiver>(), cancelWake: undefined };
      this.#lines.set(queue, line);
    }
    return line;
  }

  #leave(receiver: Receiver): void {
    const line = this.#lines.get(receiver.queue);
    if (!line || !receiver.isInLine) return;
    receiver.isInLine = false;
    line.receivers.remove(receiver);
    if (line.receivers.first) return;
    line.cancelWake?.();
    this.#lines.delete(receiver.queue);
  }

  /** While someone waits, the clock calls when the next message becomes visible by itself. */
  #wakeInTime(queue: Queue, line: Line): void {
    line.cancelWake?.();
    const at = line.receivers.first ? queue.nextWake : undefined;
    line.cancelWake = at === undefined ? undefined : this.#clock.schedule(at, () => this.changed(queue));
  }
}
