import type { Pipeline } from "../definition/schema.ts";

/** A queue that a definition needs: from a stage, or from whatever arrives (then `from` is empty). */
export interface Wiring {
  readonly from: string;
  readonly to: string;
  readonly maxAttempts: number | undefined;
  readonly retired?: boolean | undefined;
}

/** Inputs that lead to one stage share a queue: the first of them decides how often its tokens are tried. */
export function wiringOf(pipeline: Pipeline): Wiring[] {
  const inputs = new Map<string, Wiring>();
  for (const { to, maxAttempts } of Object.values(pipeline.inputs)) {
    if (!inputs.has(to)) inputs.set(to, { from: "", to, maxAttempts });
  }
  return [
    ...inputs.values(),
    ...pipeline.edges.map(({ from, to, maxAttempts, retired }) => ({ from, to, maxAttempts, retired })),
  ];
}
