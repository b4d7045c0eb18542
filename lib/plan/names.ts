import { createHash } from "node:crypto";
import { LIMITS } from "./limits.ts";

/**
 * Every name that Millrace gives to something outside itself: queues, functions, tables, buckets, object keys.
 *
 * Physical names are joined by `_`, which no stage or pipeline may contain (DNS-1123), so that the edges `x → y-z` and
 * `x-y → z` cannot share a queue. Dots are legal in a stage's name and illegal in a queue's: they become `D`, which
 * collides with nothing because names are lower case. What exceeds a length budget is cut and ends in `_H` and a hash
 * of the whole name; upper case once more, so that no name can be chosen to look like a cut one.
 */

/** What every name of a deployment begins with; by itself it is a namespace of Kubernetes. */
export const APP_NAME = /^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$/;
export const APP_NAME_IS =
  "up to 20 lower case letters, digits and '-', beginning with a letter and not ending in '-'";

/** Prefixes that stages write below. An upload that begins a run must not lie there. */
export const OUTPUT_PREFIX = "out/";
export const RESULT_PREFIX = "results/";
/** Where jobs that outlast an invocation archive what they made (`lib/archive/path.ts`). */
export const ARCHIVE_PREFIX = "products/";
export const RESERVED_PREFIXES = [OUTPUT_PREFIX, RESULT_PREFIX, ARCHIVE_PREFIX] as const;

const HASH_MARK = "_H";
const HASH_LENGTH = 10;
const DEAD_SUFFIX = "_DEAD";

/** A name of at most `budget` characters; distinct parts give distinct names. */
function physical(parts: readonly string[], budget: number): string {
  const name = parts.map((part) => part.replaceAll(".", "D")).join("_");
  if (name.length <= budget) return name;
  const hash = createHash("sha256").update(parts.join("_")).digest("hex").slice(0, HASH_LENGTH);
  return `${name.slice(0, budget - HASH_MARK.length - HASH_LENGTH)}${HASH_MARK}${hash}`;
}

/** The dead-letter queue's name must fit as well. */
const QUEUE_BUDGET = LIMITS.queueName.value - DEAD_SUFFIX.length;

/** `from` is empty for the queue of an input. */
export const queueName = (app: string, pipeline: string, from: string, to: string): string =>
  physical([app, pipeline, from, to], QUEUE_BUDGET);

/** Upper case keeps it apart from every edge's queue. */
export const intakeQueueName = (app: string, pipeline: string): string =>
  physical([app, pipeline, "INTAKE"], QUEUE_BUDGET);

/** Whom a queue of a deployment belongs to, as far as its name says. */
export type QueueOwner =
  | { readonly kind: "intake"; readonly pipeline: string }
  | { readonly kind: "edge"; readonly pipeline: string; readonly from: string; readonly to: string }
  /** The name was cut: only its beginning is known. */
  | { readonly kind: "cut"; readonly pipeline: string };

/** The opposite of `queueName` and `intakeQueueName`; undefined for a queue that neither has named, or a dead-letter queue. */
export function queueOwner(app: string, name: string): QueueOwner | undefined {
  if (!name.startsWith(`${app}_`) || isDeadQueue(name)) return undefined;
  const [pipeline = "", ...rest] = name
    .slice(app.length + 1)
    .split("_")
    .map((part) => part.replaceAll("D", "."));
  if (pipeline === "") return undefined;
  if (CUT.test(name)) return { kind: "cut", pipeline };
  const [from, to, more] = rest;
  if (from === "INTAKE" && to === undefined) return { kind: "intake", pipeline };
  if (from === undefined || !to || more !== undefined) return undefined;
  return { kind: "edge", pipeline, from, to };
}

const CUT = new RegExp(`${HASH_MARK}[0-9a-f]{${HASH_LENGTH}}$`);

/** A dead-letter queue is only a transit on the way to the error bucket, and named after the queue it serves. */
export const deadQueueName = (queue: string): string => `${queue}${DEAD_SUFFIX}`;
export const isDeadQueue = (queue: string): boolean => queue.endsWith(DEAD_SUFFIX);

export const stageFunctionName = (app: string, pipeline: string, stage: string): string =>
  physical([app, pipeline, stage], LIMITS.functionName.value);

/** Upper case: no stage can be called so. */
export const ingestFunctionName = (app: string, pipeline: string): string =>
  physical([app, pipeline, "INGEST"], LIMITS.functionName.value);

