import { randomBytes } from "node:crypto";
import middy from "@middy/core";
import type { Context, SQSBatchResponse, SQSEvent } from "aws-lambda";
import { DispatchEnv, readEnv } from "../lib/env.ts";
import { jobStore } from "../lib/job/store.aws.ts";
import { pipelineOf, stageOf } from "../lib/plan/find.ts";
import { deliveriesOf } from "../lib/queue/delivery.ts";
import { dispatchBatch } from "../lib/stage/dispatch.ts";
import { keyRingOf, lastingAssembly } from "./assembly/lasting.ts";

const env = readEnv(DispatchEnv);
const { dependencies: lasting, documents } = lastingAssembly(env, {
  pipeline: env.MILLRACE_PIPELINE,
  stage: env.MILLRACE_STAGE,
  function: "dispatch",
});
const { plan } = lasting;
const pipeline = pipelineOf(plan, env.MILLRACE_PIPELINE);
const stage = stageOf(pipeline, env.MILLRACE_STAGE);
const dependencies = {
  ...lasting,
  strays: jobStore(documents, plan.table),
  // An external stage's work needs nobody to start it: its system asks for a key.
  dispatchings: {},
  kid: (await keyRingOf(env)).current,
  newNonce: () => randomBytes(16).toString("hex"),
};

/** Takes tokens on for a stage whose work outlasts an invocation; the queues are the edges that lead to it, and their dead-letter queues. */
export const handler = middy(async (event: SQSEvent, context: Context): Promise<SQSBatchResponse> => {
  const hasTime = (): boolean => context.getRemainingTimeInMillis() > 5000;
  const unsettled = await dispatchBatch(
    deliveriesOf(event),
    { pipeline, stage },
    { ...dependencies, hasTime },
  );
  return { batchItemFailures: unsettled.map((itemIdentifier) => ({ itemIdentifier })) };
});
