import type { Clock } from "../../lib/clock.ts";

/** 2026-01-01T00:00:00Z */
export const NEW_YEAR = 1_767_225_600_000;

/** A clock that stands still until it is told to go on. */
export class VirtualClock implements Clock {
  #now: number;
  #scheduled: { at: number; task: () => void }[] = [];

  constructor(now = NEW_YEAR) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  schedule(at: number, task: () => void): () => void {
    const entry = { at, task };
    this.#scheduled.push(entry);
    return () => {
      this.#scheduled = this.#scheduled.filter((one) => one !== entry);
    };
  }

  /** How many tasks are scheduled. */
  get pending(): number {
    return this.#scheduled.length;
  }

  /** Lets time pass, and with it everything happen that was scheduled, in order. */
  pass(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = this.#scheduled.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#scheduled = this.#scheduled.filter((one) => one !== next);
      this.#now = Math.max(this.#now, next.at);
      next.task();
    }
    this.#now = end;
  }
}
