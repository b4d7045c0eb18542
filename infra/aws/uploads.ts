import { CfnRule } from "aws-cdk-lib/aws-events";
import type { Construct } from "constructs";
import { uploadRuleName } from "../../lib/plan/names.ts";
import type { PipelinePlan } from "../../lib/plan/plan.ts";
import { deployedBucket, eventRuleArn } from "./arns.ts";
import { allowEvents, type FeedQueue } from "./queues.ts";

/**
 * Brings uploads below a pipeline's prefixes to its intake queue. One rule for all inputs: an object that two of them name
 * is one message, as on a laptop. What EventBridge cannot deliver goes to the intake's dead-letter queue, which the ingest
 * function reads as well.
 */
export function bringUploads(scope: Construct, app: string, pipeline: PipelinePlan, intake: FeedQueue): void {
  const keys = pipeline.inputs.flatMap(({ s3 }) => (s3 ? [keyPattern(s3)] : []));
  const name = uploadRuleName(app, pipeline.id);
  allowEvents(scope, app, intake, eventRuleArn(name));
  new CfnRule(scope, "UploadRule", {
    name,
    description: `Uploads for ${pipeline.id}`,
    eventPattern: {
      source: ["aws.s3"],
      "detail-type": ["Object Created"],
      detail: { bucket: { name: [deployedBucket(app)] }, object: { key: keys } },
    },
    targets: [
      {
        id: "intake",
        arn: intake.work.queueArn,
        deadLetterConfig: { arn: intake.dead.queueArn },
      },
    ],
  });
}

export const takesUploads = ({ inputs }: PipelinePlan): boolean => inputs.some(({ s3 }) => s3);

/** docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html */
const keyPattern = ({ prefix, suffix }: { prefix: string; suffix: string }): object =>
  suffix === "" ? { prefix } : { wildcard: `${literal(prefix)}*${literal(suffix)}` };

const literal = (text: string): string => text.replaceAll(/[\\*]/g, String.raw`\$&`);
