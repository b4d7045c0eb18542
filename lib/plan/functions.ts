import type { FunctionPlan, PipelinePlan, QueuePlan, StagePlan, StageWork } from "./plan.ts";

/** A function that queues feed, as both realisers of a plan make it. */
export interface FedFunction {
  /** Its file in `functions/`. */
  readonly module: string;
  readonly plan: FunctionPlan;
  /** What it finds in its environment beside what every function does. */
  readonly variables: Readonly<Record<string, string>>;
  /** Each feeds it by batches, and its dead-letter queue message by message. */
  readonly queues: readonly QueuePlan[];
  /** Absent for a function of the whole pipeline. */
  readonly stage?: string;
}

/** Where the work outlasts an invocation, the function only sees to it that it is done. */
const MODULES: Readonly<Record<StageWork["kind"], string>> = {
  handler: "stage",
  command: "stage",
  external: "dispatch",
  image: "dispatch-image",
};

export const outlasts = ({ work }: StagePlan): boolean => MODULES[work.kind] !== "stage";

/** From a dead-letter queue every message is taken alone: it may be what killed the function. */
export const DEAD_BATCH = 1;

/**
 * The functions of a pipeline, and the queues that feed them.
 *
 * @param directory that the definition's paths are relative to, where the functions run
 */
export function functionsOf(pipeline: PipelinePlan, directory: string): FedFunction[] {
  const ingest: FedFunction = {
    module: "ingest",
    plan: pipeline.ingest,
    variables: { MILLRACE_PIPELINE: pipeline.id },
    queues: [pipeline.intake],
  };
  const stages = pipeline.stages.map(
    (stage): FedFunction => ({
      module: MODULES[stage.work.kind],
      stage: stage.name,
      plan: stage.function,
      variables: {
        // An image finds it in its pod.
        ...(stage.work.kind !== "image" && stage.env),
        MILLRACE_PIPELINE: pipeline.id,
        MILLRACE_STAGE: stage.name,
        MILLRACE_DIRECTORY: directory,
      },
      queues: pipeline.edges.filter(({ to }) => to === stage.name).map(({ queue }) => queue),
    }),
  );
  return [ingest, ...stages];
}
