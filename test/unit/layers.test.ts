import { expect, test } from "vitest";
import { codeOf, type Import, importsOf, type SourceFile, sourceFiles } from "./source-files.ts";

/** Where a file stands: who may import whom follows from it. The first pattern that fits counts. */
const LAYERS = [
  ["data", /\.json$/],
  ["definitions", /^(test\/local\/)?pipelines\//],
  ["adapters", /^lib\/.*\.(aws|k8s)\.ts$/],
  ["core", /^lib\//],
  ["assembly", /^functions\/assembly\//],
  ["functions", /^functions\//],
  ["aws", /^infra\/(aws\/|app\.ts$|[^/]*-stack\.ts$)/],
  ["infra", /^infra\//],
  ["test", /^test\//],
] as const satisfies [string, RegExp][];
type Layer = (typeof LAYERS)[number][0];

/**
 * Whatever is absent is forbidden. Functions do not import each other: what several are put together of is an assembly.
 * Definitions keep to their own folder.
 */
const MAY: Record<Layer, readonly Layer[]> = {
  core: ["core"],
  adapters: ["core", "adapters"],
  assembly: ["core", "adapters", "assembly"],
  functions: ["core", "adapters", "assembly"],
  // A handler's file is named by its path, never imported.
  aws: ["core", "aws"],
  infra: ["core", "adapters", "functions", "infra", "data"],
  test: ["core", "adapters", "functions", "infra", "aws", "test", "definitions", "data"],
  definitions: [],
  data: [],
};

const SDK = /^@(aws-sdk|smithy|kubernetes)\//;
const CDK = /^(aws-cdk-lib|constructs|cdk-nag)(\/|$)/;
const MAY_NOT_USE: Partial<Record<Layer, readonly RegExp[]>> = {
  core: [SDK, CDK, /^@middy\//, /^millrace(\/|$)/],
  adapters: [CDK, /^@middy\//, /^millrace(\/|$)/],
  assembly: [CDK, /^@middy\//, /^millrace(\/|$)/],
  functions: [CDK, /^millrace(\/|$)/],
  aws: [SDK],
  infra: [CDK],
};

const layerOf = (path: string): Layer | undefined => LAYERS.find(([, pattern]) => pattern.test(path))?.[0];

/** `lib/job`, `pipelines/scans`: what belongs together. */
const folderOf = (path: string): string => /^(test\/local\/pipelines|[^/]+)\/[^/]+/.exec(path)?.[0] ?? path;

/** Why an import is not allowed, if it is not. */
function objection(from: string, { target, file }: Import): string | undefined {
  const layer = layerOf(from);
  if (!layer) return "its file belongs to no layer";
  if (file === undefined) {
    return MAY_NOT_USE[layer]?.some((pattern) => pattern.test(target))
      ? `${layer} may not use ${target}`
      : undefined;
  }
  const to = layerOf(file);
  const isNear = folderOf(from) === folderOf(file);
  if (layer === "definitions" && to === "definitions" && isNear) return undefined;
  if (!to || !MAY[layer].includes(to)) return `${layer} may not import ${to ?? file}`;
  // Two adapters know each other only as parts of one feature.
  if (layer === "adapters" && to === "adapters" && !isNear) return "an adapter of another feature";
  return undefined;
}

const FILES = sourceFiles();
const PRODUCT = FILES.filter(({ path }) => /^(lib|functions|infra)\//.test(path));

/** Lines of code that a pattern fits, as `path:line`. */
const places = (files: readonly SourceFile[], pattern: RegExp): string[] =>
  files.flatMap(({ path, code }) =>
    code.split("\n").flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}`] : [])),
  );

test("imports lead down the layers, never up or across", () => {
  const objections = FILES.flatMap(({ path, imports }) =>
    imports.flatMap((each) => {
      const reason = objection(path, each);
      return reason === undefined ? [] : [`${path} imports ${each.target}: ${reason}`];
    }),
  );
  expect(objections).toEqual([]);
});

test("there is something to look at in every layer that exists", () => {
  expect(FILES.length).toBeGreaterThan(150);
  for (const layer of ["core", "adapters", "assembly", "functions", "infra", "test", "definitions"]) {
    const files = FILES.filter(({ path }) => layerOf(path) === layer);
    expect(files.flatMap(({ imports }) => imports).length, layer).toBeGreaterThan(0);
  }
});

test.for([
  ["lib/stage/light.ts", 'import { S3Client } from "@aws-sdk/client-s3";'],
  ["lib/stage/light.ts", 'import type { S3Client } from "@aws-sdk/client-s3";'],
  ["lib/stage/light.ts", 'import { jobStore } from "../job/store.aws.ts";'],
  ["lib/stage/light.ts", 'import {\n  jobStore,\n} from "../job/store.aws.ts";'],
  ["lib/stage/light.ts", 'export { start } from "../../infra/local/runtime.ts";'],
  ["lib/stage/light.ts", 'const { start } = await import("../../infra/local/runtime.ts");'],
  ["lib/stage/light.ts", 'import { handler } from "../../functions/stage.ts";'],
  ["lib/stage/light.ts", 'import { VirtualClock } from "../../test/virtual-clock.ts";'],
  ["lib/job/store.aws.ts", 'import { objectStore } from "../token/objects.aws.ts";'],
  ["functions/stage.ts", 'import { handler } from "./ingest.ts";'],
  ["functions/stage.ts", 'import "../infra/local/runtime.ts";'],
  ["functions/stage.ts", 'import { App } from "aws-cdk-lib";'],
  ["infra/aws/pipeline-stack.ts", 'import { handler } from "../../functions/stage.ts";'],
  ["infra/local/runtime.ts", 'import { Queue } from "aws-cdk-lib/aws-sqs";'],
  ["pipelines/scans/stages/split.ts", 'import { stage } from "../../../lib/stage/stage.ts";'],
  ["pipelines/scans/stages/split.ts", 'import { count } from "../../validate/nodes/count.ts";'],
] as const)("in %s, %s is not allowed", ([path, text]) => {
  expect(importsOf(path, text).map((each) => objection(path, each))).toEqual([expect.any(String)]);
});

test.for([
  ["lib/stage/light.ts", 'import { systemClock } from "../clock.ts";'],
  ["lib/job/queries.aws.ts", 'import { recordOf } from "./store.aws.ts";'],
  ["functions/stage.ts", 'import { jobStore } from "../lib/job/store.aws.ts";'],
  ["infra/local/runtime.ts", 'import { handler } from "../../functions/api.ts";'],
  ["pipelines/scans/stages/split.ts", 'import { stage } from "millrace";'],
  ["pipelines/scans/stages/split.ts", 'import { BOOKS } from "../books.ts";'],
] as const)("in %s, %s is", ([path, text]) => {
  expect(importsOf(path, text).map((each) => objection(path, each))).toEqual([undefined]);
});

test("comments and texts are no code", () => {
  const text = `/* Date.now() */ const a = "Date.now()"; // Date.now()\nconst b = Date.now() + 'it\\'s';`;
  expect(codeOf(text)).toMatch(/^ +const a = +; +\nconst b = Date\.now\(\) \+ +;$/);
});

test("nothing is a default export, but for what a definition names by its file", () => {
  const files = FILES.filter(({ path }) => layerOf(path) !== "definitions");
  expect(places(files, /^\s*export\s+default\b|\bas\s+default\b/)).toEqual([]);
});

test("time and chance come in as parameters: lib asks the clock, and nobody else, but for a program of others", () => {
  const lib = FILES.filter(
    ({ path }) => path.startsWith("lib/") && path !== "lib/clock.ts" && path !== "lib/client/surroundings.ts",
  );
  const pattern =
    /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\b(setTimeout|setInterval|setImmediate)\b|\brandomUUID\b|\bperformance\.now\b/;
  expect(places(lib, pattern)).toEqual([]);
});

test("a file can be read in one sitting: three hundred lines", () => {
  const lengths = PRODUCT.map(({ path, text }) => ({ path, lines: text.split("\n").length - 1 }));
  expect(lengths.filter(({ lines }) => lines > 300)).toEqual([]);
});
