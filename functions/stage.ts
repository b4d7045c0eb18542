import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import middy from "@middy/core";
import type { Context, SQSBatchResponse, SQSEvent } from "aws-lambda";
import { documentClient, sqsClient } from "../lib/clients.aws.ts";
import { systemClock } from "../lib/clock.ts";
import { readEnv, StageEnv } from "../lib/env.ts";
import { jobStore } from "../lib/job/store.aws.ts";
import { jsonLog } from "../lib/log.ts";
import { pipelineOf, stageOf } from "../lib/plan/find.ts";
import type { Plan } from "../lib/plan/plan.ts";
import { deliveriesOf } from "../lib/queue/delivery.ts";
import { batchSender, claims } from "../lib/queue/sqs.aws.ts";
import { runBatch } from "../lib/stage/light.ts";
import { secretsOf } from "../lib/stage/secrets.aws.ts";
import { listedSecrets } from "../lib/stage/secrets.ts";
import { workOf } from "../lib/stage/work-of.ts";
import { lazyObjectStore } from "../lib/token/lazy-objects.aws.ts";

const env = readEnv(StageEnv);
const plan = JSON.parse(readFileSync(env.MILLRACE_PLAN, "utf8")) as Plan;
const pipeline = pipelineOf(plan, env.MILLRACE_PIPELINE);
const stage = stageOf(pipeline, env.MILLRACE_STAGE);
const sqs = sqsClient();
const work = workOf(
  stage,
  env.MILLRACE_DIRECTORY,
  (file) => import(pathToFileURL(resolve(env.MILLRACE_DIRECTORY, file)).href),
);
const dependencies = {
  clock: systemClock,
  jobs: jobStore(documentClient(), plan.table),
  sender: batchSender(sqs, env.MILLRACE_QUEUE_BASE, systemClock),
  claims: claims(sqs, env.MILLRACE_QUEUE_BASE),
  objects: lazyObjectStore(env.MILLRACE_BUCKET),
  secrets: listedSecrets(stage.secrets, secretsOf(env, systemClock)),
  newId: randomUUID,
  random: Math.random,
  log: jsonLog({ pipeline: pipeline.id, stage: stage.name }),
};

/** Works on a batch of one light stage's tokens; the queues are the edges that lead to it, and their dead-letter queues. */
export const handler = middy(async (event: SQSEvent, context: Context): Promise<SQSBatchResponse> => {
  const remainingMs = (): number => context.getRemainingTimeInMillis();
  const unsettled = await runBatch(
    deliveriesOf(event),
    { pipeline, stage, work },
    { ...dependencies, remainingMs },
  );
  return { batchItemFailures: unsettled.map((itemIdentifier) => ({ itemIdentifier })) };
});
