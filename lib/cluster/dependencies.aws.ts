import type { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import type * as z from "zod/mini";
import type { ArchiveStore } from "../archive/store.ts";
import { systemClock } from "../clock.ts";
import type { SweepEnv } from "../env.ts";
import type { KeyRing } from "../job/callback-key.ts";
import type { Plan } from "../plan/plan.ts";
import { clusterAccess } from "./access.k8s.ts";
import { kubernetesCluster } from "./cluster.k8s.ts";
import type { ClusterDependencies } from "./image-attempts.ts";
import { hasManifest } from "./image-outputs.ts";
import { podAllowIn } from "./pod-policy.ts";
import { slotStore } from "./slots.aws.ts";

/**
 * What a function that has a way to the cluster knows of it.
 *
 * @param env what `readEnv` found, and `process.env` for what the cluster's access and the operator's rules are
 */
export async function clusterDependencies(
  env: z.infer<typeof SweepEnv>,
  { plan, documents, archive, ring }: Surroundings,
): Promise<ClusterDependencies> {
  return {
    cluster: kubernetesCluster(await clusterAccess(process.env, systemClock), env.MILLRACE_NAMESPACE),
    slots: slotStore(documents, plan.table),
    settings: {
      app: plan.app,
      namespace: env.MILLRACE_NAMESPACE,
      agentImage: env.MILLRACE_AGENT_IMAGE,
      apiUrl: env.MILLRACE_API_URL,
      podAllow: podAllowIn(process.env),
    },
    ring,
    clusterJobs: env.MILLRACE_CLUSTER_JOBS,
    hasManifest: hasManifest(archive),
  };
}

interface Surroundings {
  readonly plan: Plan;
  readonly documents: Pick<DynamoDBDocumentClient, "send">;
  readonly archive: ArchiveStore;
  readonly ring: KeyRing;
}
