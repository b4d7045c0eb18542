import { createHash } from "node:crypto";
import type { PipelinePlan } from "../../lib/plan/plan.ts";
import type { Options } from "./options.ts";

/**
 * CloudFormation takes 500 resources in a template. An edge with its stage is eight, so that a pipeline of more than fifty
 * edges is spread over nested stacks. Which one a stage belongs to follows from its name alone: were it its place in the
 * definition, one more stage would move others into another stack, which would make their queues before the old ones are
 * deleted, and fail because of their names. For the same reason the number of stacks is fixed; those without stages are
 * not made.
 */
const EDGES_IN_ONE_STACK = 50;
const CHUNKS = 32;

/** Where a stage is deployed: a nested stack's number, or undefined when the pipeline's own stack holds everything. */
export function chunkOf(
  pipeline: PipelinePlan,
  stage: string,
  { nested }: Pick<Options, "nested">,
): number | undefined {
  if (!nested && pipeline.edges.length <= EDGES_IN_ONE_STACK) return undefined;
  return createHash("sha256").update(stage).digest().readUInt32BE() % CHUNKS;
}
