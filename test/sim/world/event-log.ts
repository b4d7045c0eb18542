import { createHash } from "node:crypto";

/** What happened in a world, line by line. Two runs of one seed must have the same log, which a hash of it shows. */
export class EventLog {
  readonly #start: number;
  readonly #hash = createHash("sha256");
  readonly #print: ((line: string) => void) | undefined;

  /** @param print gets every line, to be read by people */
  constructor(start: number, print?: (line: string) => void) {
    this.#start = start;
    this.#print = print;
  }

  write(at: number, who: string, what: string): void {
    const line = `${((at - this.#start) / 1000).toFixed(3).padStart(10)}  ${who}: ${what}`;
    this.#hash.update(line);
    this.#print?.(line);
  }

  /** Of all lines so far; nothing can be written afterwards. */
  digest(): string {
    return this.#hash.digest("hex").slice(0, 16);
  }
}
