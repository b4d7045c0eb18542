import { LIGHT_OVERHEAD_SECONDS, type Stage } from "../definition/schema.ts";
import { type Kind, kindOf } from "../definition/stage-kind.ts";
import { mebibytes, millicores, seconds } from "../definition/units.ts";
import { LIMITS } from "./limits.ts";
import type { FunctionPlan, StageWork } from "./plan.ts";

/** What a stage's work is, and how long it may take. */

const MEMORY_MB = 512;
const CPU = 1;
const TIMEOUTS: Readonly<Record<Kind, string>> = {
  handler: "30s",
  command: "30s",
  image: "1h",
  external: "72h",
};

export const outlastsInvocation = (stage: Stage): boolean =>
  stage.image !== undefined || stage.external !== undefined;

export const runsInCluster = ({ image }: Stage): boolean => image !== undefined;

/** Light stages are claimed in full batches; one send, one delete and one invocation are then shared by ten tokens. */
const BATCH = LIMITS.batchEntries.value;
/** What an image's stage asks for is for its pods. Few dispatch at once: a cluster's API is not made for hundreds. */
const DISPATCH: FunctionSize = { memoryMb: 512, batchSize: BATCH, maxConcurrency: 5 };

type FunctionSize = Omit<FunctionPlan, "name" | "timeoutSeconds">;

export function functionSizeOf(stage: Stage): FunctionSize {
  if (runsInCluster(stage)) return dispatchSizeOf(stage);
  const { memory = MEMORY_MB, batch = BATCH, concurrency } = stage;
  return {
    memoryMb: Math.ceil(mebibytes(memory)),
    batchSize: batch,
    ...(concurrency !== undefined && { maxConcurrency: concurrency }),
  };
}

/** Tokens that share a pod are waited for, a little: beside a pod's own start it is nothing. */
const TOGETHER_SECONDS = 5;

function dispatchSizeOf({ batch = 1 }: Stage): FunctionSize {
  if (batch === 1) return DISPATCH;
  // No pod is left with the rest of a batch.
  return { ...DISPATCH, batchSize: BATCH - (BATCH % batch), batchSeconds: TOGETHER_SECONDS };
}

export function workOf(stage: Stage): StageWork {
  const kind = kindOf(stage);
  if (kind === "handler" && stage.handler !== undefined) return { kind, handler: stage.handler };
  if (kind === "command" && stage.command !== undefined) {
    return { kind, command: stage.command, acceptExitCodes: stage.acceptExitCodes ?? [0] };
  }
  if (kind === "external") return { kind, statuses: stage.statuses ?? {} };
  if (kind === "image" && stage.image !== undefined) return imageWork(stage.image, stage);
  throw new Error("a stage without work passed the rules");
}

const imageWork = (image: string, stage: Stage): StageWork => ({
  kind: "image",
  image,
  ...(stage.command && { command: stage.command }),
  cpuMillis: millicores(stage.cpu ?? CPU),
  memoryMb: Math.ceil(mebibytes(stage.memory ?? MEMORY_MB)),
  ...(stage.gpu !== undefined && { gpus: stage.gpu }),
  ...(stage.podPatch !== undefined && { podPatch: stage.podPatch }),
  ...(stage.pullSecret !== undefined && { pullSecret: stage.pullSecret }),
  ...(stage.batch !== undefined && stage.batch > 1 && { batch: stage.batch }),
  ...(stage.finishedBy === "callback" && { finishedBy: "callback" }),
});

/** Seconds for one token. */
export const timeoutOf = (stage: Stage): number =>
  Math.ceil(seconds(stage.timeout ?? TIMEOUTS[kindOf(stage) ?? "handler"]));

/** Seconds for an invocation: of the work itself, or of dispatching it. */
export const functionTimeoutOf = (stage: Stage, dispatching: number): number =>
  outlastsInvocation(stage) ? dispatching : timeoutOf(stage) + LIGHT_OVERHEAD_SECONDS;
