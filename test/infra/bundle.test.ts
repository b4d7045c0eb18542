import { readFileSync } from "node:fs";
import { join } from "node:path";
import { stop } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bundle, type Code, LIGHT_FUNCTIONS, loadedBy, OTHER_FUNCTIONS } from "../../infra/aws/bundle.ts";
import { requireDefinitions } from "../../lib/definition/files.ts";
import { makePlan, type Plan } from "../../lib/plan/plan.ts";
import { temporaryFolder } from "./stacks.ts";

/** Budgets of what functions load; `npm run size` prints the figures, CPU time among them. */

const ROOT = join(import.meta.dirname, "../..");
const plan = makePlan(requireDefinitions([join(ROOT, "pipelines/scans")]));
let code: Code;

beforeAll(async () => {
  code = await bundle(plan, temporaryFolder());
});
afterAll(stop);

const modulesOf = (name: string): string[] => [
  ...loadedBy(LIGHT_FUNCTIONS.includes(name) ? code.light : code.rest, `functions/${name}`).modules,
];

/** Modules that no function may load before it needs them. */
const HEAVY = [
  ["the Kubernetes client", /\/@kubernetes\//],
  ["a language of zod's but English", /\/zod\/v4\/locales\/(?!(en|index)\.js)/],
  ["the users' stages", /^pipelines\//],
] as const;

/** What has a way to the cluster. */
const IN_CLUSTER: readonly string[] = ["dispatch-image", "sweep"];

test.for(["stage", "ingest"])("%s loads at most 350 KB before it is called", (name) => {
  expect(loadedBy(code.light, `functions/${name}`).bytes).toBeLessThanOrEqual(350_000);
  const modules = modulesOf(name);
  expect(
    modules.filter((file) => /\/(client-s3|lib-storage|zod\/v4\/classic|client-eventbridge)\//.test(file)),
  ).toEqual([]);
  expect(modules.filter((file) => file.endsWith("secrets-manager.aws.ts"))).toEqual([]);
});

test.for([...LIGHT_FUNCTIONS, ...OTHER_FUNCTIONS])("%s loads nothing heavy before it is called", (name) => {
  const modules = modulesOf(name);
  const mayLoad = IN_CLUSTER.includes(name) ? ["the Kubernetes client"] : [];
  for (const [what, pattern] of HEAVY.filter(([each]) => !mayLoad.includes(each)))
    expect(
      modules.filter((file) => pattern.test(file)),
      what,
    ).toEqual([]);
  // There is something that could have been heavy.
  expect(modules).toContain(`functions/${name}.ts`);
  expect(modules.length).toBeGreaterThan(100);
});

test("the plan in the code knows nothing of this machine, and the stages by the names of their bundles", () => {
  const shipped = JSON.parse(readFileSync(join(code.directory, "plan.json"), "utf8")) as Plan;
  const [scans] = shipped.pipelines;
  expect(scans?.file).toBe("pipelines/scans/pipeline.yaml");
  expect(scans?.stages.map(({ work }) => work.kind === "handler" && work.handler)).toEqual([
    "./stages/decrypt.mjs",
    "./stages/extract.mjs",
    "./stages/modify.mjs",
    "./stages/upload.mjs",
  ]);
  expect(readFileSync(join(code.directory, "plan.json"), "utf8")).not.toContain(ROOT);
});

test("the same sources make the same code: a deployment without a change uploads nothing", async () => {
  const again = await bundle(plan, temporaryFolder());
  const hashes = ({ light, rest }: Code): string[] =>
    [light, rest]
      .flatMap(({ outputs }) => Object.keys(outputs).map((file) => file.split("/").at(-1) ?? ""))
      .sort();
  expect(hashes(again)).toEqual(hashes(code));
});
