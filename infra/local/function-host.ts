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

/**
 * One execution environment of a function: a worker thread with an environment and a heap of its own. It is started by
 * the first invocation. When it dies, by a crash, by `process.exit`, by running out of memory or over its time, the
 * invocations that it held are rejected and the next one starts a new one; nothing else in the process notices.
 */
export class FunctionHost {
  readonly #code: FunctionCode;
  readonly #onLine: OnLine;
  #worker: Worker | undefined;
  #pending = new Map<number, Pending>();
  #lastId = 0;

  constructor(code: FunctionCode, onLine: OnLine) {
    this.#code = code;
    this.#onLine = onLine;
  }

  /** @throws FunctionDied, or an Error with the handler's message when it threw */
  async invoke(event: unknown): Promise<unknown> {
    this.#worker ??= this.#start();
    const worker = this.#worker;
    const { plan } = this.#code;
    this.#lastId += 1;
    const id = this.#lastId;
    const deadline = performance.timeOrigin + performance.now() + plan.timeoutSeconds * 1000;
    const timer = setTimeout(
      () => this.#end(worker, `${plan.name} ran over its time of ${plan.timeoutSeconds} s`),
      plan.timeoutSeconds * 1000,
    );
    try {
      return await new Promise((resolve, reject) => {
        this.#pending.set(id, { resolve, reject });
        worker.postMessage({ id, event, deadline } satisfies ToWorker);
      });
    } finally {
      clearTimeout(timer);
      this.#pending.delete(id);
    }
  }

  /** Ends the environment; what it held is rejected. */
  async close(): Promise<void> {
    const worker = this.#worker;
    if (worker) await this.#end(worker, `${this.#code.plan.name} was stopped`);
  }

  #start(): Worker {
    const { plan, module, env } = this.#code;
    const worker = new Worker(new URL("./function-worker.ts", import.meta.url), {
      env: { ...env },
      workerData: { module, name: plan.name, memoryMb: plan.memoryMb },
      resourceLimits: { maxOldGenerationSizeMb: plan.memoryMb },
      stdout: true,
      stderr: true,
    });
    for (const stream of [worker.stdout, worker.stderr]) this.#readLines(stream);
    worker.on("message", (message: FromWorker) => {
      const pending = this.#pending.get(message.id);
      if ("error" in message)
        pending?.reject(Object.assign(new Error(message.error.message), { stack: message.error.stack }));
      else pending?.resolve(message.result);
    });
    worker.once("error", (error) => this.#died(worker, `${plan.name} died: ${(error as Error).message}`));
    worker.once("exit", (code) => this.#died(worker, `${plan.name} ended with exit code ${code}`));
    return worker;
  }

  async #end(worker: Worker, why: string): Promise<void> {
    this.#died(worker, why);
    await worker.terminate();
  }

  #died(worker: Worker, why: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    for (const { reject } of this.#pending.values()) reject(new FunctionDied(why));
    this.#pending.clear();
  }

  #readLines(stream: NodeJS.ReadableStream): void {
    let rest = "";
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line !== "") this.#onLine(this.#code.plan.name, line);
    });
  }
}
