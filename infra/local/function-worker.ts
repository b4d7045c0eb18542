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
  /** Sent once, before anything else. */
  | { readonly loaded: true }
  | { readonly loaded: false; readonly why: string }
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
const tell = (message: FromWorker): void => parentPort?.postMessage(message);
const loaded = import(pathToFileURL(module).href) as Promise<{ handler: Handler }>;
loaded.then(
  () => tell({ loaded: true }),
  (thrown: unknown) => tell({ loaded: false, why: errorOf(thrown).message }),
);

const contextOf = ({ id, deadline }: ToWorker) => ({
  functionName: name,
  functionVersion: "$LATEST",
  memoryLimitInMB: String(memoryMb),
  awsRequestId: `local-${id}`,
  getRemainingTimeInMillis: () => Math.max(0, deadline - (performance.timeOrigin + performance.now())),
});

const errorOf = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));

parentPort?.on("message", (message: ToWorker) => {
  loaded
    .then(({ handler }) => handler(message.event, contextOf(message)))
    .then((result) => tell({ id: message.id, result }))
    .catch((thrown: unknown) => {
      const { message: text, stack = "" } = errorOf(thrown);
      tell({ id: message.id, error: { message: text, stack } });
    });
});
