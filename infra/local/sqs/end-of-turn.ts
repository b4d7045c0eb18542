/**
 * Runs a step once at the end of the event-loop turn in which it was asked for, however often. All requests that arrived
 * in the turn have been read then, and connections that clients have closed by then are known to be closed.
 */
export class EndOfTurn {
  readonly #step: () => void;
  #isRequested = false;

  constructor(step: () => void) {
    this.#step = step;
  }

  readonly request = (): void => {
    if (this.#isRequested) return;
    this.#isRequested = true;
    setImmediate(() => {
      this.#isRequested = false;
      this.#step();
    });
  };
}
