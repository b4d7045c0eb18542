import { readFileSync } from "node:fs";
import middy from "@middy/core";
import type { SQSBatchResponse, SQSEvent } from "aws-lambda";
import { documentClient, sqsClient } from "../lib/clients.aws.ts";
import { systemClock } from "../lib/clock.ts";
import { IngestEnv, readEnv } from "../lib/env.ts";
import { takeInBatch } from "../lib/intake/intake.ts";
import { jobStore } from "../lib/job/store.aws.ts";
import { jsonLog } from "../lib/log.ts";
import { pipelineOf } from "../lib/plan/find.ts";
import type { Plan } from "../lib/plan/plan.ts";
import { deliveriesOf } from "../lib/queue/delivery.ts";
import { batchSender } from "../lib/queue/sqs.aws.ts";
import { lazyObjectStore } from "../lib/token/lazy-objects.aws.ts";

const env = readEnv(IngestEnv);
const plan = JSON.parse(readFileSync(env.MILLRACE_PLAN, "utf8")) as Plan;
const pipeline = pipelineOf(plan, env.MILLRACE_PIPELINE);
const dependencies = {
  clock: systemClock,
  jobs: jobStore(documentClient(), plan.table),
  sender: batchSender(sqsClient(), env.MILLRACE_QUEUE_BASE, systemClock),
  objects: lazyObjectStore(env.MILLRACE_BUCKET),
  bucket: env.MILLRACE_BUCKET,
  log: jsonLog({ pipeline: pipeline.id, function: "ingest" }),
};

/** Turns what lies in a pipeline's intake queue, uploads and puts, into arrivals and tokens. */
export const handler = middy(async (event: SQSEvent): Promise<SQSBatchResponse> => {
  const unsettled = await takeInBatch(deliveriesOf(event), pipeline, dependencies);
  return { batchItemFailures: unsettled.map((itemIdentifier) => ({ itemIdentifier })) };
});
