import middy from "@middy/core";
import httpRouter from "@middy/http-router";
import type { APIGatewayProxyEventV2, Context } from "aws-lambda";
import { CALLBACK_ROUTES } from "../lib/api/callback-routes.ts";
import { type GatewayResult, noRoute, respond } from "../lib/api/respond.ts";
import { CallbackEnv, readEnv } from "../lib/env.ts";
import { objectUrls } from "../lib/token/object-urls.aws.ts";
import { s3Client } from "../lib/token/s3-client.aws.ts";
import { uploadUrls } from "../lib/token/upload-url.aws.ts";
import { turns } from "../lib/turns.ts";
import { keyRingOf, lastingAssembly } from "./assembly/lasting.ts";

const env = readEnv(CallbackEnv);
const { dependencies: lasting } = lastingAssembly(env, { function: "callback" });
const signer = s3Client(process.env, { signing: true });
const dependencies = {
  ...lasting,
  uploadUrl: uploadUrls(signer, env.MILLRACE_BUCKET),
  urls: objectUrls(signer, env.MILLRACE_BUCKET),
  ring: await keyRingOf(env),
  inTurn: turns(),
};

/** What the systems call that do the work of lasting jobs: every route of `lib/api/callback-routes.ts`, by key alone. */
export const handler = middy<APIGatewayProxyEventV2, GatewayResult>().handler(
  httpRouter({
    routes: CALLBACK_ROUTES.map((route) => ({
      method: route.method,
      path: route.path,
      handler: (event: APIGatewayProxyEventV2, context: Context) => {
        const hasTime = (): boolean => context.getRemainingTimeInMillis() > 5000;
        return respond(route, event, { ...dependencies, hasTime }, dependencies.log);
      },
    })),
    notFoundResponse: ({ method, path }) => noRoute(method, path),
  }),
);