export const apiFunctionName = (app: string): string => physical([app, "API"], LIMITS.functionName.value);

/** The Kubernetes Job of one attempt: nobody can make a second one of it. At most 55 characters. */
export const clusterJobName = (job: string, attempt: number): string => `mr-${job}-a${attempt}`;

/** The job that a Kubernetes Job is named by. */
export const jobInClusterName = (name: string): string => /^mr-(.+)-a\d+$/.exec(name)?.[1] ?? "";

/** What the systems report to that do the work of lasting jobs. */
export const callbackFunctionName = (app: string): string =>
  physical([app, "CALLBACK"], LIMITS.functionName.value);

/** Indexes what jobs have archived. */
export const archiveFunctionName = (app: string): string =>
  physical([app, "ARCHIVE"], LIMITS.functionName.value);

/** Looks after Jobs in the cluster. */
export const sweepFunctionName = (app: string): string => physical([app, "SWEEP"], LIMITS.functionName.value);

export const tableName = (app: string): string => `${app}-jobs`;

/** What identifies an edge within its pipeline, for ever: it is part of every token's id. */
export const edgeId = (from: string, to: string): string => `${from}_${to}`;

/**
 * What people call an edge: `start-last`, with its queue `start-last-work`. Where two edges of one pipeline would be
 * called alike, both are written with `_` between the stages instead.
 */
export function edgeNames(pipeline: string, edges: readonly { from: string; to: string }[]): string[] {
  const inputs = edges.filter((edge) => edge.from === "");
  const plain = ({ from, to }: { from: string; to: string }): string => {
    if (from !== "") return `${from}-${to}`;
    return inputs.length === 1 ? pipeline : `${pipeline}-${to}`;
  };
  const count = new Map<string, number>();
  for (const edge of edges) count.set(plain(edge), (count.get(plain(edge)) ?? 0) + 1);
  return edges.map((edge) => {
    const name = plain(edge);
    if (count.get(name) === 1) return name;
    return edge.from === "" ? `${pipeline}_${edge.to}` : `${edge.from}_${edge.to}`;
  });
}

/** The lists that KDP knows by name; `error` is ours. */
export const viewNames = (edge: string) =>
  ({ work: `${edge}-work`, claimed: `${edge}-claimed`, error: `${edge}-error` }) as const;

/**
 * Where one attempt's outputs lie: nothing that another attempt wrote can be taken for them. The bucket's listing shows
 * how far each token has come.
 */
export const attemptPrefix = (pipeline: string, stage: string, token: string, attempt: string): string =>
  `${OUTPUT_PREFIX}${pipeline}/${stage}/${token}/${attempt}/`;

/** A large payload that came from outside. Named by its content: two callers who use one key cannot overwrite each other. */
export const arrivalPayloadKey = (pipeline: string, token: string, sha256: string): string =>
  `${OUTPUT_PREFIX}${pipeline}/_arrivals/${token}/${sha256}.json`;

/** What was reported of a lasting job and is too large for its row. Named by its content, like an arrival's. */
export const eventDataKey = (pipeline: string, job: string, sha256: string): string =>
  `${OUTPUT_PREFIX}${pipeline}/_events/${job}/${sha256}.json`;

/** What a stage publishes under a name of its own. */
export const resultPrefix = (pipeline: string): string => `${RESULT_PREFIX}${pipeline}/`;

/** Bucket names are global: the account and the region make it this deployment's. */
export const bucketName = (app: string, account: string, region: string): string =>
  `${app}-${account}-${region}`;

/** What EventBridge calls the rule that brings uploads to a pipeline. */
export const uploadRuleName = (app: string, pipeline: string): string =>
  physical([app, pipeline, "UPLOADS"], LIMITS.ruleName.value);

export const logGroupName = (app: string, pipeline: string): string => `/${app}/${pipeline}`;

/** Secrets Manager's name of a secret that a definition lists. */
export const secretName = (app: string, secret: string): string => `${app}/${secret}`;

/** Where changes of lasting jobs' states are announced. */
export const eventBusName = (app: string): string => app;

/** Upper case: no pipeline can be called so. */
export const platformStackName = (app: string): string => `${app}-PLATFORM`;
export const clusterStackName = (app: string): string => `${app}-CLUSTER`;
export const pipelineStackName = (app: string, pipeline: string): string => `${app}-${pipeline}`;
