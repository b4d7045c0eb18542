import { Duration } from "aws-cdk-lib";
import {
  Dashboard,
  GraphWidget,
  type IMetric,
  type IWidget,
  Metric,
  Stats,
} from "aws-cdk-lib/aws-cloudwatch";
import type { Construct } from "constructs";
import type { FedFunction } from "../../lib/plan/functions.ts";
import type { PipelinePlan } from "../../lib/plan/plan.ts";

/** Lines of one graph that can still be told apart, and that CloudWatch allows many times over. */
const LINES = 50;
const PERIOD = Duration.minutes(1);

/** Where a pipeline's tokens are, how old they get, and how its functions fare. */
export function dashboard(
  scope: Construct,
  name: string,
  pipeline: PipelinePlan,
  functions: readonly FedFunction[],
): void {
  const edges = [
    { name: "intake", queue: pipeline.intake },
    ...pipeline.edges.map((edge) => ({ name: edge.name, queue: edge.queue })),
  ];
  const ofQueues = (metricName: string, dead = false): IMetric[] =>
    edges.map((edge) =>
      metric("AWS/SQS", metricName, edge.name, { QueueName: dead ? edge.queue.dead.name : edge.queue.name }),
    );
  const ofFunctions = (metricName: string, statistic: string): IMetric[] =>
    functions.map(({ plan, stage }) =>
      metric("AWS/Lambda", metricName, stage ?? "ingest", { FunctionName: plan.name }, statistic),
    );
  new Dashboard(scope, "Dashboard", {
    dashboardName: name,
    widgets: [
      ...rows("Waiting", ofQueues("ApproximateNumberOfMessagesVisible")),
      ...rows("Claimed", ofQueues("ApproximateNumberOfMessagesNotVisible")),
      ...rows("Age of the oldest (s)", ofQueues("ApproximateAgeOfOldestMessage")),
      ...rows("In dead-letter queues", ofQueues("ApproximateNumberOfMessagesVisible", true)),
      ...rows("Errors of functions", ofFunctions("Errors", Stats.SUM)),
      ...rows("Duration, slowest of a hundred (ms)", ofFunctions("Duration", "p99")),
    ],
  });
}

const metric = (
  namespace: string,
  metricName: string,
  label: string,
  dimensionsMap: Record<string, string>,
  statistic: string = Stats.MAXIMUM,
): IMetric => new Metric({ namespace, metricName, label, dimensionsMap, statistic, period: PERIOD });

/** One graph, or as many as it takes. */
const rows = (title: string, lines: readonly IMetric[]): IWidget[][] =>
  Array.from({ length: Math.ceil(lines.length / LINES) }, (_, index) => [
    new GraphWidget({
      title,
      width: 24,
      left: lines.slice(index * LINES, (index + 1) * LINES),
      leftYAxis: { min: 0 },
    }),
  ]);
