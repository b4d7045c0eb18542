/**
 * List prices of AWS in us-east-1, in US dollars, before free tiers and volume discounts: one row each, with where they
 * stand and when they were noted. Nothing else in the code writes a price down.
 */
export interface Price {
  readonly usd: number;
  /** So many units for that price. */
  readonly per: number;
  readonly unit: string;
  readonly source: string;
  /** When the figure was noted. Prices change: the source is right. */
  readonly asOf: string;
}

export const PRICE_REGION = "us-east-1";

const MILLION = 1_000_000;
const AS_OF = "2026-11-22";
const SQS = "aws.amazon.com/sqs/pricing/";
const DYNAMODB = "aws.amazon.com/dynamodb/pricing/on-demand/";
const LAMBDA = "aws.amazon.com/lambda/pricing/";
const EVENTBRIDGE = "aws.amazon.com/eventbridge/pricing/";
const API_GATEWAY = "aws.amazon.com/api-gateway/pricing/";
const S3 = "aws.amazon.com/s3/pricing/";
const CLOUDWATCH = "aws.amazon.com/cloudwatch/pricing/";
const SECRETS = "aws.amazon.com/secrets-manager/pricing/";

export const PRICES = {
  tableWrite: {
    usd: 0.625,
    per: MILLION,
    unit: "DynamoDB writes of 1 KB, on demand",
    source: DYNAMODB,
    asOf: AS_OF,
  },
  tableRead: {
    usd: 0.125,
    per: MILLION,
    unit: "DynamoDB consistent reads of 4 KB, on demand",
    source: DYNAMODB,
    asOf: AS_OF,
  },
  queueRequest: {
    usd: 0.4,
    per: MILLION,
    unit: "SQS requests of 64 KB, standard queue",
    source: SQS,
    asOf: AS_OF,
  },
  invocation: { usd: 0.2, per: MILLION, unit: "Lambda invocations", source: LAMBDA, asOf: AS_OF },
  compute: { usd: 0.0000166667, per: 1, unit: "Lambda GB-seconds, x86_64", source: LAMBDA, asOf: AS_OF },
  uploadEvent: {
    usd: 1,
    per: MILLION,
    unit: "EventBridge events of S3, of 64 KB",
    source: EVENTBRIDGE,
    asOf: AS_OF,
  },
  scheduledCall: {
    usd: 1,
    per: MILLION,
    unit: "EventBridge Scheduler calls",
    source: EVENTBRIDGE,
    asOf: AS_OF,
  },
  apiRequest: {
    usd: 1,
    per: MILLION,
    unit: "API Gateway requests, HTTP API",
    source: API_GATEWAY,
    asOf: AS_OF,
  },
  objectWrite: { usd: 0.005, per: 1000, unit: "S3 PUT requests", source: S3, asOf: AS_OF },
  objectRead: { usd: 0.0004, per: 1000, unit: "S3 GET requests", source: S3, asOf: AS_OF },
  logByte: {
    usd: 0.5,
    per: 1_000_000_000,
    unit: "bytes of CloudWatch logs taken in",
    source: CLOUDWATCH,
    asOf: AS_OF,
  },
  alarm: {
    usd: 0.1,
    per: 1,
    unit: "CloudWatch alarms of one metric, a month",
    source: CLOUDWATCH,
    asOf: AS_OF,
  },
  dashboard: { usd: 3, per: 1, unit: "CloudWatch dashboards, a month", source: CLOUDWATCH, asOf: AS_OF },
  secret: { usd: 0.4, per: 1, unit: "secrets in Secrets Manager, a month", source: SECRETS, asOf: AS_OF },
} as const satisfies Record<string, Price>;

export type PriceName = keyof typeof PRICES;

/** How much of what is used. */
export type Usage = Readonly<Partial<Record<PriceName, number>>>;

export const costOf = (usage: Usage): number =>
  Object.entries(usage).reduce((sum, [name, units]) => {
    const { usd, per } = PRICES[name as PriceName];
    return sum + (units * usd) / per;
  }, 0);

export const times = (usage: Usage, factor: number): Usage =>
  Object.fromEntries(Object.entries(usage).map(([name, units]) => [name, units * factor]));

export function total(usages: readonly Usage[]): Usage {
  const sums: Partial<Record<PriceName, number>> = {};
  for (const usage of usages)
    for (const [name, units] of Object.entries(usage) as [PriceName, number][])
      sums[name] = (sums[name] ?? 0) + units;
  return sums;
}
