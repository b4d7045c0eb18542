import { DEAD_INDEX } from "../../lib/job/keys.ts";
import type { FedFunction } from "../../lib/plan/functions.ts";
import { OUTPUT_PREFIX, resultPrefix, secretName } from "../../lib/plan/names.ts";
import type { PipelinePlan, Plan, QueuePlan } from "../../lib/plan/plan.ts";
import { bucketArn, logStreamsArn, objectsArn, queueArn, secretArn, tableArn } from "./arns.ts";

/**
 * What each function may do: as much as its code calls, on what the plan gives it, and nothing else. No action has a
 * wildcard; a resource has one where it means the objects below a prefix, the streams of a log, or the queues of this app.
 */
export interface Permission {
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  /** What the wildcards in them mean. */
  readonly wildcard?: string;
  /** First characters of the partition keys that may be touched. */
  readonly partitions?: readonly string[];
}

const CONSUME = [
  "sqs:ReceiveMessage",
  "sqs:DeleteMessage",
  "sqs:GetQueueAttributes",
  "sqs:ChangeMessageVisibility",
];

const consume = (queues: readonly QueuePlan[]): Permission => ({
  actions: CONSUME,
  resources: queues.flatMap(({ name, dead }) => [queueArn(name), queueArn(dead.name)]),
});

const send = (queues: readonly string[]): Permission => ({
  actions: ["sqs:SendMessage"],
  resources: [...new Set(queues)].map(queueArn),
});

const rows = (plan: Plan, actions: readonly string[], partitions: readonly string[]): Permission => ({
  actions: actions.map((action) => `dynamodb:${action}`),
  resources: [tableArn(plan.table)],
  partitions,
});

const BELOW = "the objects below a prefix";

const jobsOf = (pipeline: string): string => `J#${pipeline}#*`;
const arrivalsOf = (pipeline: string): string => `R#${pipeline}#*`;

const read = (plan: Plan, prefixes: readonly string[]): Permission => ({
  actions: ["s3:GetObject", "s3:GetObjectVersion"],
  resources: prefixes.map((prefix) => objectsArn(plan.app, prefix)),
  wildcard: BELOW,
});

/** Large objects are written in parts; what is left of them when one fails is taken back. */
const write = (plan: Plan, prefixes: readonly string[]): Permission => ({
  actions: ["s3:PutObject", "s3:AbortMultipartUpload"],
  resources: prefixes.map((prefix) => objectsArn(plan.app, prefix)),
  wildcard: BELOW,
});

/** Without it S3 answers 403 for an object that is not there, and the token would be tried again for nothing. */
const tellMissing = (plan: Plan): Permission => ({
  actions: ["s3:ListBucket"],
  resources: [bucketArn(plan.app)],
});

const log = (group: string): Permission => ({
  actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
  resources: [logStreamsArn(group)],
  wildcard: "the streams of one log group",
});

const uploadPrefixes = ({ inputs }: PipelinePlan): string[] =>
  inputs.flatMap(({ s3 }) => (s3 ? [s3.prefix] : []));
const outputsOf = (pipeline: string): string => `${OUTPUT_PREFIX}${pipeline}/`;

function ingestMay({ queues }: FedFunction, pipeline: PipelinePlan, plan: Plan): Permission[] {
  const { id, edges, inputs } = pipeline;
  const entered = edges.filter((edge) => inputs.some((input) => input.edge === edge.id));
  return [
    consume(queues),
    send(entered.map(({ queue }) => queue.name)),
    rows(plan, ["GetItem", "PutItem", "UpdateItem"], [jobsOf(id), arrivalsOf(id)]),
    { ...write(plan, [`${outputsOf(id)}_arrivals/`]), actions: ["s3:PutObject"] },
  ];
}

function stageMay({ queues, stage: name }: FedFunction, pipeline: PipelinePlan, plan: Plan): Permission[] {
  const { id, edges, stages } = pipeline;
  const { secrets = [], out: ids = [] } = stages.find((stage) => stage.name === name) ?? {};
  const out = edges.filter((edge) => ids.includes(edge.id)).map(({ queue }) => queue.name);
  return [
    consume(queues),
    // Into its own queues as well: a token that grows old is sent afresh.
    send([...queues.map((queue) => queue.name), ...out]),
    rows(plan, ["GetItem", "UpdateItem"], [jobsOf(id)]),
    read(plan, [...uploadPrefixes(pipeline), outputsOf(id), resultPrefix(id)]),
    write(plan, [`${outputsOf(id)}${name}/`, resultPrefix(id)]),
    tellMissing(plan),
    ...(secrets.length === 0
      ? []
      : [
          {
            actions: ["secretsmanager:GetSecretValue"],
            resources: secrets.map((secret) => secretArn(secretName(plan.app, secret))),
            wildcard: "the six characters that Secrets Manager ends an ARN in",
          },
        ]),
  ];
}

/** Of a function of one pipeline. @param logGroup that it writes to */
export function permissionsOf(
  fed: FedFunction,
  pipeline: PipelinePlan,
  plan: Plan,
  logGroup: string,
): readonly Permission[] {
  const own = fed.stage === undefined ? ingestMay : stageMay;
  return [...own(fed, pipeline, plan), log(logGroup)];
}

/** The API speaks for all pipelines: it shows, puts tokens in, and retries what is in the error bucket. */
export function apiPermissions(plan: Plan, logGroup: string): readonly Permission[] {
  const uploads = plan.pipelines.flatMap(uploadPrefixes);
  const all = queueArn(`${plan.app}_*`);
  return [
    {
      actions: ["sqs:SendMessage", "sqs:GetQueueAttributes"],
      resources: [all],
      wildcard: "the queues of this app",
    },
    {
      actions: ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"],
      resources: [tableArn(plan.table)],
    },
    { actions: ["dynamodb:Query"], resources: [`${tableArn(plan.table)}/index/${DEAD_INDEX.name}`] },
    read(plan, [OUTPUT_PREFIX]),
    // Signed into the URLs that it hands out for uploads.
    ...(uploads.length === 0 ? [] : [{ ...write(plan, uploads), actions: ["s3:PutObject"] }]),
    tellMissing(plan),
    log(logGroup),
  ];
}
