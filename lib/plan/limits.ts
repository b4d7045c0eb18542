/**
 * Limits of the services that a plan is realised on: one row each, with where it was read and when. AWS moves them
 * (1 MiB messages came in 2025), so nothing else in the code writes such a number down.
 */
export interface Limit {
  readonly value: number;
  readonly unit: "s" | "bytes" | "messages" | "characters" | "MiB" | "functions" | "entries";
  readonly what: string;
  readonly source: string;
  readonly read: string;
}

const SQS_QUOTAS = "docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-quotas.html";
const SQS_API = "docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html";
const LAMBDA_QUOTAS = "docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html";
const LAMBDA_SQS = "docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html";
const LAMBDA_SCALING = "docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html";
const EVENTS_API = "docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html";
const S3_KEYS = "docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html";
const DNS_1123 = "kubernetes.io/docs/concepts/overview/working-with-objects/names/";
const POD_SPEC = "kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/";
const READ = "2026-11-22";

export const LIMITS = {
  visibility: {
    value: 43_200,
    unit: "s",
    what: "a claim, in total from the receive",
    source: SQS_API,
    read: READ,
  },
  queueRetention: { value: 1_209_600, unit: "s", what: "a message in a queue", source: SQS_API, read: READ },
  messageSize: {
    value: 1_048_576,
    unit: "bytes",
    what: "a message, and a batch",
    source: SQS_QUOTAS,
    read: READ,
  },
  batchEntries: { value: 10, unit: "messages", what: "a batch", source: SQS_QUOTAS, read: READ },
  maxReceiveCount: {
    value: 1000,
    unit: "messages",
    what: "receives before redrive",
    source: SQS_API,
    read: READ,
  },
  queueName: { value: 80, unit: "characters", what: "a queue's name", source: SQS_QUOTAS, read: READ },
  functionName: {
    value: 64,
    unit: "characters",
    what: "a function's name",
    source: LAMBDA_QUOTAS,
    read: READ,
  },
  ruleName: {
    value: 64,
    unit: "characters",
    what: "an EventBridge rule's name",
    source: EVENTS_API,
    read: READ,
  },
  functionTimeout: { value: 900, unit: "s", what: "one invocation", source: LAMBDA_QUOTAS, read: READ },
  functionMemoryMin: {
    value: 128,
    unit: "MiB",
    what: "a function's memory, at least",
    source: LAMBDA_QUOTAS,
    read: READ,
  },
  functionMemory: {
    value: 10_240,
    unit: "MiB",
    what: "a function's memory",
    source: LAMBDA_QUOTAS,
    read: READ,
  },
  visibilityTimeouts: {
    value: 6,
    unit: "functions",
    what: "function timeouts in a visibility timeout",
    source: LAMBDA_SQS,
    read: READ,
  },
  concurrencyMin: {
    value: 2,
    unit: "functions",
    what: "an event source's concurrency, at least",
    source: LAMBDA_SCALING,
    read: READ,
  },
  concurrency: {
    value: 1000,
    unit: "functions",
    what: "an event source's concurrency",
    source: LAMBDA_SCALING,
    read: READ,
  },
  objectKey: { value: 1024, unit: "bytes", what: "an object's key", source: S3_KEYS, read: READ },
  podDeadline: {
    value: 2_147_483_647,
    unit: "s",
    what: "activeDeadlineSeconds of a pod",
    source: POD_SPEC,
    read: READ,
  },
  label: { value: 63, unit: "characters", what: "a name that Kubernetes sees", source: DNS_1123, read: READ },
} as const satisfies Record<string, Limit>;
