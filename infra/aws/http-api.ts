import { AccessLogFormat } from "aws-cdk-lib/aws-apigateway";
import {
  HttpApi,
  HttpMethod,
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
import { ROUTES } from "../../lib/api/routes.ts";
import type { Options } from "./options.ts";

/** Requests a second, and at once, of all callers together: a flood costs no more than this. */
const THROTTLE = { rateLimit: 50, burstLimit: 100 };

/** The HTTP API: exactly the routes of `lib/api/routes.ts`; what else is asked for ends at the gateway. */
export function httpApi(
  scope: Construct,
  name: string,
  api: IFunction,
  logs: ILogGroup,
  options: Options,
): HttpApi {
  const http = new HttpApi(scope, "Http", { apiName: name, createDefaultStage: false });
  const integration = new HttpLambdaIntegration("Api", api, { scopePermissionToRoute: false });
  const authorizer = operators(options);
  for (const { method, path } of ROUTES) {
    http.addRoutes({ path, methods: [HttpMethod[method]], integration, authorizer });
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
