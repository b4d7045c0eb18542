import { createHash } from "node:crypto";
import type { LevelPatterns } from "../archive/pattern.ts";
import type { Definition } from "../definition/load.ts";
import type { Pipeline, Stage } from "../definition/schema.ts";
import type { JobEvent } from "../job/machine.ts";
import { LIMITS } from "./limits.ts";
import {
  apiFunctionName,
  archiveFunctionName,
  callbackFunctionName,
  edgeId,
  edgeNames,
  ingestFunctionName,
  intakeQueueName,
  queueName,
  stageFunctionName,
  sweepFunctionName,
  tableName,
  viewNames,
} from "./names.ts";
import { queuePlan } from "./queue-plan.ts";
import {
  functionSizeOf,
  functionTimeoutOf,
  outlastsInvocation,
  runsInCluster,
  timeoutOf,
  workOf,
} from "./stage-work.ts";
import { wiringOf } from "./wiring.ts";

/**
 * What a definition needs of the outside world: the contract between the definition and whatever realises it (AWS, or
 * this machine). A plan is plain data, made by a pure function, and holds no name or number that a realiser would have
 * to derive once more.
 */

export interface QueuePlan {
  readonly name: string;
  readonly visibilitySeconds: number;
  readonly retentionSeconds: number;
  /** After so many receives without an end, SQS moves a message to the dead-letter queue. */
  readonly maxReceiveCount: number;
  readonly dead: {
    readonly name: string;
    readonly visibilitySeconds: number;
    readonly retentionSeconds: number;
  };
}

export interface EdgePlan {
  /** Part of every token's id; never shown to people. */
  readonly id: string;
  /** `start-last`; for an input, the pipeline's name. */
  readonly name: string;
  readonly views: { readonly work: string; readonly claimed: string; readonly error: string };
  /** Empty for the edge of an input. */
  readonly from: string;
  readonly to: string;
  readonly maxAttempts: number;
  /** Nothing is sent by it any more; what its queue holds is worked on. `from` may not be a stage. */
  readonly retired?: true;
  readonly queue: QueuePlan;
}

export interface InputPlan {
  readonly name: string;
  readonly edge: string;
  readonly s3?: { readonly prefix: string; readonly suffix: string };
}

export interface FunctionPlan {
  readonly name: string;
  readonly timeoutSeconds: number;
  readonly memoryMb: number;
  readonly batchSize: number;
  /** How long a batch may be waited for until it is full. */
  readonly batchSeconds?: number;
  /** Invocations at once, at most; absent: as many as the account allows. */
  readonly maxConcurrency?: number;
}

export type StageWork =
  | { readonly kind: "handler"; readonly handler: string }
  | {
      readonly kind: "command";
      readonly command: readonly string[];
      readonly acceptExitCodes: readonly number[];
    }
  | {
      readonly kind: "image";
      readonly image: string;
      readonly command?: readonly string[];
      readonly cpuMillis: number;
      readonly memoryMb: number;
      readonly gpus?: number;
      readonly pullSecret?: string;
      /** Tokens that one Job is made for, at most; absent: one. */
      readonly batch?: number;
      /** The program says itself how each token has ended; absent: its exit code does, and what it left. */
      readonly finishedBy?: "callback";
      /** RFC 6902 operations, or a text of JSON with such. */
      readonly podPatch?: readonly Readonly<Record<string, unknown>>[] | string;
    }
  | {
      readonly kind: "external";
      /** Words of the system that does the work, and the events that they mean. */
      readonly statuses: Readonly<Record<string, JobEvent>>;
    };

export interface StagePlan {
  readonly name: string;
  readonly work: StageWork;
  /** For one token. */
  readonly timeoutSeconds: number;
  /** What its queues feed: it does a light stage's work, and dispatches the work of others. */
  readonly function: FunctionPlan;
  readonly concurrency?: number;
  readonly fanout: "copy" | "route";
  /** Ids of edges. */
  readonly in: readonly string[];
  readonly out: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
}

export interface PipelinePlan {
  readonly id: string;
  readonly name: string;
  readonly dialect: Definition["dialect"];
  /** The definition's file, as it was given. */
  readonly file: string;
  /**
   * A fingerprint of the components: tokens carry it, so that it is known which definition sent them, and archives are kept
   * apart by it. What the pipeline is called for people is none of them.
   */
  readonly version: string;
  readonly inputs: readonly InputPlan[];
  readonly edges: readonly EdgePlan[];
  readonly stages: readonly StagePlan[];
  readonly intake: QueuePlan;
  readonly ingest: FunctionPlan;
  /** Files that are indexed when a lasting job has finished; absent: none are, unless somebody asks. */
  readonly archive?: readonly LevelPatterns[];
}

export interface Plan {
  readonly v: 1;
  readonly app: string;
  readonly table: string;
  readonly api: FunctionPlan;
  /** Serves what the systems call that do the work of lasting jobs. */
  readonly callback: FunctionPlan;
  /** Indexes what lasting jobs have archived, when their state says so (`lib/archive/state-changed.ts`). */
  readonly archive: FunctionPlan;
  /** Present when a stage runs in a cluster: looks after what is there. */
  readonly sweep?: { readonly function: FunctionPlan; readonly everySeconds: number };
  readonly pipelines: readonly PipelinePlan[];
}

const MAX_ATTEMPTS = 5;

