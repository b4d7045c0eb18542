import { setImmediate } from "node:timers/promises";
import type { Clock } from "../lib/clock.ts";

/** 2026-01-01T00:00:00Z */
export const NEW_YEAR = 1_767_225_600_000;

/** Turns of the event loop after which nothing more is expected of promises alone. */
const IDLE_TURNS = 1000;

interface Entry {
  readonly at: number;
  readonly task: () => void;
}

/** A clock that stands still until a test says otherwise. */
export class VirtualClock implements Clock {
  #now: number;
  #entries: Entry[] = [];

  constructor(now = NEW_YEAR) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  schedule(at: number, task: () => void): () => void {
    const entry = { at, task };
    this.#entries.push(entry);
    return () => this.#remove(entry);
  }

  /** How many tasks wait for their time: a test can see that nothing was left behind. */
  get waiting(): number {
    return this.#entries.length;
  }

  /** Lets `ms` milliseconds pass, and with them everything happen that becomes due on the way, in order. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let next = this.#next(); next && next.at <= end; next = this.#next()) this.#run(next);
    this.#now = end;
  }

  /**
   * Goes from one scheduled task to the next, and lets all that waits on promises go on in between, until `predicate`
   * holds.
   *
   * @throws Error when nothing is scheduled any more and it still does not hold
   */
  async runUntil(predicate: () => boolean): Promise<void> {
    for (let idleTurns = 0; idleTurns < IDLE_TURNS; idleTurns += 1) {
      await setImmediate();
      if (predicate()) return;
      const next = this.#next();
      if (!next) continue;
      this.#run(next);
      idleTurns = 0;
    }
    throw new Error("nothing is scheduled any more, and what was waited for has not happened");
  }

  /** Of those that are due at one time, the one that was scheduled first. */
  #next(): Entry | undefined {
    let first: Entry | undefined;
    for (const entry of this.#entries) if (!first || entry.at < first.at) first = entry;
    return first;
  }

  #run(entry: Entry): void {
    this.#remove(entry);
    this.#now = Math.max(this.#now, entry.at);
    entry.task();
  }

  #remove(entry: Entry): void {
    this.#entries = this.#entries.filter((other) => other !== entry);
  }
}
