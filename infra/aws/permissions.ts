import { KEY_RING_SECRET } from "../../lib/job/callback-key.ts";
import { DEAD_INDEX } from "../../lib/job/keys.ts";
import { type FedFunction, outlasts } from "../../lib/plan/functions.ts";
import {
  ARCHIVE_PREFIX,
  eventBusName,
  OUTPUT_PREFIX,
  resultPrefix,
  secretName,
} from "../../lib/plan/names.ts";
import type { PipelinePlan, Plan, QueuePlan } from "../../lib/plan/plan.ts";
import { eventBusArn, queueArn, tableArn } from "./arns.ts";
import {
  arrivalsOf,
  entriesOf,
  filesOf,
  jobsOf,
  list,
  log,
  onQueues,
  onRows,
  outputListsBelow,
  outputsOf,
  type Permission,
  payloadsOf,
  queuesBetween,
  read,
  readSecrets,
  remove,
  some,
  uploadPrefixes,
  write,
  writeStreams,
} from "./permission.ts";

/** What each function may do: as much as its code calls, on what the plan gives it, and nothing else. */

const consume = (queues: readonly QueuePlan[]): Permission =>
  onQueues(
    ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "ChangeMessageVisibility"],
    queues.flatMap(({ name, dead }) => [name, dead.name]),
  );

const send = (queues: readonly QueuePlan[]): Permission =>
  onQueues(
    ["SendMessage"],
    queues.map(({ name }) => name),
  );

function ingestMay({ queues }: FedFunction, pipeline: PipelinePlan, plan: Plan): Permission[] {
  const entered = pipeline.inputs.map(({ edge }) => edge);
  return [
    consume(queues),
    send(queuesBetween(pipeline, entered)),
    onRows(plan, ["GetItem", "PutItem", "UpdateItem"], [jobsOf(pipeline), arrivalsOf(pipeline)]),
    write(plan, [outputsOf(pipeline, "_arrivals")]),
  ];
}

function stageMay(
  { queues, stage: name = "" }: FedFunction,
  pipeline: PipelinePlan,
  plan: Plan,
): Permission[] {
  const { secrets = [], out = [] } = pipeline.stages.find((stage) => stage.name === name) ?? {};
  const results = resultPrefix(pipeline.id);
  return [
    consume(queues),
    // Into its own queues as well: a token that grows old is sent afresh.
    send([...queues, ...queuesBetween(pipeline, out)]),
    onRows(plan, ["GetItem", "UpdateItem"], [jobsOf(pipeline)]),
    read(plan, [...uploadPrefixes(pipeline), outputsOf(pipeline), results]),
    writeStreams(plan, [outputsOf(pipeline, name), results]),
    list(plan),
    ...some(readSecrets(secrets.map((secret) => secretName(plan.app, secret)))),
  ];
}

const lastingOutputs = (pipelines: readonly PipelinePlan[]): string[] =>
  pipelines.flatMap((pipeline) =>
    pipeline.stages.filter(outlasts).map((stage) => outputsOf(pipeline, stage.name)),
  );

/** Whatever lets an event happen to a lasting job of these pipelines: commit and send its outputs, end its message. */
function lastingMay(pipelines: readonly PipelinePlan[], plan: Plan): Permission[] {
  const stages = pipelines.flatMap((pipeline) =>
    pipeline.stages.filter(outlasts).map((stage) => ({ pipeline, stage })),
  );
  const waiting = stages.flatMap(({ pipeline, stage }) => queuesBetween(pipeline, stage.in));
  const outputs = lastingOutputs(pipelines);
  const events = pipelines.map((pipeline) => outputsOf(pipeline, "_events"));
  return [
    ...some(send(stages.flatMap(({ pipeline, stage }) => queuesBetween(pipeline, stage.out)))),
    ...some(
      onQueues(
        ["DeleteMessage", "ChangeMessageVisibility"],
        waiting.flatMap(({ name, dead }) => [name, dead.name]),
      ),
    ),
    onRows(
      plan,
      ["GetItem", "PutItem", "UpdateItem", "BatchWriteItem", "Query"],
      pipelines.flatMap((pipeline) => [jobsOf(pipeline), entriesOf(pipeline)]),
    ),
    ...some(read(plan, outputs.map(outputListsBelow))),
    // What is ours begins with "_": data and lists that are too large for a row.
    write(plan, [...outputs.map((prefix) => `${prefix}*/_`), ...events]),
    list(plan),
    { actions: ["events:PutEvents"], resources: [eventBusArn(eventBusName(plan.app))] },
  ];
}

