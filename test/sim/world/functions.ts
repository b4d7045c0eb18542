import type { SQSBatchResponse } from "aws-lambda";
import type { Route } from "../../../lib/api/route.ts";
import { takeInBatch } from "../../../lib/intake/intake.ts";
import { jobQueries } from "../../../lib/job/queries.aws.ts";
import { jobStore } from "../../../lib/job/store.aws.ts";
import type { Logger } from "../../../lib/log.ts";
import type { PipelinePlan, StagePlan } from "../../../lib/plan/plan.ts";
import { deliveriesOf } from "../../../lib/queue/delivery.ts";
import { batchSender, claims } from "../../../lib/queue/sqs.aws.ts";
import { runBatch } from "../../../lib/stage/light.ts";
import type { StageDefinition } from "../../../lib/stage/stage.ts";
import { handlerWork } from "../../../lib/stage/work.ts";
import { objectStore } from "../../../lib/token/objects.aws.ts";
import { BUCKET, bucketClient } from "../services/bucket-client.ts";
import { QUEUE_BASE, queueClient } from "../services/queue-client.ts";
import type { Services } from "../services/services.ts";
import { TABLE, tableClient } from "../services/table-client.ts";
import type { MessagesEvent } from "./event-source.ts";
import type { FunctionSettings } from "./lambda.ts";
import type { Sandbox } from "./sandbox.ts";
import type { World } from "./world.ts";

/**
 * The functions of a deployment, put together as the files in `functions/` do it; only that the clients are those of the
 * simulated services, and that time and chance are the sandbox's.
 */

/** What every function has of its own, made anew with each sandbox. */
export function dependenciesOf(sandbox: Sandbox, { queues, table, bucket }: Services, world: World) {
  const sqs = queueClient(queues, sandbox, world);
  const documents = tableClient(table, sandbox, world);
  const log: Logger = (level, message) => {
    if (level === "warn") sandbox.warnings.push(message);
    if (level !== "debug") world.log.write(world.timeline.now(), sandbox.name, `${level}: ${message}`);
  };
  return {
    clock: sandbox.clock,
    jobs: jobStore(documents, TABLE),
    queries: jobQueries(documents, TABLE),
    sender: batchSender(sqs, QUEUE_BASE, sandbox.clock),
    claims: claims(sqs, QUEUE_BASE),
    objects: objectStore(bucketClient(bucket, sandbox, world), BUCKET),
    newId: () => world.prng.uuid(),
    random: () => world.prng.fraction(),
    log,
  };
}

export const responseOf = (unsettled: readonly string[]): SQSBatchResponse => ({
  batchItemFailures: unsettled.map((itemIdentifier) => ({ itemIdentifier })),
});

const noSecrets = {
  get: async (name: string): Promise<never> => {
    throw new Error(`there is no secret ${name}`);
  },
};

export const stageFunction = (
  pipeline: PipelinePlan,
  stage: StagePlan,
  definitionIn: (sandbox: Sandbox) => StageDefinition,
  services: Services,
  world: World,
): FunctionSettings<MessagesEvent, SQSBatchResponse> => ({
  name: stage.name,
  timeoutMs: (stage.function?.timeoutSeconds ?? 0) * 1000,
  start: (sandbox) => {
    const dependencies = { ...dependenciesOf(sandbox, services, world), secrets: noSecrets };
    const work = handlerWork(definitionIn(sandbox));
    return async (event, { getRemainingTimeInMillis: remainingMs }) =>
      responseOf(
        await runBatch(deliveriesOf(event), { pipeline, stage, work }, { ...dependencies, remainingMs }),
      );
  },
});

export const ingestFunction = (
  pipeline: PipelinePlan,
  services: Services,
  world: World,
): FunctionSettings<MessagesEvent, SQSBatchResponse> => ({
  name: "ingest",
  timeoutMs: pipeline.ingest.timeoutSeconds * 1000,
  start: (sandbox) => {
    const dependencies = { ...dependenciesOf(sandbox, services, world), bucket: BUCKET };
    return async (event) => responseOf(await takeInBatch(deliveriesOf(event), pipeline, dependencies));
  },
});

export interface ApiCall {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** Which route a call takes, and the event that the gateway makes of it. */
export function routeOf<Dependencies>(
  { method, path, params, query = {}, headers = {}, body }: ApiCall,
  routes: readonly Route<Dependencies>[],
) {
  const route = routes.find((each) => each.method === method && each.path === path);
  if (!route) throw new Error(`there is no ${method} ${path}`);
  const text = body === undefined ? "" : JSON.stringify(body);
  return { route, event: { pathParameters: params, queryStringParameters: query, headers, body: text } };
}
