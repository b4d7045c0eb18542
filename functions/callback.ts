import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import middy from "@middy/core";
import httpRouter from "@middy/http-router";
import type { APIGatewayProxyEventV2, Context } from "aws-lambda";
import { CALLBACK_ROUTES } from "../lib/api/callback-routes.ts";
import { type GatewayResult, noRoute, respond } from "../lib/api/respond.ts";
import { archiveStore } from "../lib/archive/bucket.aws.ts";
import { documentClient, sqsClient } from "../lib/clients.aws.ts";
import { systemClock } from "../lib/clock.ts";
import { imageOutputs, outputsByKind } from "../lib/cluster/image-outputs.ts";
import { CallbackEnv, readEnv } from "../lib/env.ts";
import { eventBridgeAnnouncer } from "../lib/job/announce.aws.ts";
import { KEY_RING_SECRET, readKeyRing } from "../lib/job/callback-key.ts";
import { eventBridgeClient } from "../lib/job/events-client.aws.ts";
import { lastingStore } from "../lib/job/lasting-store.aws.ts";
import { jsonLog } from "../lib/log.ts";
import type { Plan } from "../lib/plan/plan.ts";
import { acknowledger } from "../lib/queue/acknowledge.aws.ts";
import { batchSender, claims } from "../lib/queue/sqs.aws.ts";
import { externalOutputs } from "../lib/stage/external.ts";
import { secretsOf } from "../lib/stage/secrets.aws.ts";
import { objectUrls } from "../lib/token/object-urls.aws.ts";
import { objectStore } from "../lib/token/objects.aws.ts";
import { s3Client } from "../lib/token/s3-client.aws.ts";
import { uploadUrls } from "../lib/token/upload-url.aws.ts";
import { turns } from "../lib/turns.ts";

const env = readEnv(CallbackEnv);
const plan = JSON.parse(readFileSync(env.MILLRACE_PLAN, "utf8")) as Plan;
const readKeys = secretsOf({ ...env, MILLRACE_SECRETS: env.MILLRACE_KEYS }, systemClock);
const ring = readKeyRing(await readKeys(KEY_RING_SECRET));
const [sqs, s3] = [sqsClient(), s3Client()];
const log = jsonLog({ function: "callback" });
const signer = s3Client(process.env, { signing: true });
const archive = archiveStore(s3, env.MILLRACE_BUCKET);
const objects = objectStore(s3, env.MILLRACE_BUCKET);
const dependencies = {
  plan,
  clock: systemClock,
  jobs: lastingStore(documentClient(), plan.table, randomUUID),
  objects,
  sender: batchSender(sqs, env.MILLRACE_QUEUE_BASE, systemClock),
  claims: claims(sqs, env.MILLRACE_QUEUE_BASE),
  acknowledge: acknowledger(sqs, env.MILLRACE_QUEUE_BASE),
  announce: eventBridgeAnnouncer(eventBridgeClient(), log, env.MILLRACE_EVENT_BUS),
  uploadUrl: uploadUrls(signer, env.MILLRACE_BUCKET),
  outputsOf: outputsByKind({
    image: imageOutputs(archive, objects),
    external: externalOutputs(archive),
  }),
  urls: objectUrls(signer, env.MILLRACE_BUCKET),
  ring,
  inTurn: turns(),
  random: Math.random,
  log,
};

/** What the systems call that do the work of lasting jobs: every route of `lib/api/callback-routes.ts`, by key alone. */
export const handler = middy<APIGatewayProxyEventV2, GatewayResult>().handler(
  httpRouter({
    routes: CALLBACK_ROUTES.map((route) => ({
      method: route.method,
      path: route.path,
      handler: (event: APIGatewayProxyEventV2, context: Context) => {
        const hasTime = (): boolean => context.getRemainingTimeInMillis() > 5000;
        return respond(route, event, { ...dependencies, hasTime }, log);
      },
    })),
    notFoundResponse: ({ method, path }) => noRoute(method, path),
  }),
);
