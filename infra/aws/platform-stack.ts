import { type App, CfnOutput, RemovalPolicy, Stack, type StackProps } from "aws-cdk-lib";
import { Code as LambdaCode, Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { logGroupName, platformStackName } from "../../lib/plan/names.ts";
import type { FunctionPlan, Plan } from "../../lib/plan/plan.ts";
import { agentImage } from "./agent-image.ts";
import { announcements } from "./announcements.ts";
import { callbackKeys } from "./callback-keys.ts";
import type { ClusterAccess } from "./cluster.ts";
import { commonVariables, functionProps, lastingVariables } from "./fed-function.ts";
import { httpApi } from "./http-api.ts";
import type { Options } from "./options.ts";
import { log as logTo, type Permission } from "./permission.ts";
import { apiPermissions, archivePermissions, callbackPermissions, sweepPermissions } from "./permissions.ts";
import { functionRole } from "./role.ts";
import { Repeated } from "./schedule.ts";
import { jobTable, objectBucket } from "./storage.ts";

/** Upper case: no pipeline can be called so. */
const LOGS = "PLATFORM";

export interface PlatformStackProps extends StackProps {
  readonly plan: Plan;
  readonly options: Options;
  /** The folder with the code of all functions. */
  readonly code: string;
  /** The folder that the agent's image is built from. */
  readonly agent: string;
  /** Absent when no stage runs in one. */
  readonly cluster?: ClusterAccess | undefined;
}

/** What has a state, and what speaks for all pipelines: the table, the bucket, the API. */
export class PlatformStack extends Stack {
  /** What is said to whoever starts pods. */
  readonly podVariables: Readonly<Record<string, string>> = {};

  constructor(app: App, { plan, options, code, agent, cluster, ...props }: PlatformStackProps) {
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
    const logs = log("Logs", LOGS);
    const asset = LambdaCode.fromAsset(code);
    const make = (
      module: string,
      own: FunctionPlan,
      permissions: readonly Permission[],
      more: Readonly<Record<string, string>> = {},
    ): LambdaFunction =>
      new LambdaFunction(this, module, {
        ...functionProps(own, module),
        code: asset,
        logGroup: logs,
        role: functionRole(this, `${module}-role`, [...permissions, logTo(logGroupName(plan.app, LOGS))]),
        environment: { ...commonVariables(plan), ...lastingVariables(plan), ...more },
      });
    callbackKeys(this, plan, options);
    announcements(this, plan, make("archive", plan.archive, archivePermissions(plan)));
    const http = httpApi(this, {
      name: plan.api.name,
      api: make("api", plan.api, apiPermissions(plan)),
      callback: make("callback", plan.callback, callbackPermissions(plan)),
      logs: log("AccessLogs", "ACCESS"),
      options,
    });
    if (plan.sweep && cluster) {
      this.podVariables = {
        MILLRACE_API_URL: http.apiEndpoint,
        MILLRACE_AGENT_IMAGE: agentImage(this, options, agent),
      };
      const sweep = make("sweep", plan.sweep.function, sweepPermissions(plan), {
        ...cluster.variables,
        ...this.podVariables,
      });
      if (sweep.role) cluster.admit(sweep, sweep.role);
      new Repeated(this, "Sweeps", sweep, plan.sweep.everySeconds);
    }
    new CfnOutput(this, "ApiUrl", { value: http.apiEndpoint, description: "the HTTP API" });
    new CfnOutput(this, "Bucket", { value: bucket.bucketName, description: "where uploads go" });
    new CfnOutput(this, "Table", { value: table.tableName, description: "jobs and arrivals" });
  }
}
