import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import middy from "@middy/core";
import type { Context, EventBridgeEvent } from "aws-lambda";
import { archiveStore } from "../lib/archive/bucket.aws.ts";
import { fileIndex } from "../lib/archive/file-index.aws.ts";
import { onStateChanged } from "../lib/archive/state-changed.ts";
import { documentClient, sqsClient } from "../lib/clients.aws.ts";
import { systemClock } from "../lib/clock.ts";
import { ArchiveEnv, readEnv } from "../lib/env.ts";
import { eventBridgeAnnouncer } from "../lib/job/announce.aws.ts";
import type { StateChanged } from "../lib/job/announce.ts";
import { eventBridgeClient } from "../lib/job/events-client.aws.ts";
import { lastingStore } from "../lib/job/lasting-store.aws.ts";
import { jsonLog } from "../lib/log.ts";
import type { Plan } from "../lib/plan/plan.ts";
import { acknowledger } from "../lib/queue/acknowledge.aws.ts";
import { batchSender, claims } from "../lib/queue/sqs.aws.ts";
import { externalOutputs } from "../lib/stage/external.ts";
import { happen } from "../lib/stage/lasting.ts";
import { objectStore } from "../lib/token/objects.aws.ts";
import { s3Client } from "../lib/token/s3-client.aws.ts";

const env = readEnv(ArchiveEnv);
const plan = JSON.parse(readFileSync(env.MILLRACE_PLAN, "utf8")) as Plan;
const [sqs, s3, documents] = [sqsClient(), s3Client(), documentClient()];
const log = jsonLog({ function: "archive" });
const archive = archiveStore(s3, env.MILLRACE_BUCKET);
const dependencies = {
  plan,
  clock: systemClock,
  jobs: lastingStore(documents, plan.table, randomUUID),
  files: fileIndex(documents, plan.table),
  archive,
  objects: objectStore(s3, env.MILLRACE_BUCKET),
  sender: batchSender(sqs, env.MILLRACE_QUEUE_BASE, systemClock),
  claims: claims(sqs, env.MILLRACE_QUEUE_BASE),
  acknowledge: acknowledger(sqs, env.MILLRACE_QUEUE_BASE),
  announce: eventBridgeAnnouncer(eventBridgeClient(), log, env.MILLRACE_EVENT_BUS),
  outputsOf: externalOutputs(archive),
  random: Math.random,
  log,
};

/** What it keeps for reporting, and for the file under way. */
const RESERVE_MS = 20_000;

/** Indexes what a job has archived, when its state says so: the target of `job.state-changed`. */
export const handler = middy(
  async (
    { detail }: EventBridgeEvent<"job.state-changed", StateChanged>,
    context: Context,
  ): Promise<void> => {
    const hasTime = (): boolean => context.getRemainingTimeInMillis() > RESERVE_MS;
    const all = { ...dependencies, hasTime };
    await onStateChanged(detail, { ...all, happen: (row, call) => happen(row, call, all) });
  },
);
