import { type App, CfnOutput, RemovalPolicy, Stack, type StackProps } from "aws-cdk-lib";
import { Code as LambdaCode, Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { logGroupName, platformStackName } from "../../lib/plan/names.ts";
import type { Plan } from "../../lib/plan/plan.ts";
import { commonVariables, functionProps } from "./fed-function.ts";
import { httpApi } from "./http-api.ts";
import type { Options } from "./options.ts";
import { apiPermissions } from "./permissions.ts";
import { functionRole } from "./role.ts";
import { jobTable, objectBucket } from "./storage.ts";

export interface PlatformStackProps extends StackProps {
  readonly plan: Plan;
  readonly options: Options;
  /** The folder with the code of all functions. */
  readonly code: string;
}

/** What has a state, and what speaks for all pipelines: the table, the bucket, the API. */
export class PlatformStack extends Stack {
  constructor(app: App, { plan, options, code, ...props }: PlatformStackProps) {
    const stackName = platformStackName(plan.app);
    super(app, stackName, { ...props, stackName, description: "Millrace: table, bucket and API" });
    const table = jobTable(this, plan, options);
    const bucket = objectBucket(this, plan, options);
    const log = (id: string, name: string): LogGroup =>
      new LogGroup(this, id, {
        logGroupName: logGroupName(plan.app, name),
        retention: RetentionDays.THREE_MONTHS,
        removalPolicy: RemovalPolicy.DESTROY,
      });
    // Upper case: no pipeline can be called so.
    const logs = log("Logs", "API");
    const api = new LambdaFunction(this, "Api", {
      ...functionProps(plan.api, "api"),
      code: LambdaCode.fromAsset(code),
      logGroup: logs,
      role: functionRole(this, "ApiRole", apiPermissions(plan, logGroupName(plan.app, "API"))),
      environment: commonVariables(plan),
    });
    const http = httpApi(this, plan.api.name, api, log("AccessLogs", "ACCESS"), options);
    new CfnOutput(this, "ApiUrl", { value: http.apiEndpoint, description: "the HTTP API" });
    new CfnOutput(this, "Bucket", { value: bucket.bucketName, description: "where uploads go" });
    new CfnOutput(this, "Table", { value: table.tableName, description: "jobs and arrivals" });
  }
}
