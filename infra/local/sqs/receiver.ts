import type { Clock } from "../../../lib/clock.ts";
import { SECOND } from "./limits.ts";
import type { Linked } from "./linked-list.ts";
import type { Queue } from "./queue.ts";

/** What a receive wants. */
export interface Wish {
  /** How long it waits for the first message; 0: it does not. */
  readonly seconds: number;
  /** Takes messages for this receive; undefined if there is none. */
  readonly attempt: () => object[] | undefined;
  /** Whether the client has hung up: nothing must be taken for it then. */
  readonly isGone: () => boolean;
  /** Calls back when the client hangs up. */
  readonly onGone: (left: () => void) => void;
}

/** A receive that has no answer yet. It is answered once. */
export class Receiver implements Linked<Receiver> {
  previous: Receiver | undefined;
  next: Receiver | undefined;
  readonly queue: Queue;
  /** Belongs to the line. */
  isInLine = false;
  readonly #wish: Wish;
  readonly #resolve: (messages: object[] | undefined) => void;
  readonly #answered: (receiver: Receiver) => void;
  #cancelTimeout: (() => void) | undefined;
  #isAnswered = false;

  /** @param answered told as soon as it has its answer */
  constructor(
    queue: Queue,
    wish: Wish,
    resolve: (messages: object[] | undefined) => void,
    answered: (receiver: Receiver) => void,
  ) {
    this.queue = queue;
    this.#wish = wish;
    this.#resolve = resolve;
    this.#answered = answered;
    this.previous = undefined;
    this.next = undefined;
  }

  get waits(): boolean {
    return this.#wish.seconds > 0;
  }

  get isGone(): boolean {
    return this.#wish.isGone();
  }

  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  startWaiting(clock: Clock): void {
    const end = () => this.end();
    this.#cancelTimeout = clock.schedule(clock.now() + this.#wish.seconds * SECOND, end);
    this.#wish.onGone(end);
  }

  /** Answers with messages; false if there are none. */
  serve(): boolean {
    const messages = this.#wish.attempt();
    if (messages) this.#answer(messages);
    return messages !== undefined;
  }

  /** Answers with nothing, unless it is answered. */
  end(): void {
    this.#answer(undefined);
  }

  #answer(messages: object[] | undefined): void {
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    this.#cancelTimeout?.();
    this.#answered(this);
    this.#resolve(messages);
  }
}
