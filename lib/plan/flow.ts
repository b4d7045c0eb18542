import type { EdgePlan, PipelinePlan } from "./plan.ts";

/**
 * How many tokens reach each stage for each one that arrives, when every stage puts out one for each: arrivals are spread
 * evenly over the inputs, a stage that copies sends one to every edge, one that routes spreads them evenly.
 */
export function tokensAtStages(pipeline: PipelinePlan): ReadonlyMap<string, number> {
  const edges = new Map(pipeline.edges.map((edge) => [edge.id, edge]));
  const stages = new Map(pipeline.stages.map((stage) => [stage.name, stage]));
  const tokens = new Map(pipeline.stages.map(({ name }) => [name, 0]));
  const add = (edge: EdgePlan | undefined, count: number): void => {
    if (edge) tokens.set(edge.to, (tokens.get(edge.to) ?? 0) + count);
  };
  for (const { edge } of pipeline.inputs) add(edges.get(edge), 1 / pipeline.inputs.length);
  for (const name of inOrder(pipeline)) {
    const { out, fanout } = stages.get(name) ?? { out: [], fanout: "copy" };
    const share = fanout === "copy" ? 1 : 1 / out.length;
    for (const id of out) add(edges.get(id), (tokens.get(name) ?? 0) * share);
  }
  return tokens;
}

/** Every stage after all that lead to it. A definition has no cycle. */
function inOrder({ stages, edges }: PipelinePlan): string[] {
  const targets = new Map(edges.map(({ id, to }) => [id, to]));
  const missing = new Map(stages.map(({ name }) => [name, 0]));
  const next = (out: readonly string[]): string[] => out.flatMap((id) => targets.get(id) ?? []);
  for (const { out } of stages) for (const to of next(out)) missing.set(to, (missing.get(to) ?? 0) + 1);
  const outOf = new Map(stages.map(({ name, out }) => [name, out]));
  const ready = stages.map(({ name }) => name).filter((name) => missing.get(name) === 0);
  // A list that grows while it is walked.
  for (const name of ready) {
    for (const to of next(outOf.get(name) ?? [])) {
      const left = (missing.get(to) ?? 0) - 1;
      missing.set(to, left);
      if (left === 0) ready.push(to);
    }
  }
  return ready;
}