const readKeys = (plan: Plan): Permission => readSecrets([secretName(plan.app, KEY_RING_SECRET)]);

const dispatchMay = ({ queues }: FedFunction, pipeline: PipelinePlan, plan: Plan): Permission[] => [
  consume(queues),
  // A token that grows old is sent afresh.
  send(queues),
  ...lastingMay([pipeline], plan),
  readKeys(plan),
];

/** Places in the cluster, of which there is a number. */
const slots = (plan: Plan): Permission => onRows(plan, ["GetItem", "UpdateItem"], ["S#*"]);

const dispatchImageMay: typeof dispatchMay = (fed, pipeline, plan) => [
  ...dispatchMay(fed, pipeline, plan),
  slots(plan),
  // A pod is given its token's data when it is made.
  read(plan, payloadsOf(pipeline)),
];

const FED: Readonly<Record<string, typeof stageMay>> = {
  ingest: ingestMay,
  stage: stageMay,
  dispatch: dispatchMay,
  "dispatch-image": dispatchImageMay,
};

/** Of a function of one pipeline. @param logGroup that it writes to */
export function fedPermissions(
  fed: FedFunction,
  pipeline: PipelinePlan,
  plan: Plan,
  logGroup: string,
): readonly Permission[] {
  const may = FED[fed.module];
  if (!may) throw new Error(`nobody has said what functions/${fed.module}.ts may do`);
  return [...may(fed, pipeline, plan), log(logGroup)];
}

/** The API speaks for all pipelines: it shows, puts tokens in, retries, and does what operators say to lasting jobs. */
export const apiPermissions = (plan: Plan): readonly Permission[] => [
  {
    actions: ["sqs:SendMessage", "sqs:GetQueueAttributes"],
    resources: [queueArn(`${plan.app}_*`)],
    wildcard: "the queues of this app",
  },
  onRows(
    plan,
    ["Query", "GetItem", "UpdateItem", "DeleteItem"],
    plan.pipelines.flatMap((each) => [jobsOf(each), arrivalsOf(each), entriesOf(each), filesOf(each)]),
  ),
  { actions: ["dynamodb:Query"], resources: [`${tableArn(plan.table)}/index/${DEAD_INDEX.name}`] },
  read(plan, [outputListsBelow(OUTPUT_PREFIX)]),
  // Signed into the URLs that it hands out for uploads.
  ...some(write(plan, plan.pipelines.flatMap(uploadPrefixes))),
  remove(plan, [ARCHIVE_PREFIX]),
  ...lastingMay(plan.pipelines, plan),
  readKeys(plan),
];

/** Anybody may call it: it does no more than a report on a lasting job needs. */
export const callbackPermissions = (plan: Plan): readonly Permission[] => [
  ...lastingMay(plan.pipelines, plan),
  // Signed into the URLs by which pods fetch their input.
  ...some(
    read(
      plan,
      plan.pipelines
        .filter(hasImage)
        .flatMap((each) => [...uploadPrefixes(each), outputsOf(each), resultPrefix(each.id)]),
    ),
  ),
  // And into those by which pods, and systems elsewhere, store what they have made.
  write(plan, [...lastingOutputs(plan.pipelines), ARCHIVE_PREFIX]),
  readKeys(plan),
];

const hasImage = ({ stages }: PipelinePlan): boolean => stages.some(({ work }) => work.kind === "image");

export const sweepPermissions = (plan: Plan): readonly Permission[] => [
  ...lastingMay(plan.pipelines.filter(hasImage), plan),
  slots(plan),
  readKeys(plan),
];

export const archivePermissions = (plan: Plan): readonly Permission[] => [
  ...lastingMay(plan.pipelines, plan),
  read(plan, [...lastingOutputs(plan.pipelines), ARCHIVE_PREFIX]),
  onRows(plan, ["Query", "PutItem", "DeleteItem"], plan.pipelines.map(filesOf)),
];
