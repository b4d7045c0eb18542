import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import middy from "@middy/core";
import type { Context } from "aws-lambda";
import { archiveStore } from "../lib/archive/bucket.aws.ts";
import { documentClient, sqsClient } from "../lib/clients.aws.ts";
import { systemClock } from "../lib/clock.ts";
import { clusterAccess } from "../lib/cluster/access.k8s.ts";
import { kubernetesCluster } from "../lib/cluster/cluster.k8s.ts";
import { clearUp } from "../lib/cluster/image-attempts.ts";
import { hasManifest, imageOutputs } from "../lib/cluster/image-outputs.ts";
import { podAllowIn } from "../lib/cluster/pod-policy.ts";
import { slotStore } from "../lib/cluster/slots.aws.ts";
import { type Swept, sweep } from "../lib/cluster/sweep.ts";
import { readEnv, SweepEnv } from "../lib/env.ts";
import { eventBridgeAnnouncer } from "../lib/job/announce.aws.ts";
import { KEY_RING_SECRET, readKeyRing } from "../lib/job/callback-key.ts";
import { eventBridgeClient } from "../lib/job/events-client.aws.ts";
import { lastingStore } from "../lib/job/lasting-store.aws.ts";
import { jsonLog } from "../lib/log.ts";
import type { Plan } from "../lib/plan/plan.ts";
import { acknowledger } from "../lib/queue/acknowledge.aws.ts";
import { batchSender, claims } from "../lib/queue/sqs.aws.ts";
import { secretsOf } from "../lib/stage/secrets.aws.ts";
import { objectStore } from "../lib/token/objects.aws.ts";
import { s3Client } from "../lib/token/s3-client.aws.ts";

const env = readEnv(SweepEnv);
const plan = JSON.parse(readFileSync(env.MILLRACE_PLAN, "utf8")) as Plan;
const [documents, sqs, s3] = [documentClient(), sqsClient(), s3Client()];
const readKeys = secretsOf({ ...env, MILLRACE_SECRETS: env.MILLRACE_KEYS }, systemClock);
const log = jsonLog({ function: "sweep" });
const [objects, archive] = [objectStore(s3, env.MILLRACE_BUCKET), archiveStore(s3, env.MILLRACE_BUCKET)];
const inCluster = {
  plan,
  cluster: kubernetesCluster(await clusterAccess(process.env, systemClock), env.MILLRACE_NAMESPACE),
  slots: slotStore(documents, plan.table),
  settings: {
    app: plan.app,
    namespace: env.MILLRACE_NAMESPACE,
    agentImage: env.MILLRACE_AGENT_IMAGE,
    apiUrl: env.MILLRACE_API_URL,
    podAllow: podAllowIn(process.env),
  },
  ring: readKeyRing(await readKeys(KEY_RING_SECRET)),
  clusterJobs: env.MILLRACE_CLUSTER_JOBS,
  hasManifest: hasManifest(archive),
};
const dependencies = {
  ...inCluster,
  clock: systemClock,
  jobs: lastingStore(documents, plan.table, randomUUID),
  objects,
  sender: batchSender(sqs, env.MILLRACE_QUEUE_BASE, systemClock),
  claims: claims(sqs, env.MILLRACE_QUEUE_BASE),
  acknowledge: acknowledger(sqs, env.MILLRACE_QUEUE_BASE),
  announce: eventBridgeAnnouncer(eventBridgeClient(), log, env.MILLRACE_EVENT_BUS),
  outputsOf: imageOutputs(archive, objects),
  clearUp: clearUp(inCluster),
  random: Math.random,
  log,
};

/** Looks after every Job of the deployment; a schedule calls it. */
export const handler = middy(async (_event: unknown, context: Context): Promise<Swept> => {
  const swept = await sweep({ ...dependencies, hasTime: () => context.getRemainingTimeInMillis() > 5000 });
  log("info", "swept", swept);
  return swept;
});
