import { type FunctionCode, FunctionHost, type OnLine } from "./function-host.ts";

/** A function as its event sources see it. */
export interface Invoke {
  /** Resolves when an invocation could begin at once, or when it is time to stop. */
  free(): Promise<void>;
  call(event: unknown): Promise<unknown>;
}

/**
 * Execution environments of one function, one invocation in each, like Lambda's: an idle one is used again, a further one
 * is started when all are busy, up to a limit that fits a laptop.
 */
export class FunctionPool implements Invoke {
  readonly #code: FunctionCode;
  readonly #onLine: OnLine;
  readonly #limit: number;
  readonly #stop: AbortSignal;
  #idle: FunctionHost[] = [];
  #all: FunctionHost[] = [];
  #busy = 0;
  #waiting: (() => void)[] = [];

  constructor(code: FunctionCode, options: { onLine: OnLine; limit: number; stop: AbortSignal }) {
    this.#code = code;
    this.#onLine = options.onLine;
    this.#limit = Math.min(options.limit, code.plan.maxConcurrency ?? options.limit);
    this.#stop = options.stop;
    this.#stop.addEventListener("abort", () => this.#wake());
  }

  async free(): Promise<void> {
    while (this.#busy >= this.#limit && !this.#stop.aborted) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async call(event: unknown): Promise<unknown> {
    // Several sources may have found it free at once.
    await this.free();
    const host = this.#idle.pop() ?? this.#add();
    this.#busy += 1;
    try {
      return await host.invoke(event);
    } finally {
      this.#busy -= 1;
      this.#idle.push(host);
      this.#wake();
    }
  }

  /** Ends all environments. The next invocation begins with the code as it is then. */
  async close(): Promise<void> {
    await Promise.all(this.#all.map((host) => host.close()));
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  #add(): FunctionHost {
    const host = new FunctionHost(this.#code, this.#onLine);
    this.#all.push(host);
    return host;
  }
}
