import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import middy from "@middy/core";
import type { Context } from "aws-lambda";
import { archiveStore } from "../lib/archive/bucket.aws.ts";
import { documentClient, sqsClient } from "../lib/clients.aws.ts";
import { systemClock } from "../lib/clock.ts";
import { clearUp } from "../lib/cluster/clear-up.ts";
import { clusterDependencies } from "../lib/cluster/dependencies.aws.ts";
import { imageOutputs } from "../lib/cluster/image-outputs.ts";
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
const ring = readKeyRing(await readKeys(KEY_RING_SECRET));
const inCluster = await clusterDependencies(env, { plan, documents, archive, ring });
const jobs = lastingStore(documents, plan.table, randomUUID);
const dependencies = {
  ...inCluster,
  plan,
  clock: systemClock,
  jobs,
  objects,
  sender: batchSender(sqs, env.MILLRACE_QUEUE_BASE, systemClock),
  claims: claims(sqs, env.MILLRACE_QUEUE_BASE),
  acknowledge: acknowledger(sqs, env.MILLRACE_QUEUE_BASE),
  announce: eventBridgeAnnouncer(eventBridgeClient(), log, env.MILLRACE_EVENT_BUS),
  outputsOf: imageOutputs(archive, objects),
  clearUp: clearUp({ ...inCluster, plan, jobs }),
  random: Math.random,
  log,
};

/** Looks after every Job of the deployment; a schedule calls it. */
export const handler = middy(async (_event: unknown, context: Context): Promise<Swept> => {
  const swept = await sweep({ ...dependencies, hasTime: () => context.getRemainingTimeInMillis() > 5000 });
  log("info", "swept", swept);
  return swept;
});
