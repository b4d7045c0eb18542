import { MillraceError } from "../errors.ts";
import type { EdgePlan, PipelinePlan, Plan, StagePlan } from "./plan.ts";

/** Look-ups in a plan. What is absent is an error of the caller's: it says what there is. */

export function pipelineOf(plan: Plan, id: string): PipelinePlan {
  return found(
    plan.pipelines.find((pipeline) => pipeline.id === id),
    "pipeline",
    id,
    plan.pipelines.map((pipeline) => pipeline.id),
  );
}

export function stageOf(pipeline: PipelinePlan, name: string): StagePlan {
  return found(
    pipeline.stages.find((stage) => stage.name === name),
    "stage",
    name,
    pipeline.stages.map((stage) => stage.name),
  );
}

export function edgeOf(pipeline: PipelinePlan, id: string): EdgePlan {
  return found(
    pipeline.edges.find((edge) => edge.id === id),
    "edge",
    id,
    pipeline.edges.map((edge) => edge.id),
  );
}

/** By what people call it: `start-last`, or one of its lists (`start-last-work`, `-claimed`, `-error`). */
export function edgeNamed(pipeline: PipelinePlan, name: string): EdgePlan {
  const edge =
    pipeline.edges.find((candidate) => candidate.name === name) ??
    pipeline.edges.find(({ views }) => Object.values(views).includes(name));
  return found(
    edge,
    "edge",
    name,
    pipeline.edges.map((edge) => edge.name),
  );
}

function found<T>(thing: T | undefined, kind: string, name: string, known: readonly string[]): T {
  if (thing !== undefined) return thing;
  throw new MillraceError(`unknown-${kind}`, `there is no ${kind} "${name}"`, {
    hint: `there is: ${known.join(", ") || "none"}`,
  });
}
