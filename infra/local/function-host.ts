import { performance } from "node:perf_hooks";
import { Worker } from "node:worker_threads";
import type { FunctionPlan } from "../../lib/plan/plan.ts";
import type { FromWorker, ToWorker } from "./function-worker.ts";

/** How a function ended when it did not answer. */
export class FunctionDied extends Error {
  override readonly name = "FunctionDied";
}

export interface FunctionCode {
  readonly plan: FunctionPlan;
  /** The handler's module. */
  readonly module: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Receives each line that a function prints. */
export type OnLine = (functionName: string, line: string) => void;

interface Pending {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

interface Environment {
  readonly worker: Worker;
  /** Resolves when the handler's module is loaded, or has had its time for that. */
  readonly ready: Promise<void>;
  readonly setReady: () => void;
}

/**
 * Loading a function does not count as its running time. On Lambda too: what takes longer goes on at the expense of the
 * first invocation (docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html, init phase).
 */
const INIT_MS = 10_000;
/** A line that is longer is told in pieces: what never ends must not fill the memory. */
const LONGEST_LINE = 65_536;

/**
 * One execution environment of a function: a worker thread with an environment and a heap of its own. It is started by
 * the first invocation. When it dies, by a crash, by `process.exit`, by running out of memory or over its time, the
 * invocations that it held are rejected and the next one starts a new one; nothing else in the process notices.
 */
export class FunctionHost {
  readonly #code: FunctionCode;
  readonly #onLine: OnLine;
  #environment: Environment | undefined;
  #pending = new Map<number, Pending>();
  #lastId = 0;

  constructor(code: FunctionCode, onLine: OnLine) {
    this.#code = code;
    this.#onLine = onLine;
  }

  /** @throws FunctionDied, or an Error with the handler's message when it threw */
  async invoke(event: unknown): Promise<unknown> {
    this.#environment ??= this.#start();
    const { worker, ready } = this.#environment;
    this.#lastId += 1;
    const id = this.#lastId;
    let timer: NodeJS.Timeout | undefined;
    const begin = (): void => {
      const { name, timeoutSeconds } = this.#code.plan;
      // It may have died of being loaded.
      if (!this.#pending.has(id)) return;
      const deadline = performance.timeOrigin + performance.now() + timeoutSeconds * 1000;
      const end = () => this.#end(worker, `${name} ran over its time of ${timeoutSeconds} s`);
      timer = setTimeout(end, timeoutSeconds * 1000);
      worker.postMessage({ id, event, deadline } satisfies ToWorker);
    };
    try {
      return await new Promise((resolve, reject) => {
        this.#pending.set(id, { resolve, reject });
        void ready.then(begin);
      });
    } finally {
      clearTimeout(timer);
      this.#pending.delete(id);
    }
  }

  /** Ends the environment; what it held is rejected. */
  async close(): Promise<void> {
    const worker = this.#environment?.worker;
    if (worker) await this.#end(worker, `${this.#code.plan.name} was stopped`);
  }

  #start(): Environment {
    const { plan, module, env } = this.#code;
    const { promise: ready, resolve: setReady } = Promise.withResolvers<void>();
    setTimeout(setReady, INIT_MS).unref();
    const worker = new Worker(new URL("./function-worker.ts", import.meta.url), {
      env: { ...env },
      workerData: { module, name: plan.name, memoryMb: plan.memoryMb },
      resourceLimits: { maxOldGenerationSizeMb: plan.memoryMb },
      stdout: true,
      stderr: true,
    });
    for (const stream of [worker.stdout, worker.stderr]) this.#readLines(stream);
    const environment = { worker, ready, setReady };
    worker.on("message", (message: FromWorker) => this.#heard(message, environment));
    worker.once("error", (error) => this.#died(worker, `${plan.name} died: ${(error as Error).message}`));
    worker.once("exit", (code) => this.#died(worker, `${plan.name} ended with exit code ${code}`));
    return environment;
  }

  #heard(message: FromWorker, { worker, setReady }: Environment): void {
    if ("loaded" in message) {
      if (message.loaded) setReady();
      // The next invocation begins anew: what was missing may be there then.
      else void this.#end(worker, `${this.#code.plan.name} cannot be loaded: ${message.why}`);
      return;
    }
    const pending = this.#pending.get(message.id);
    if ("error" in message)
      pending?.reject(Object.assign(new Error(message.error.message), { stack: message.error.stack }));
    else pending?.resolve(message.result);
  }

  async #end(worker: Worker, why: string): Promise<void> {
    this.#died(worker, why);
    await worker.terminate();
  }

  #died(worker: Worker, why: string): void {
    if (this.#environment?.worker !== worker) return;
    this.#environment = undefined;
    for (const { reject } of this.#pending.values()) reject(new FunctionDied(why));
    this.#pending.clear();
  }

  #readLines(stream: NodeJS.ReadableStream): void {
    let rest = "";
    const tell = (line: string): void => {
      if (line !== "") this.#onLine(this.#code.plan.name, line);
    };
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) tell(line);
      for (; rest.length > LONGEST_LINE; rest = rest.slice(LONGEST_LINE)) tell(rest.slice(0, LONGEST_LINE));
    });
    // The last words of what died need not end in a line feed.
    stream.on("end", () => tell(rest));
  }
}
