import { Aws } from "aws-cdk-lib";
import { bucketName } from "../../lib/plan/names.ts";

/**
 * Everything has a name that the plan gives, so that one stack can speak of what another one owns without a reference
 * between them: no cycles, no exports, and a stack can be replaced by itself.
 */
const arn = (service: string, rest: string): string =>
  `arn:${Aws.PARTITION}:${service}:${Aws.REGION}:${Aws.ACCOUNT_ID}:${rest}`;

export const queueArn = (name: string): string => arn("sqs", name);
export const tableArn = (name: string): string => arn("dynamodb", `table/${name}`);
export const logStreamsArn = (group: string): string => arn("logs", `log-group:${group}:*`);
export const eventBusArn = (name: string): string => arn("events", `event-bus/${name}`);
export const eventRuleArn = (name: string): string => arn("events", `rule/${name}`);
/** Secrets Manager ends an ARN in six characters of its own. */
export const secretArn = (name: string): string => arn("secretsmanager", `secret:${name}-??????`);

export const deployedBucket = (app: string): string => bucketName(app, Aws.ACCOUNT_ID, Aws.REGION);
export const bucketArn = (app: string): string => `arn:${Aws.PARTITION}:s3:::${deployedBucket(app)}`;
export const objectsArn = (app: string, prefix: string): string => `${bucketArn(app)}/${prefix}*`;

export const queueBase = (): string => `https://sqs.${Aws.REGION}.${Aws.URL_SUFFIX}/${Aws.ACCOUNT_ID}/`;
