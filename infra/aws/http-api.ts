import { Validations } from "aws-cdk-lib";
import { AccessLogFormat } from "aws-cdk-lib/aws-apigateway";
import {
  HttpApi,
  HttpMethod,
  HttpNoneAuthorizer,
  type HttpRouteIntegration,
  HttpStage,
  type IAccessLogSettings,
  type IHttpRouteAuthorizer,
  LogGroupLogDestination,
} from "aws-cdk-lib/aws-apigatewayv2";
import { HttpIamAuthorizer, HttpJwtAuthorizer } from "aws-cdk-lib/aws-apigatewayv2-authorizers";
import { HttpLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import type { ILogGroup } from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";
import { CALLBACK_ROUTES } from "../../lib/api/callback-routes.ts";
import { ROUTES } from "../../lib/api/routes.ts";
import type { Options } from "./options.ts";

/** Requests a second, and at once, of all callers together: a flood costs no more than this. */
const THROTTLE = { rateLimit: 50, burstLimit: 100 };

interface HttpApiProps {
  readonly name: string;
  readonly api: IFunction;
  readonly callback: IFunction;
  readonly logs: ILogGroup;
  readonly options: Options;
}

interface Called {
  readonly method: "GET" | "POST";
  readonly path: string;
}

/** The HTTP API: exactly the routes that the functions answer; what else is asked for ends at the gateway. */
export function httpApi(scope: Construct, { name, api, callback, logs, options }: HttpApiProps): HttpApi {
  const http = new HttpApi(scope, "Http", { apiName: name, createDefaultStage: false });
  const add = (
    routes: readonly Called[],
    integration: HttpRouteIntegration,
    authorizer: IHttpRouteAuthorizer,
  ) =>
    routes.flatMap(({ method, path }) =>
      http.addRoutes({ path, methods: [HttpMethod[method]], integration, authorizer }),
    );
  const leading = (id: string, target: IFunction) =>
    new HttpLambdaIntegration(id, target, { scopePermissionToRoute: false });
  add(ROUTES, leading("Api", api), operators(options));
  for (const route of add(CALLBACK_ROUTES, leading("Callback", callback), new HttpNoneAuthorizer())) {
    Validations.of(route).acknowledge({
      id: "AwsSolutions::AwsSolutions-APIG4",
      reason:
        "Callers have a key for one job, which the function checks before it reads a row. An authorizer would be a second invocation, and its cache would let one job's key pass for another's",
    });
  }
  new HttpStage(scope, "Stage", {
    httpApi: http,
    stageName: "$default",
    autoDeploy: true,
    throttle: THROTTLE,
    accessLogSettings: accessLog(logs),
  });
  return http;
}

function operators({ jwtIssuer, jwtAudience }: Options): IHttpRouteAuthorizer {
  if (jwtIssuer === undefined || jwtAudience === undefined) return new HttpIamAuthorizer();
  return new HttpJwtAuthorizer("Operators", jwtIssuer, { jwtAudience: [jwtAudience] });
}

/** Neither the query nor the headers: a callback's key may be in either. The path is that of the route, without ids. */
const LOGGED = {
  requestId: "$context.requestId",
  time: "$context.requestTime",
  ip: "$context.identity.sourceIp",
  route: "$context.routeKey",
  status: "$context.status",
  bytes: "$context.responseLength",
  milliseconds: "$context.responseLatency",
  error: "$context.error.message",
  integrationError: "$context.integrationErrorMessage",
};

const accessLog = (logs: ILogGroup): IAccessLogSettings => ({
  destination: new LogGroupLogDestination(logs),
  format: AccessLogFormat.custom(JSON.stringify(LOGGED)),
});
