import { Duration, RemovalPolicy } from "aws-cdk-lib";
import { AnyPrincipal, Effect, PolicyDocument, PolicyStatement, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { type CfnQueue, CfnQueuePolicy, Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import type { QueuePlan } from "../../lib/plan/plan.ts";
import { queueArn } from "./arns.ts";

/** A queue that feeds a function, with the dead-letter queue that it alone uses. */
export class FeedQueue extends Construct {
  readonly work: Queue;
  readonly dead: Queue;

  /** @param mayGo whether it is deleted when it leaves the template; otherwise it stays, with the tokens that are in it */
  constructor(scope: Construct, id: string, plan: QueuePlan, mayGo: boolean) {
    super(scope, id);
    const common = {
      encryption: QueueEncryption.SQS_MANAGED,
      removalPolicy: mayGo ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    };
    this.dead = new Queue(this, "Dead", {
      ...common,
      queueName: plan.dead.name,
      visibilityTimeout: Duration.seconds(plan.dead.visibilitySeconds),
      retentionPeriod: Duration.seconds(plan.dead.retentionSeconds),
    });
    this.work = new Queue(this, "Work", {
      ...common,
      queueName: plan.name,
      visibilityTimeout: Duration.seconds(plan.visibilitySeconds),
      retentionPeriod: Duration.seconds(plan.retentionSeconds),
      deadLetterQueue: { queue: this.dead, maxReceiveCount: plan.maxReceiveCount },
    });
  }

  /** Keeps something in the template that no attribute of the queue tells. */
  note(key: string, value: object): void {
    (this.work.node.defaultChild as CfnQueue).addMetadata(key, value);
  }
}

/**
 * One policy for all queues of a template: nobody gets in without TLS. A template's resources are limited, and queues are
 * most of them, so they do not have one each.
 */
export function requireTls(scope: Construct, app: string, queues: readonly FeedQueue[]): void {
  if (queues.length > 0) policy(scope, "Tls", queues, [tlsOnly(app)]);
}

/** The same for the queue that uploads come to, which a rule of EventBridge fills. */
export function allowEvents(scope: Construct, app: string, queue: FeedQueue, ruleArn: string): void {
  const events = new PolicyStatement({
    effect: Effect.ALLOW,
    principals: [new ServicePrincipal("events.amazonaws.com")],
    actions: ["sqs:SendMessage"],
    resources: [queueArn(`${app}_*`)],
    conditions: { ArnEquals: { "aws:SourceArn": ruleArn } },
  });
  policy(scope, "Uploads", [queue], [tlsOnly(app), events]);
}

function policy(
  scope: Construct,
  id: string,
  queues: readonly FeedQueue[],
  statements: readonly PolicyStatement[],
): void {
  new CfnQueuePolicy(scope, `${id}Policy`, {
    queues: queues.flatMap(({ work, dead }) => [work.queueUrl, dead.queueUrl]),
    policyDocument: new PolicyDocument({ statements: [...statements] }),
  });
}

const tlsOnly = (app: string): PolicyStatement =>
  new PolicyStatement({
    effect: Effect.DENY,
    principals: [new AnyPrincipal()],
    actions: ["sqs:*"],
    resources: [queueArn(`${app}_*`)],
    conditions: { Bool: { "aws:SecureTransport": "false" } },
  });
