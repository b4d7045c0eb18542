import { randomBytes } from "node:crypto";
import middy from "@middy/core";
import type { Context, SQSBatchResponse, SQSEvent } from "aws-lambda";
import { imageDispatching } from "../lib/cluster/image-attempts.ts";
import { ImageEnv, readEnv } from "../lib/env.ts";
import { jobStore } from "../lib/job/store.aws.ts";
import { pipelineOf, stageOf } from "../lib/plan/find.ts";
import { deliveriesOf } from "../lib/queue/delivery.ts";
import { dispatchBatch } from "../lib/stage/dispatch.ts";
import { clusterAssembly } from "./assembly/cluster.ts";

const env = readEnv(ImageEnv);
const { dependencies, documents } = await clusterAssembly(env, {
  pipeline: env.MILLRACE_PIPELINE,
  stage: env.MILLRACE_STAGE,
  function: "dispatch-image",
});
const { plan, ring } = dependencies;
const pipeline = pipelineOf(plan, env.MILLRACE_PIPELINE);
const stage = stageOf(pipeline, env.MILLRACE_STAGE);
const ofDispatching = {
  strays: jobStore(documents, plan.table),
  kid: ring.current,
  newNonce: () => randomBytes(16).toString("hex"),
};

/** Takes tokens on for a stage that runs in a cluster; the queues are the edges that lead to it, and their dead-letter queues. */
export const handler = middy(async (event: SQSEvent, context: Context): Promise<SQSBatchResponse> => {
  const own = { ...dependencies, hasTime: () => context.getRemainingTimeInMillis() > 5000 };
  const unsettled = await dispatchBatch(
    deliveriesOf(event),
    { pipeline, stage },
    { ...own, ...ofDispatching, dispatchings: { image: imageDispatching(own) } },
  );
  return { batchItemFailures: unsettled.map((itemIdentifier) => ({ itemIdentifier })) };
});
