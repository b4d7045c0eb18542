import { makePlan, type Plan, type QueuePlan } from "../../../lib/plan/plan.ts";
import { EDGE_NOTE, edgeNote } from "../../../lib/plan/template-facts.ts";
import { loaded } from "../definition/loading.ts";

/** A deployment's queues as a CloudFormation template has them. */

export const planOf = (...texts: string[]): Plan => makePlan(texts.map((text) => loaded(text)));

interface Resource {
  Type: string;
  Properties?: Record<string, unknown>;
  Metadata?: Record<string, unknown>;
}

export interface Template {
  Resources: Record<string, Resource>;
}

/** @param isNoted whether the edges' notes are in it */
export function templateOf(plan: Plan, isNoted = true): Template {
  const resources: Resource[] = plan.pipelines.flatMap(({ id, intake, edges }) => [
    ...queueResources(intake, {}),
    ...edges.flatMap((edge) =>
      queueResources(edge.queue, isNoted ? { [EDGE_NOTE]: edgeNote(id, edge) } : {}),
    ),
  ]);
  return { Resources: Object.fromEntries(resources.map((each, index) => [`R${index}`, each])) };
}

const queueResources = (
  { name, visibilitySeconds, retentionSeconds, maxReceiveCount, dead }: QueuePlan,
  Metadata: Record<string, unknown>,
): Resource[] => [
  {
    Type: "AWS::SQS::Queue",
    Properties: {
      QueueName: name,
      VisibilityTimeout: visibilitySeconds,
      MessageRetentionPeriod: retentionSeconds,
      RedrivePolicy: { deadLetterTargetArn: { "Fn::GetAtt": ["Dead", "Arn"] }, maxReceiveCount },
    },
    Metadata,
  },
  {
    Type: "AWS::SQS::Queue",
    Properties: {
      QueueName: dead.name,
      VisibilityTimeout: dead.visibilitySeconds,
      MessageRetentionPeriod: dead.retentionSeconds,
    },
  },
];
