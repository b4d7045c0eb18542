import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { sleep, systemClock } from "../../lib/clock.ts";
import type { Plan } from "../../lib/plan/plan.ts";
import type { ClusterNeeds } from "./cluster.ts";
import type { DataDirectory } from "./data-directory.ts";
import type { FunctionHost } from "./function-host.ts";
import { keepSecret } from "./local-secrets.ts";
import { standInPrograms } from "./stand-in.ts";

/** Stages that run in a cluster, on this machine: pods are processes, and programs stand in for images. */

const NAMESPACE = "millrace";
const AGENT_IMAGE = "millrace/agent";
const AGENT = resolve(import.meta.dirname, "../../functions/agent/main.ts");
/** A laptop has few cores; what does not fit waits in its queue. */
const CLUSTER_JOBS = 20;

/** What functions find in their environment that have a way to the cluster, beside the way itself. */
export const inCluster: Readonly<Record<string, string>> = {
  MILLRACE_NAMESPACE: NAMESPACE,
  MILLRACE_AGENT_IMAGE: AGENT_IMAGE,
  MILLRACE_CLUSTER_JOBS: String(CLUSTER_JOBS),
};

/** Undefined when nothing of the plan runs in a cluster. */
export function clusterNeeds(plan: Plan, { secrets: folder }: DataDirectory): ClusterNeeds | undefined {
  if (!plan.sweep) return undefined;
  const heavy = plan.pipelines.flatMap(({ stages }) => stages.filter(({ work }) => work.kind === "image"));
  const names = [...new Set(heavy.flatMap(({ secrets }) => secrets))];
  // One that is missing is told of by the pod that waits for it, as in any cluster.
  const present = names.filter((name) => existsSync(join(folder, `${name}.json`)));
  return {
    namespace: NAMESPACE,
    images: new Map([...standInPrograms(plan), [AGENT_IMAGE, [process.execPath, AGENT]]]),
    secrets: Object.fromEntries(present.map((name) => [name, keepSecret(folder, name, () => ({}))])),
  };
}

/** What a schedule does on AWS, more often: somebody is watching. */
const SWEEP_MS = 2000;

/** Sweeps until the signal aborts. */
export async function runSweeps(
  sweep: FunctionHost,
  signal: AbortSignal,
  say: (message: string) => void,
): Promise<void> {
  while (!signal.aborted) {
    await sweep.invoke({}).catch((error: unknown) => {
      if (!signal.aborted) say(`the sweep failed: ${(error as Error).message}`);
    });
    await sleep(systemClock, SWEEP_MS, signal).catch(() => {});
  }
}
