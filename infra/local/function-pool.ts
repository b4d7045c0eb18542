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
  /** Busy ones whose code has changed. */
  readonly #stale = new Set<FunctionHost>();
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
    while (this.#busy >= this.#limit && !this.#stop.aborted) await this.#change();
  }

  async call(event: unknown): Promise<unknown> {
    // Several callers may be woken by one that ends: between the last look and the taking nothing may wait.
    while (this.#busy >= this.#limit) await this.#change();
    this.#busy += 1;
    const host = this.#idle.pop() ?? this.#add();
    try {
      return await host.invoke(event);
    } finally {
      if (this.#stale.delete(host)) await host.close();
      this.#idle.push(host);
      this.#busy -= 1;
      this.#wake();
    }
  }

  /** Lets the next invocations begin with the code as it is now; those under way end with the code that they have. */
  async reload(): Promise<void> {
    for (const host of this.#all) if (!this.#idle.includes(host)) this.#stale.add(host);
    await Promise.all(this.#idle.map((host) => host.close()));
  }

  /** Ends all environments, and with them what is under way. */
  async close(): Promise<void> {
    await Promise.all(this.#all.map((host) => host.close()));
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
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
