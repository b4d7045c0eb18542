import type * as z from "zod/mini";
import { systemClock } from "../../lib/clock.ts";
import { clusterAccess } from "../../lib/cluster/access.k8s.ts";
import { clearUp } from "../../lib/cluster/clear-up.ts";
import { kubernetesCluster } from "../../lib/cluster/cluster.k8s.ts";
import type { ClusterDependencies } from "../../lib/cluster/image-attempts.ts";
import { hasManifest } from "../../lib/cluster/image-outputs.ts";
import { podAllowIn } from "../../lib/cluster/pod-policy.ts";
import { slotStore } from "../../lib/cluster/slots.aws.ts";
import type { SweepEnv } from "../../lib/env.ts";
import { keyRingOf, lastingAssembly } from "./lasting.ts";

/** What a function has that has a way to the cluster: `ImageDependencies`, but for the time that is left of an invocation. */
export async function clusterAssembly(env: z.infer<typeof SweepEnv>, about: Record<string, string>) {
  const { dependencies, documents, archive } = lastingAssembly(env, about);
  const { plan, jobs } = dependencies;
  const inCluster: ClusterDependencies = {
    cluster: kubernetesCluster(await clusterAccess(process.env, systemClock), env.MILLRACE_NAMESPACE),
    slots: slotStore(documents, plan.table),
    settings: {
      app: plan.app,
      namespace: env.MILLRACE_NAMESPACE,
      agentImage: env.MILLRACE_AGENT_IMAGE,
      apiUrl: env.MILLRACE_API_URL,
      podAllow: podAllowIn(process.env),
    },
    ring: await keyRingOf(env),
    clusterJobs: env.MILLRACE_CLUSTER_JOBS,
    hasManifest: hasManifest(archive),
  };
  const ways = { ...dependencies, ...inCluster, clearUp: clearUp({ ...inCluster, plan, jobs }) };
  return { dependencies: ways, documents };
}
