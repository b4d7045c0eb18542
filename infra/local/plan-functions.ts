import { availableParallelism } from "node:os";
import { delimiter, dirname, resolve } from "node:path";
import { pollingClient } from "../../lib/clients.aws.ts";
import { DEAD_BATCH, functionsOf } from "../../lib/plan/functions.ts";
import type { FunctionPlan, Plan, QueuePlan } from "../../lib/plan/plan.ts";
import { LONG_POLL_SECONDS, runEventSource } from "./event-source.ts";
import { FunctionHost, type OnLine } from "./function-host.ts";
import { FunctionPool } from "./function-pool.ts";

export interface FunctionSurroundings {
  /** What every function finds in its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** What those find besides that have a way to the cluster: no stage's code is among them. */
  readonly clusterEnv: Readonly<Record<string, string>>;
  readonly queues: { readonly urlBase: string; readonly arnBase: string };
  readonly onLine: OnLine;
  readonly say: (message: string) => void;
}

/** The functions of a plan that queues feed. */
export interface PlanFunctions {
  /** Lets those of a pipeline begin their next invocations with the code as it is now. */
  reload(pipeline: string): Promise<void>;
  /** Takes no more from the queues, and resolves when what was under way has ended. */
  drain(): Promise<void>;
  /** Ends their environments. */
  close(): Promise<void>;
}

/** Environments of one function at once: more would only share the cores. */
const ENVIRONMENTS = Math.max(1, Math.min(4, availableParallelism()));

/** A function of `functions/` that nothing but a request invokes. */
export const requestFunction = (
  name: string,
  plan: FunctionPlan,
  { env, onLine }: Pick<FunctionSurroundings, "env" | "onLine">,
): FunctionHost =>
  new FunctionHost({ plan, module: functionFile(name), env: { ...systemVariables(), ...env } }, onLine);

/** Starts every function that a queue feeds, and what feeds it. */
export function startPlanFunctions(plan: Plan, surroundings: FunctionSurroundings): PlanFunctions {
  const { queues, onLine, say } = surroundings;
  const env = { ...systemVariables(), ...surroundings.env };
  const poller = pollingClient(env, LONG_POLL_SECONDS * 1000);
  const stopping = new AbortController();
  const sources: Promise<void>[] = [];
  const pools: { readonly pipeline: string; readonly pool: FunctionPool }[] = [];

  const feed = (
    pool: FunctionPool,
    { name, dead }: QueuePlan,
    { batchSize, batchSeconds }: FunctionPlan,
  ): void => {
    const feeds = [
      [name, { batchSize, batchSeconds }],
      [dead.name, { batchSize: DEAD_BATCH }],
    ] as const;
    for (const [queue, batching] of feeds) {
      const source = {
        queueUrl: queues.urlBase + queue,
        queueArn: queues.arnBase + queue,
        ...batching,
        region: env["AWS_REGION"] ?? "us-east-1",
        invoke: pool,
        say,
      };
      sources.push(runEventSource(poller, source, stopping.signal));
    }
  };

  for (const pipeline of plan.pipelines) {
    for (const { module, plan: each, variables, queues: fed } of functionsOf(
      pipeline,
      dirname(resolve(pipeline.file)),
    )) {
      const own = module === "dispatch-image" ? { ...variables, ...surroundings.clusterEnv } : variables;
      const code = { plan: each, module: functionFile(module), env: { ...env, ...own } };
      const pool = new FunctionPool(code, { onLine, limit: ENVIRONMENTS, stop: stopping.signal });
      pools.push({ pipeline: pipeline.id, pool });
      for (const queue of fed) feed(pool, queue, each);
    }
  }

  return {
    reload: async (id) => {
      await Promise.all(pools.filter(({ pipeline }) => pipeline === id).map(({ pool }) => pool.reload()));
    },
    drain: async () => {
      stopping.abort(new Error("the runtime is stopping"));
      await Promise.all(sources);
    },
    close: async () => {
      await Promise.all(pools.map(({ pool }) => pool.close()));
    },
  };
}

const functionFile = (name: string): string => resolve(import.meta.dirname, "../../functions", `${name}.ts`);

/** What programs that a stage starts need to be found and to work; nothing else of this process's environment reaches them. */
const SYSTEM_VARIABLES = ["HOME", "LANG", "TZ", "TMPDIR"] as const;
const systemVariables = (): Record<string, string> => ({
  ...Object.fromEntries(
    SYSTEM_VARIABLES.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  ),
  // A stage that is a Node program runs on the Node that runs this.
  PATH: [dirname(process.execPath), process.env["PATH"] ?? ""].join(delimiter),
});
