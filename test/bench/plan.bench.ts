import { test } from "vitest";
import { loadDefinition } from "../../lib/definition/load.ts";
import { changeOf } from "../../lib/plan/change.ts";
import { makePlan } from "../../lib/plan/plan.ts";
import { priceOf } from "../../lib/plan/price.ts";
import { templateFacts } from "../../lib/plan/template-facts.ts";
import { loaded } from "../unit/definition/loading.ts";
import { templateOf } from "../unit/plan/template-of.ts";

/**
 * What a definition of a thousand edges costs: `validate` and `plan` together are to stay within a second.
 * Run by `npx vitest bench --project "unit (bench)" test/bench/plan.bench.ts`.
 */

const STAGES = 502;
const EDGES = 1000;

const stages = Array.from({ length: STAGES }, (_, index) => `stage-${index}`);
const edgesOver = (steps: number): string[] =>
  stages.slice(steps).map((to, index) => `  - { from: stage-${index}, to: ${to} }`);
/** A row of stages with an edge to the next and to the one after the next. */
const text = [
  "id: large",
  "inputs: { in: { to: stage-0 } }",
  "stages:",
  ...stages.map((name) => `  ${name}: { handler: ./stages/${name}.ts, timeout: 2m, env: { MODE: fast } }`),
  "edges:",
  ...[...edgesOver(1), ...edgesOver(2)].slice(0, EDGES),
].join("\n");
/** Every edge leads nowhere, and every stage has an unknown key. */
const broken = text.replaceAll(", to: stage-", ", to: stagee-").replaceAll("timeout", "tiemout");

const validate = (source: string) => loadDefinition(source, "pipeline.yaml", () => true);
const definition = loaded(text);
const plan = makePlan([definition]);
const template = templateOf(plan);

const MEASURED: Readonly<Record<string, () => unknown>> = {
  "validate and plan": () => {
    const result = validate(text);
    return result.ok && makePlan([result.definition]);
  },
  "validate, with a defect on each line": () => validate(broken),
  plan: () => makePlan([definition]),
  price: () => priceOf(plan),
  "against a template": () => changeOf(templateFacts(template, "millrace"), plan, true),
};

test.for(Object.entries(MEASURED))(
  `${definition.pipeline.edges.length} edges: %s`,
  async ([name, run], { bench }) => {
    await bench(name, () => void run()).run({ iterations: 5, time: 0, warmupIterations: 1, warmupTime: 0 });
  },
);
