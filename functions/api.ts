import { randomBytes, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import middy from "@middy/core";
import httpRouter from "@middy/http-router";
import type { APIGatewayProxyEventV2, Context } from "aws-lambda";
import { type GatewayResult, noRoute, respond } from "../lib/api/respond.ts";
import type { LastingApiDependencies } from "../lib/api/route.ts";
import { ROUTES } from "../lib/api/routes.ts";
import { archiveStore } from "../lib/archive/bucket.aws.ts";
import { fileIndex } from "../lib/archive/file-index.aws.ts";
import { documentClient, sqsClient } from "../lib/clients.aws.ts";
import { systemClock } from "../lib/clock.ts";
import { imageOutputs, outputsByKind } from "../lib/cluster/image-outputs.ts";
import { ApiEnv, readEnv } from "../lib/env.ts";
import { eventBridgeAnnouncer } from "../lib/job/announce.aws.ts";
import { KEY_RING_SECRET, readKeyRing } from "../lib/job/callback-key.ts";
import { eventBridgeClient } from "../lib/job/events-client.aws.ts";
import { errorBucket } from "../lib/job/lasting-bucket.ts";
import { lastingStore } from "../lib/job/lasting-store.aws.ts";
import { jobQueries } from "../lib/job/queries.aws.ts";
import { jobStore } from "../lib/job/store.aws.ts";
import { jsonLog } from "../lib/log.ts";
import type { Plan } from "../lib/plan/plan.ts";
import { acknowledger } from "../lib/queue/acknowledge.aws.ts";
import { queueCounts, queuesOf } from "../lib/queue/counts.aws.ts";
import { batchSender, claims } from "../lib/queue/sqs.aws.ts";
import { externalOutputs } from "../lib/stage/external.ts";
import { rulesOf } from "../lib/stage/lasting.ts";
import { secretsOf } from "../lib/stage/secrets.aws.ts";
import { objectStore } from "../lib/token/objects.aws.ts";
import { s3Client } from "../lib/token/s3-client.aws.ts";
import { uploadUrls } from "../lib/token/upload-url.aws.ts";

const env = readEnv(ApiEnv);
const plan = JSON.parse(readFileSync(env.MILLRACE_PLAN, "utf8")) as Plan;
const readKeys = secretsOf({ ...env, MILLRACE_SECRETS: env.MILLRACE_KEYS }, systemClock);
const ring = readKeyRing(await readKeys(KEY_RING_SECRET));
const sqs = sqsClient();
const documents = documentClient();
const log = jsonLog({ function: "api" });

const s3 = s3Client();
const archive = archiveStore(s3, env.MILLRACE_BUCKET);
const light = jobStore(documents, plan.table);
const jobs = lastingStore(documents, plan.table, randomUUID);
const sender = batchSender(sqs, env.MILLRACE_QUEUE_BASE, systemClock);
const objects = objectStore(s3, env.MILLRACE_BUCKET);
const lasting = {
  plan,
  clock: systemClock,
  jobs,
  objects,
  sender,
  claims: claims(sqs, env.MILLRACE_QUEUE_BASE),
  acknowledge: acknowledger(sqs, env.MILLRACE_QUEUE_BASE),
  announce: eventBridgeAnnouncer(eventBridgeClient(), log, env.MILLRACE_EVENT_BUS),
  outputsOf: outputsByKind({ image: imageOutputs(archive, objects), external: externalOutputs(archive) }),
  random: Math.random,
  log,
};
const dependencies: Omit<LastingApiDependencies, "lasting"> = {
  plan,
  clock: systemClock,
  jobs: { ...light, ...errorBucket(light, jobs, (row) => rulesOf(row, plan)) },
  queries: jobQueries(documents, plan.table),
  sender,
  objects,
  archive,
  files: fileIndex(documents, plan.table),
  ring,
  countsOf: (pipeline) => queueCounts(sqs, env.MILLRACE_QUEUE_BASE, queuesOf(pipeline)),
  uploadUrl: uploadUrls(s3Client(process.env, { signing: true }), env.MILLRACE_BUCKET),
  newId: randomUUID,
  randomBytes,
};

/** The HTTP API: every route of `lib/api/routes.ts`. */
export const handler = middy<APIGatewayProxyEventV2, GatewayResult>().handler(
  httpRouter({
    routes: ROUTES.map((route) => ({
      method: route.method,
      path: route.path,
      handler: (event: APIGatewayProxyEventV2, context: Context) => {
        const hasTime = (): boolean => context.getRemainingTimeInMillis() > 5000;
        return respond(route, event, { ...dependencies, lasting: { ...lasting, hasTime } }, log);
      },
    })),
    notFoundResponse: ({ method, path }) => noRoute(method, path),
  }),
);
