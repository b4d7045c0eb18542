import { enableCompileCache } from "node:module";
import { performance } from "node:perf_hooks";
import { pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";

/** The inside of an execution environment: loads a handler and calls it with what the host sends. */

export interface ToWorker {
  readonly id: number;
  readonly event: unknown;
  /** Milliseconds since 1970, by the monotonic clock that both sides share. */
  readonly deadline: number;
}

export type FromWorker =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: { readonly message: string; readonly stack: string } };

interface Code {
  readonly module: string;
  readonly name: string;
  readonly memoryMb: number;
}

// Compiled code is kept between starts: half of what a cold start costs.
enableCompileCache();

const { module, name, memoryMb } = workerData as Code;
type Handler = (event: unknown, context: unknown) => Promise<unknown>;
const loaded = import(pathToFileURL(module).href) as Promise<{ handler: Handler }>;
// The first invocation reports it; until then it is nobody's unhandled rejection.
loaded.catch(() => {});

const contextOf = ({ id, deadline }: ToWorker) => ({
  functionName: name,
  functionVersion: "$LATEST",
  memoryLimitInMB: String(memoryMb),
  awsRequestId: `local-${id}`,
  getRemainingTimeInMillis: () => Math.max(0, deadline - (performance.timeOrigin + performance.now())),
});

parentPort?.on("message", (message: ToWorker) => {
  loaded
    .then(({ handler }) => handler(message.event, contextOf(message)))
    .then((result) => parentPort?.postMessage({ id: message.id, result } satisfies FromWorker))
    .catch((thrown: unknown) => {
      const { message: text, stack = "" } = thrown instanceof Error ? thrown : new Error(String(thrown));
      parentPort?.postMessage({ id: message.id, error: { message: text, stack } } satisfies FromWorker);
    });
});
