import { OUTPUT_PREFIX } from "../../lib/plan/names.ts";
import type { PipelinePlan, Plan } from "../../lib/plan/plan.ts";
import { bucketArn, logStreamsArn, objectsArn, queueArn, secretArn, tableArn } from "./arns.ts";

/**
 * A part of what a function may do. No action has a wildcard; a resource has one where it means the objects below a prefix,
 * the streams of a log, or the queues of this app.
 */
export interface Permission {
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  /** What the wildcards in them mean. */
  readonly wildcard?: string;
  /** Patterns of the partition keys that may be touched. */
  readonly partitions?: readonly string[];
}

/** Of nothing there is no permission: IAM refuses a statement without resources. */
export const some = (permission: Permission): Permission[] =>
  permission.resources.length === 0 ? [] : [permission];

export const onQueues = (actions: readonly string[], names: readonly string[]): Permission => ({
  actions: actions.map((action) => `sqs:${action}`),
  resources: [...new Set(names)].map(queueArn),
});

export const onRows = (
  plan: Plan,
  actions: readonly string[],
  partitions: readonly string[],
): Permission => ({
  actions: actions.map((action) => `dynamodb:${action}`),
  resources: [tableArn(plan.table)],
  partitions,
});

export const jobsOf = ({ id }: PipelinePlan): string => `J#${id}#*`;
export const arrivalsOf = ({ id }: PipelinePlan): string => `R#${id}#*`;
/** What belongs to a lasting job beside its row. */
export const entriesOf = ({ id }: PipelinePlan): string => `E#${id}#*`;
export const filesOf = ({ id }: PipelinePlan): string => `F#${id}#*`;

const onObjects = (plan: Plan, actions: readonly string[], prefixes: readonly string[]): Permission => ({
  actions: actions.map((action) => `s3:${action}`),
  resources: [...new Set(prefixes)].map((prefix) => objectsArn(plan.app, prefix)),
  wildcard: "the objects below a prefix",
});
export const read = (plan: Plan, prefixes: readonly string[]): Permission =>
  onObjects(plan, ["GetObject", "GetObjectVersion"], prefixes);
export const write = (plan: Plan, prefixes: readonly string[]): Permission =>
  onObjects(plan, ["PutObject"], prefixes);
/** Streams are written in parts; what is left of them when one fails is taken back. */
export const writeStreams = (plan: Plan, prefixes: readonly string[]): Permission =>
  onObjects(plan, ["PutObject", "AbortMultipartUpload"], prefixes);
export const remove = (plan: Plan, prefixes: readonly string[]): Permission =>
  onObjects(plan, ["DeleteObject"], prefixes);

/** To list; and without it S3 answers 403 for an object that is not there, and a token would be tried again for nothing. */
export const list = (plan: Plan): Permission => ({
  actions: ["s3:ListBucket"],
  resources: [bucketArn(plan.app)],
});

export const log = (group: string): Permission => ({
  actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
  resources: [logStreamsArn(group)],
  wildcard: "the streams of one log group",
});

/** @param names as Secrets Manager has them */
export const readSecrets = (names: readonly string[]): Permission => ({
  actions: ["secretsmanager:GetSecretValue"],
  resources: names.map(secretArn),
  wildcard: "the six characters that Secrets Manager ends an ARN in",
});

export const outputsOf = ({ id }: PipelinePlan, stage = ""): string =>
  `${OUTPUT_PREFIX}${id}/${stage === "" ? "" : `${stage}/`}`;

/** Lists of outputs, which are read again by whoever sends or shows what was committed. */
export const outputListsBelow = (prefix: string): string => `${prefix}*/_manifest`;

/** Data of tokens that is too large for a message. */
export const payloadsOf = (pipeline: PipelinePlan): string[] => [
  `${outputsOf(pipeline)}*/_payload-`,
  outputsOf(pipeline, "_arrivals"),
];

export const uploadPrefixes = ({ inputs }: PipelinePlan): string[] =>
  inputs.flatMap(({ s3 }) => (s3 ? [s3.prefix] : []));

export const queuesBetween = (
  { edges }: PipelinePlan,
  ids: readonly string[],
): PipelinePlan["edges"][number]["queue"][] =>
  edges.filter(({ id }) => ids.includes(id)).map(({ queue }) => queue);
