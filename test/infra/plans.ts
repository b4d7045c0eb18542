import { loadDefinition } from "../../lib/definition/load.ts";
import { makePlan, type Plan } from "../../lib/plan/plan.ts";

/** A plan of definitions that are given as text. */
export const planOf = (...texts: readonly string[]): Plan =>
  makePlan(
    texts.map((text) => {
      const loaded = loadDefinition(text, "/srv/pipeline.yaml", () => true);
      if (loaded.ok) return loaded.definition;
      throw new Error(loaded.defects.map(({ message }) => message).join("\n"));
    }),
  );

/** A pipeline of stages in a row, with an edge more than it has pairs of neighbours: that of its input. */
export const chain = (id: string, stages: readonly string[]): string =>
  JSON.stringify({
    id,
    inputs: { in: { to: stages[0] } },
    stages: Object.fromEntries(stages.map((name) => [name, { handler: `./${name}.ts` }])),
    edges: stages.slice(1).map((to, index) => ({ from: stages[index], to })),
  });

export const numbered = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `s${String(index).padStart(3, "0")}`);

/** Two pipelines with all that a template can have today. */
export const EXAMPLES = [
  `
id: books
inputs:
  scans: { s3: { prefix: scans/, suffix: .tgz }, to: split }
  notes: { s3: { prefix: "notes/*/" }, to: read }
stages:
  split: { handler: ./split.ts, timeout: 2m, memory: 1024, batch: 5, secrets: [gpg] }
  read: { command: [node, read.mjs], concurrency: 7, env: { MODE: fast } }
  store: { handler: ./store.ts, timeout: 885s }
  bind: { external: true }
edges:
  - { from: split, to: store, maxAttempts: 2 }
  - { from: read, to: store }
  - { from: store, to: bind }
`,
  "{ id: bells, inputs: { in: { to: ring } }, stages: { ring: { handler: ./ring.ts } } }",
];
