import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import middy from "@middy/core";
import httpRouter from "@middy/http-router";
import type { APIGatewayProxyEventV2 } from "aws-lambda";
import { type GatewayResult, noRoute, respond } from "../lib/api/respond.ts";
import type { ApiDependencies } from "../lib/api/route.ts";
import { ROUTES } from "../lib/api/routes.ts";
import { documentClient, sqsClient } from "../lib/clients.aws.ts";
import { systemClock } from "../lib/clock.ts";
import { ApiEnv, readEnv } from "../lib/env.ts";
import { jobQueries } from "../lib/job/queries.aws.ts";
import { jobStore } from "../lib/job/store.aws.ts";
import { jsonLog } from "../lib/log.ts";
import type { Plan } from "../lib/plan/plan.ts";
import { queueCounts, queuesOf } from "../lib/queue/counts.aws.ts";
import { batchSender } from "../lib/queue/sqs.aws.ts";
import { objectStore } from "../lib/token/objects.aws.ts";
import { s3Client } from "../lib/token/s3-client.aws.ts";

const env = readEnv(ApiEnv);
const plan = JSON.parse(readFileSync(env.MILLRACE_PLAN, "utf8")) as Plan;
const sqs = sqsClient();
const documents = documentClient();
const signer = s3Client(process.env, { signing: true });
const log = jsonLog({ function: "api" });

/** An upload that was begun in this time may take as long as it needs. */
const UPLOAD_URL_SECONDS = 900;

const dependencies: ApiDependencies = {
  plan,
  clock: systemClock,
  jobs: jobStore(documents, plan.table),
  queries: jobQueries(documents, plan.table),
  sender: batchSender(sqs, env.MILLRACE_QUEUE_BASE, systemClock),
  objects: objectStore(s3Client(), env.MILLRACE_BUCKET),
  countsOf: (pipeline) => queueCounts(sqs, env.MILLRACE_QUEUE_BASE, queuesOf(pipeline)),
  uploadUrl: (key) =>
    getSignedUrl(signer, new PutObjectCommand({ Bucket: env.MILLRACE_BUCKET, Key: key }), {
      expiresIn: UPLOAD_URL_SECONDS,
    }),
  newId: randomUUID,
};

/** The HTTP API: every route of `lib/api/routes.ts`. */
export const handler = middy<APIGatewayProxyEventV2, GatewayResult>().handler(
  httpRouter({
    routes: ROUTES.map((route) => ({
      method: route.method,
      path: route.path,
      handler: (event: APIGatewayProxyEventV2) => respond(route, event, dependencies, log),
    })),
    notFoundResponse: ({ method, path }) => noRoute(method, path),
  }),
);
