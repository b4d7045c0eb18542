import { createHash } from "node:crypto";
import { isNested } from "../../lib/plan/nesting.ts";
import type { PipelinePlan } from "../../lib/plan/plan.ts";
import type { Options } from "./options.ts";

/**
 * Which nested stack a stage belongs to follows from its name alone: were it its place in the definition, one more stage
 * would move others into another stack. For the same reason the number of stacks is fixed; those without stages are not
 * made.
 */
const CHUNKS = 32;

/** Where a stage is deployed: a nested stack's number, or undefined when the pipeline's own stack holds everything. */
export function chunkOf(
  pipeline: PipelinePlan,
  stage: string,
  { nested }: Pick<Options, "nested">,
): number | undefined {
  if (!isNested(pipeline, nested)) return undefined;
  return createHash("sha256").update(stage).digest().readUInt32BE() % CHUNKS;
}
