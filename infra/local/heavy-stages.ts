import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { sleep, systemClock } from "../../lib/clock.ts";
import { MillraceError } from "../../lib/errors.ts";
import type { Plan } from "../../lib/plan/plan.ts";
import type { ClusterNeeds } from "./cluster.ts";
import type { DataDirectory } from "./data-directory.ts";
import type { FunctionHost } from "./function-host.ts";
import type { Gateway } from "./gateway.ts";
import { keepSecret } from "./local-secrets.ts";
import { standInPrograms } from "./stand-in.ts";

/** Stages that run in a cluster, on this machine: pods are processes, and programs stand in for images. */

const NAMESPACE = "millrace";
const AGENT_IMAGE = "millrace/agent";
const AGENT = resolve(import.meta.dirname, "../../functions/agent/main.ts");
/** A laptop has few cores; what does not fit waits in its queue. */
const CLUSTER_JOBS = 20;

/** What functions find in their environment that have a way to the cluster, beside the way itself. */
export const inCluster = (
  { MILLRACE_POD_ALLOW: podAllow }: NodeJS.ProcessEnv = process.env,
): Readonly<Record<string, string>> => ({
  MILLRACE_NAMESPACE: NAMESPACE,
  MILLRACE_AGENT_IMAGE: AGENT_IMAGE,
  MILLRACE_CLUSTER_JOBS: String(CLUSTER_JOBS),
  // A pod is judged when it is made, too: by the rules that its definition was checked by.
  ...(podAllow !== undefined && { MILLRACE_POD_ALLOW: podAllow }),
});

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

/**
 * Starts the gateway where it was the last time, when any port will do: pods of Jobs that are older than this process
 * report there.
 *
 * @param start on a port; 0 is any free one
 */
export async function whereItWas(
  port: number,
  { path }: DataDirectory,
  start: (port: number) => Promise<Gateway>,
): Promise<Gateway> {
  const file = join(path, "port");
  const last = port === 0 && existsSync(file) ? Number(readFileSync(file, "utf8")) : port;
  const gateway = await start(last).catch((error: unknown) => {
    if (port !== 0 || !(error instanceof MillraceError) || error.code !== "port-taken") throw error;
    return start(0);
  });
  writeFileSync(file, new URL(gateway.url).port);
  return gateway;
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
