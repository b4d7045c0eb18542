import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import type * as z from "zod/mini";
import { archiveStore } from "../../lib/archive/bucket.aws.ts";
import { documentClient, sqsClient } from "../../lib/clients.aws.ts";
import { systemClock } from "../../lib/clock.ts";
import { attemptOutputs } from "../../lib/cluster/image-outputs.ts";
import type { ArchiveEnv, CallbackEnv } from "../../lib/env.ts";
import { eventBridgeAnnouncer } from "../../lib/job/announce.aws.ts";
import { KEY_RING_SECRET, type KeyRing, readKeyRing } from "../../lib/job/callback-key.ts";
import { eventBridgeClient } from "../../lib/job/events-client.aws.ts";
import { lastingStore } from "../../lib/job/lasting-store.aws.ts";
import { jsonLog } from "../../lib/log.ts";
import type { Plan } from "../../lib/plan/plan.ts";
import { acknowledger } from "../../lib/queue/acknowledge.aws.ts";
import { batchSender, claims } from "../../lib/queue/sqs.aws.ts";
import { secretsOf } from "../../lib/stage/secrets.aws.ts";
import { objectStore } from "../../lib/token/objects.aws.ts";
import { s3Client } from "../../lib/token/s3-client.aws.ts";

/**
 * What every function has that deals with jobs which outlast an invocation: `LastingDependencies`, but for the time that is left
 * of an invocation; and the clients that it is made of.
 *
 * @param about what the function's log lines say of it
 */
export function lastingAssembly(env: z.infer<typeof ArchiveEnv>, about: Record<string, string>) {
  const plan = JSON.parse(readFileSync(env.MILLRACE_PLAN, "utf8")) as Plan;
  const [documents, sqs, s3] = [documentClient(), sqsClient(), s3Client()];
  const log = jsonLog(about);
  const objects = objectStore(s3, env.MILLRACE_BUCKET);
  const archive = archiveStore(s3, env.MILLRACE_BUCKET);
  const dependencies = {
    plan,
    clock: systemClock,
    jobs: lastingStore(documents, plan.table, randomUUID),
    objects,
    sender: batchSender(sqs, env.MILLRACE_QUEUE_BASE, systemClock),
    claims: claims(sqs, env.MILLRACE_QUEUE_BASE),
    acknowledge: acknowledger(sqs, env.MILLRACE_QUEUE_BASE),
    announce: eventBridgeAnnouncer(eventBridgeClient(), log, env.MILLRACE_EVENT_BUS),
    outputsOf: attemptOutputs(archive, objects),
    random: Math.random,
    log,
  };
  return { dependencies, documents, sqs, archive };
}

/** @throws Error when there is no such secret, or it is not a ring of keys */
export async function keyRingOf(env: z.infer<typeof CallbackEnv>): Promise<KeyRing> {
  const readSecret = secretsOf({ ...env, MILLRACE_SECRETS: env.MILLRACE_KEYS }, systemClock);
  return readKeyRing(await readSecret(KEY_RING_SECRET));
}
