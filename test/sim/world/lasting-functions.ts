import type { SQSBatchResponse } from "aws-lambda";
import { CALLBACK_ROUTES } from "../../../lib/api/callback-routes.ts";
import { type GatewayResult, respond } from "../../../lib/api/respond.ts";
import { archiveStore } from "../../../lib/archive/bucket.aws.ts";
import { clearUp } from "../../../lib/cluster/clear-up.ts";
import { imageDispatching } from "../../../lib/cluster/image-attempts.ts";
import { attemptOutputs, hasManifest } from "../../../lib/cluster/image-outputs.ts";
import type { ClusterSettings } from "../../../lib/cluster/manifest.ts";
import { type Swept, sweep } from "../../../lib/cluster/sweep.ts";
import type { KeyRing } from "../../../lib/job/callback-key.ts";
import { lastingStore } from "../../../lib/job/lasting-store.aws.ts";
import type { PipelinePlan, Plan, StagePlan } from "../../../lib/plan/plan.ts";
import { acknowledger } from "../../../lib/queue/acknowledge.aws.ts";
import { deliveriesOf } from "../../../lib/queue/delivery.ts";
import { dispatchBatch } from "../../../lib/stage/dispatch.ts";
import type { ObjectUrls } from "../../../lib/token/object-urls.ts";
import { turns } from "../../../lib/turns.ts";
import { BUCKET, bucketClient } from "../services/bucket-client.ts";
import { clusterClient } from "../services/cluster-client.ts";
import { QUEUE_BASE, queueClient } from "../services/queue-client.ts";
import type { Services } from "../services/services.ts";
import { slotClient } from "../services/slots.ts";
import { TABLE, tableClient } from "../services/table-client.ts";
import type { MessagesEvent } from "./event-source.ts";
import { type ApiCall, dependenciesOf, responseOf, routeOf } from "./functions.ts";
import type { FunctionSettings } from "./lambda.ts";
import type { Sandbox } from "./sandbox.ts";
import type { World } from "./world.ts";

/** The functions of jobs that outlast an invocation, put together as the files in `functions/` do it. */

export const KEYS: KeyRing = { current: "k1", secrets: new Map([["k1", Buffer.alloc(32, 1)]]) };

/** What may happen while somebody waits for an answer: the rest is left to whoever comes next. */
const RESERVE_MS = 5000;

export function lastingDependenciesOf(sandbox: Sandbox, services: Services, world: World, plan: Plan) {
  const { queues, table, bucket } = services;
  const { clock, objects, sender, claims, random, log } = dependenciesOf(sandbox, services, world);
  const archive = archiveStore(bucketClient(bucket, sandbox, world), BUCKET);
  return {
    plan,
    clock,
    jobs: lastingStore(tableClient(table, sandbox, world), TABLE, () => world.prng.uuid()),
    objects,
    sender,
    claims,
    acknowledge: acknowledger(queueClient(queues, sandbox, world), QUEUE_BASE),
    // Nobody relies on it.
    announce: async () => {},
    outputsOf: attemptOutputs(archive, objects),
    random,
    log,
  };
}

/** Of functions that have a way to the cluster. */
function imageDependenciesOf(sandbox: Sandbox, services: Services, world: World, plan: Plan) {
  const lasting = lastingDependenciesOf(sandbox, services, world, plan);
  const ways = {
    plan,
    cluster: clusterClient(services.cluster, sandbox, world),
    slots: slotClient(services.slots, sandbox, world),
    settings: SETTINGS,
    ring: KEYS,
    clusterJobs: 50,
    hasManifest: hasManifest(archiveStore(bucketClient(services.bucket, sandbox, world), BUCKET)),
  };
  return { ...lasting, ...ways, clearUp: clearUp({ ...ways, jobs: lasting.jobs }) };
}

const SETTINGS: ClusterSettings = {
  app: "millrace",
  namespace: "jobs",
  agentImage: "agent:1",
  apiUrl: "https://api.example",
  podAllow: [],
};

export const sweepFunction = (
  plan: Plan,
  services: Services,
  world: World,
): FunctionSettings<"tick", Swept> => ({
  name: "sweep",
  timeoutMs: 60_000,
  start: (sandbox) => {
    const dependencies = imageDependenciesOf(sandbox, services, world, plan);
    return async (_tick, { getRemainingTimeInMillis }) =>
      sweep({ ...dependencies, hasTime: () => getRemainingTimeInMillis() > RESERVE_MS });
  },
});

export const dispatchFunction = (
  plan: Plan,
  pipeline: PipelinePlan,
  stage: StagePlan,
  services: Services,
  world: World,
): FunctionSettings<MessagesEvent, SQSBatchResponse> => ({
  name: stage.name,
  timeoutMs: (stage.function?.timeoutSeconds ?? 0) * 1000,
  start: (sandbox) => {
    const lasting = { ...imageDependenciesOf(sandbox, services, world, plan), hasTime: () => true };
    const dependencies = {
      ...lasting,
      strays: dependenciesOf(sandbox, services, world).jobs,
      dispatchings: { image: imageDispatching(lasting) },
      kid: KEYS.current,
      newNonce: () => world.prng.hex(32),
    };
    return async (event, { getRemainingTimeInMillis }) => {
      const hasTime = (): boolean => getRemainingTimeInMillis() > RESERVE_MS;
      return responseOf(
        await dispatchBatch(deliveriesOf(event), { pipeline, stage }, { ...dependencies, hasTime }),
      );
    };
  },
});

/** The scenario's pods reach the bucket by themselves. */
const noUrls: ObjectUrls = {
  read: async () => "",
  store: async () => ({ url: "", headers: {} }),
};

/** Reports are short, and the only news of long work: they are to be interrupted as often as that. */
const CALLBACK_FRAGILITY = 3;

export const callbackFunction = (
  plan: Plan,
  services: Services,
  world: World,
): FunctionSettings<ApiCall, GatewayResult> => ({
  name: "callback",
  fragility: CALLBACK_FRAGILITY,
  timeoutMs: plan.api.timeoutSeconds * 1000,
  start: (sandbox) => {
    const lasting = lastingDependenciesOf(sandbox, services, world, plan);
    const dependencies = { ...lasting, ring: KEYS, inTurn: turns(), urls: noUrls, uploadUrl: async () => "" };
    return async (call, { getRemainingTimeInMillis }) => {
      const { route, event } = routeOf(call, CALLBACK_ROUTES);
      const hasTime = (): boolean => getRemainingTimeInMillis() > RESERVE_MS;
      return respond(route, event, { ...dependencies, hasTime }, dependencies.log);
    };
  },
});
