import type { PipelinePlan, Plan } from "./plan.ts";
import type { QueueFacts } from "./template-facts.ts";

/**
 * Which pipelines are spread over nested stacks. CloudFormation takes 500 resources in a template
 * (docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html), and an edge with its stage is eight.
 * A pipeline that moves from one way to the other cannot be deployed: the queues of the new template are made before those
 * of the old one are deleted, and their names are taken.
 */
export const EDGES_IN_ONE_STACK = 50;

/** From here on a pipeline is likely to grow beyond that. */
export const MANY_EDGES = 40;

/** Pipelines that are nested whatever their size: all, or those of some ids. */
export type Nested = boolean | readonly string[];

export const isNested = ({ id, edges }: Pick<PipelinePlan, "id" | "edges">, nested: Nested): boolean =>
  edges.length > EDGES_IN_ONE_STACK || (typeof nested === "boolean" ? nested : nested.includes(id));

/** Why a deployed pipeline would be moved. */
export interface StackMove {
  readonly pipeline: string;
  /** It cannot be deployed as it is; otherwise it depends on an option. */
  readonly fails: boolean;
  readonly why: string;
  readonly hint: string;
}

/** @param queues as they are deployed, each with the kind of stack that it is in */
export const stackMoves = (
  queues: readonly (Pick<QueueFacts, "pipeline" | "role"> & { readonly isNested: boolean })[],
  { pipelines }: Pick<Plan, "pipelines">,
): StackMove[] =>
  pipelines.flatMap(({ id, edges }): StackMove[] => {
    // That of the intake is in the pipeline's own stack in any case.
    const own = queues.filter(({ pipeline, role }) => pipeline === id && role === "edge");
    if (own.some((queue) => !queue.isNested) && edges.length > EDGES_IN_ONE_STACK) {
      const why = `it has ${edges.length} edges now, and beyond ${EDGES_IN_ONE_STACK} they are made in nested stacks, where their names are taken: deploying it fails, and is rolled back`;
      const hint = `keep to ${EDGES_IN_ONE_STACK} edges; or deploy it under another id beside this one, until this one is empty`;
      return [{ pipeline: id, fails: true, why, hint }];
    }
    if (own.some((queue) => queue.isNested) && edges.length <= EDGES_IN_ONE_STACK) {
      const why = "it is deployed in nested stacks";
      return [{ pipeline: id, fails: false, why, hint: `deploy it with -c nested=${id}, as before` }];
    }
    return [];
  });