/**
 * Receives beyond the attempts that a token is allowed. Attempts are counted on the job's row, when the stage failed; a
 * receive is also spent when a function died with an innocent neighbour, or when the table was throttled. Only what
 * exceeds both goes to the dead-letter queue.
 */
const SPARE_RECEIVES = 3;

/** Light stages are claimed in full batches; one send, one delete and one invocation are then shared by ten tokens. */
const LIGHT_BATCH = LIMITS.batchEntries.value;

const INGEST: Omit<FunctionPlan, "name"> = { timeoutSeconds: 30, memoryMb: 256, batchSize: LIGHT_BATCH };
const API: Omit<FunctionPlan, "name"> = { timeoutSeconds: 29, memoryMb: 512, batchSize: 1 };
/** Every file is read once, and the longest of them in one go. */
const ARCHIVE: Omit<FunctionPlan, "name"> = {
  timeoutSeconds: LIMITS.functionTimeout.value,
  memoryMb: 512,
  batchSize: 1,
};
/** Commits what an attempt in a cluster has put out: reads its manifest as a whole. */
const CALLBACK: Omit<FunctionPlan, "name"> = { timeoutSeconds: 29, memoryMb: 512, batchSize: 1 };

const SWEEP: Omit<FunctionPlan, "name"> = { timeoutSeconds: 55, memoryMb: 512, batchSize: 1 };
const SWEEP_SECONDS = 60;

/** A token whose work outlasts an invocation is parked in its queue, and looked at again from time to time: that is no failure. */
const PARKED_RECEIVES = LIMITS.maxReceiveCount.value;

function planEdges(app: string, pipeline: Pipeline): EdgePlan[] {
  const wiring = wiringOf(pipeline);
  const names = edgeNames(pipeline.id, wiring);
  return wiring.map(({ from, to, maxAttempts = MAX_ATTEMPTS, retired }, index) => {
    const name = names[index] ?? edgeId(from, to);
    const stage = pipeline.stages[to] ?? {};
    return {
      id: edgeId(from, to),
      name,
      views: viewNames(name),
      from,
      to,
      maxAttempts,
      ...(retired && { retired }),
      queue: queuePlan(
        queueName(app, pipeline.id, from, to),
        functionOf(stage),
        outlastsInvocation(stage) ? PARKED_RECEIVES : maxAttempts + SPARE_RECEIVES,
      ),
    };
  });
}

const functionOf = (stage: Stage): Omit<FunctionPlan, "name"> => ({
  timeoutSeconds: functionTimeoutOf(stage, INGEST.timeoutSeconds),
  ...functionSizeOf(stage),
});

function planStage(
  app: string,
  pipeline: Pipeline,
  name: string,
  stage: Stage,
  edges: readonly EdgePlan[],
): StagePlan {
  const work = workOf(stage);
  return {
    name,
    work,
    timeoutSeconds: timeoutOf(stage),
    function: { name: stageFunctionName(app, pipeline.id, name), ...functionOf(stage) },
    ...(stage.concurrency !== undefined && { concurrency: stage.concurrency }),
    fanout: stage.fanout ?? "copy",
    in: edges.filter((edge) => edge.to === name).map((edge) => edge.id),
    out: edges.filter((edge) => edge.from === name && !edge.retired).map((edge) => edge.id),
    env: stage.env ?? {},
    secrets: [...new Set([...pipeline.secrets, ...(stage.secrets ?? [])])],
  };
}

const versionOf = ({ name: _, ...components }: Pipeline): string =>
  createHash("sha256").update(JSON.stringify(components)).digest("hex").slice(0, 12);

function planPipeline(app: string, { pipeline, dialect, file }: Definition): PipelinePlan {
  const edges = planEdges(app, pipeline);
  return {
    id: pipeline.id,
    name: pipeline.name ?? pipeline.id,
    dialect,
    file,
    version: versionOf(pipeline),
    inputs: Object.entries(pipeline.inputs).map(([name, { to, s3 }]) => ({
      name,
      edge: edgeId("", to),
      ...(s3 && { s3: { prefix: s3.prefix, suffix: s3.suffix ?? "" } }),
    })),
    edges,
    stages: Object.entries(pipeline.stages).map(([name, stage]) =>
      planStage(app, pipeline, name, stage, edges),
    ),
    intake: queuePlan(intakeQueueName(app, pipeline.id), INGEST, MAX_ATTEMPTS + SPARE_RECEIVES),
    ingest: { name: ingestFunctionName(app, pipeline.id), ...INGEST },
    ...(pipeline.archive && {
      archive: pipeline.archive.map(({ level, patterns }) => ({ level: String(level), patterns })),
    }),
  };
}

/** What every physical name begins with, unless it is said otherwise. */
export const APP = "millrace";

/**
 * The plan of some definitions, which must have passed {@link loadDefinition} and have different ids.
 *
 * @param app the prefix of every physical name: two deployments in one account differ in it
 */
export const makePlan = (definitions: readonly Definition[], app = APP): Plan => ({
  v: 1,
  app,
  table: tableName(app),
  api: { name: apiFunctionName(app), ...API },
  callback: { name: callbackFunctionName(app), ...CALLBACK },
  archive: { name: archiveFunctionName(app), ...ARCHIVE },
  ...(definitions.some(({ pipeline }) => Object.values(pipeline.stages).some(runsInCluster)) && {
    sweep: { function: { name: sweepFunctionName(app), ...SWEEP }, everySeconds: SWEEP_SECONDS },
  }),
  pipelines: definitions.map((definition) => planPipeline(app, definition)),
});
