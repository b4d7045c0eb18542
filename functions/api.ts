import { randomBytes, randomUUID } from "node:crypto";
import middy from "@middy/core";
import httpRouter from "@middy/http-router";
import type { APIGatewayProxyEventV2, Context } from "aws-lambda";
import { type GatewayResult, noRoute, respond } from "../lib/api/respond.ts";
import type { LastingApiDependencies } from "../lib/api/route.ts";
import { ROUTES } from "../lib/api/routes.ts";
import { fileIndex } from "../lib/archive/file-index.aws.ts";
import { systemClock } from "../lib/clock.ts";
import { ApiEnv, readEnv } from "../lib/env.ts";
import { errorBucket } from "../lib/job/lasting-bucket.ts";
import { jobQueries } from "../lib/job/queries.aws.ts";
import { jobStore } from "../lib/job/store.aws.ts";
import { queueCounts, queuesOf } from "../lib/queue/counts.aws.ts";
import { rulesOf } from "../lib/stage/lasting.ts";
import { s3Client } from "../lib/token/s3-client.aws.ts";
import { uploadUrls } from "../lib/token/upload-url.aws.ts";
import { keyRingOf, lastingAssembly } from "./assembly/lasting.ts";

const env = readEnv(ApiEnv);
const { dependencies: lasting, documents, sqs, archive } = lastingAssembly(env, { function: "api" });
const { plan, objects, sender, log } = lasting;
const light = jobStore(documents, plan.table);
const dependencies: Omit<LastingApiDependencies, "lasting"> = {
  plan,
  clock: systemClock,
  jobs: { ...light, ...errorBucket(light, lasting.jobs, (row) => rulesOf(row, plan)) },
  queries: jobQueries(documents, plan.table),
  sender,
  objects,
  archive,
  files: fileIndex(documents, plan.table),
  ring: await keyRingOf(env),
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
