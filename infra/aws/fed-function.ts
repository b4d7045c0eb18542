import { Duration } from "aws-cdk-lib";
import {
  type AssetCode,
  EventSourceMapping,
  Function as LambdaFunction,
  Runtime,
} from "aws-cdk-lib/aws-lambda";
import type { ILogGroup } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { DEAD_BATCH, type FedFunction as FedFunctionPlan } from "../../lib/plan/functions.ts";
import { LIMITS } from "../../lib/plan/limits.ts";
import { eventBusName } from "../../lib/plan/names.ts";
import type { FunctionPlan, PipelinePlan, Plan } from "../../lib/plan/plan.ts";
import { EDGE_NOTE, edgeNote } from "../../lib/plan/template-facts.ts";
import { queueAlarms } from "./alarms.ts";
import { deployedBucket, queueBase } from "./arns.ts";
import { PLAN_PATH } from "./bundle.ts";
import type { ClusterAccess } from "./cluster.ts";
import type { Options } from "./options.ts";
import { fedPermissions } from "./permissions.ts";
import { FeedQueue } from "./queues.ts";
import { functionRole } from "./role.ts";

/** What the functions of a pipeline share. */
export interface Surroundings {
  readonly plan: Plan;
  readonly options: Options;
  readonly code: AssetCode;
  readonly logs: ILogGroup;
  /** Its name. */
  readonly logGroup: string;
  /** Absent when no stage runs in one. */
  readonly cluster?: ClusterAccess | undefined;
}

/** The module that starts work in the cluster. */
const IN_CLUSTER = "dispatch-image";

/** What every function finds in its environment. */
export const commonVariables = (plan: Plan): Record<string, string> => ({
  MILLRACE_PLAN: PLAN_PATH,
  MILLRACE_QUEUE_BASE: queueBase(),
  MILLRACE_BUCKET: deployedBucket(plan.app),
  MILLRACE_SECRET_PREFIX: `${plan.app}/`,
});

/** And what those find besides that deal with jobs which outlast an invocation. */
export const lastingVariables = ({ app }: Plan): Record<string, string> => ({
  MILLRACE_EVENT_BUS: eventBusName(app),
});

export const functionProps = ({ name, timeoutSeconds, memoryMb }: FunctionPlan, module: string) => ({
  functionName: name,
  handler: `functions/${module}.handler`,
  runtime: Runtime.NODEJS_24_X,
  memorySize: memoryMb,
  timeout: Duration.seconds(timeoutSeconds),
});

/** A function, the queues that feed it, and what watches over them. */
export class FedFunction extends Construct {
  readonly queues: readonly FeedQueue[];

  constructor(
    scope: Construct,
    id: string,
    fed: FedFunctionPlan,
    pipeline: PipelinePlan,
    around: Surroundings,
  ) {
    super(scope, id);
    const { plan, options, code, logs, logGroup } = around;
    const { module, plan: own, variables, queues } = fed;
    const role = functionRole(this, "Role", fedPermissions(fed, pipeline, plan, logGroup));
    if (module === IN_CLUSTER) around.cluster?.admit(this, role);
    const fn = new LambdaFunction(this, "Function", {
      ...functionProps(own, module),
      code,
      logGroup: logs,
      role,
      environment: {
        ...variables,
        ...commonVariables(plan),
        ...(module.startsWith("dispatch") && lastingVariables(plan)),
        ...(module === IN_CLUSTER && around.cluster?.variables),
        // Only the users' stages have maps: nothing else gets slower by it.
        ...(module === "stage" && { NODE_OPTIONS: "--enable-source-maps" }),
      },
    });
    this.queues = queues.map((queue) => {
      const edge = pipeline.edges.find((candidate) => candidate.queue === queue);
      // What is retired is worked empty before it leaves the definition; then its queue may go.
      const mayGo = options.disposable || edge?.retired === true;
      const feed = new FeedQueue(this, edge?.id ?? "intake", queue, mayGo);
      if (edge) feed.note(EDGE_NOTE, edgeNote(pipeline.id, edge));
      queueAlarms(feed, edge?.name ?? `${pipeline.id} (intake)`, feed, options.alarmTopic);
      const concurrency = own.maxConcurrency;
      source(feed, "Source", fn, feed.work.queueArn, own, concurrency);
      source(
        feed,
        "DeadSource",
        fn,
        feed.dead.queueArn,
        { batchSize: DEAD_BATCH },
        concurrency && LIMITS.concurrencyMin.value,
      );
      return feed;
    });
  }
}

function source(
  scope: Construct,
  id: string,
  target: LambdaFunction,
  eventSourceArn: string,
  { batchSize, batchSeconds }: Pick<FunctionPlan, "batchSize" | "batchSeconds">,
  maxConcurrency: number | undefined,
): void {
  // Not `addEventSource`: it would add to the role, which has what it needs.
  new EventSourceMapping(scope, id, {
    target,
    eventSourceArn,
    batchSize,
    ...(batchSeconds !== undefined && { maxBatchingWindow: Duration.seconds(batchSeconds) }),
    reportBatchItemFailures: true,
    ...(maxConcurrency !== undefined && { maxConcurrency }),
  });
}
