import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { type BuildOptions, build, type Metafile } from "esbuild";
import type { PipelinePlan, Plan, StagePlan } from "../../lib/plan/plan.ts";

/**
 * The code of all functions, in one folder that they share: handlers, the users' stages, and the plan.
 *
 *   functions/NAME.mjs · chunks/… · light/… · plan.json · pipelines/ID/… (a definition's folder, its stages bundled)
 */
export interface Code {
  readonly directory: string;
  /** What esbuild says of the light functions, and of the rest. */
  readonly light: Metafile;
  readonly rest: Metafile;
}

/** Where Lambda unpacks the code. */
const TASK_ROOT = "/var/task";
export const PLAN_PATH = `${TASK_ROOT}/plan.json`;
export const pipelineDirectory = (pipeline: string): string => `${TASK_ROOT}/pipelines/${pipeline}`;

const ROOT = resolve(import.meta.dirname, "../..");

/**
 * What runs for every token is bundled by itself. A chunk holds all that any entry of its build uses of a module: together
 * with the API, which uses all of zod, and the users' stages, a light stage would load 56 KB more.
 */
export const LIGHT_FUNCTIONS = ["stage", "ingest"];
export const OTHER_FUNCTIONS = ["api", "callback", "dispatch", "dispatch-image", "sweep", "archive"];

const OPTIONS = {
  absWorkingDir: ROOT,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node24",
  // Packages' ES modules: a quarter to a third smaller than what "main" leads to.
  mainFields: ["module", "main"],
  minify: true,
  outExtension: { ".js": ".mjs" },
  chunkNames: "chunks/[hash]",
  metafile: true,
  legalComments: "none",
  logLevel: "warning",
  // What is CommonJS among the packages asks for Node's own modules by require.
  banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
} satisfies BuildOptions;

/**
 * A stage's stack stands in the error bucket and is read by people. Maps of what is loaded for every token would cost 12 ms
 * of each start.
 */
const WITH_MAPS = { sourcemap: "linked", sourcesContent: false } satisfies BuildOptions;

/** Makes the folder anew. @throws esbuild's BuildFailure, which names the file and the line */
export async function bundle(plan: Plan, directory: string): Promise<Code> {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  for (const pipeline of plan.pipelines) copyPrograms(pipeline, directory);
  const [light, rest] = await Promise.all([
    build({ ...OPTIONS, outdir: directory, entryPoints: functionEntries(LIGHT_FUNCTIONS) }),
    build({
      ...OPTIONS,
      ...WITH_MAPS,
      outdir: directory,
      entryPoints: [...functionEntries(OTHER_FUNCTIONS), ...plan.pipelines.flatMap(stageEntries)],
    }),
  ]);
  writeFileSync(join(directory, basename(PLAN_PATH)), JSON.stringify(deployed(plan)));
  return { directory, light: light.metafile, rest: rest.metafile };
}

interface Entry {
  readonly in: string;
  readonly out: string;
}

const functionEntries = (names: readonly string[]): Entry[] =>
  names.map((name) => ({ in: join(ROOT, "functions", `${name}.ts`), out: `functions/${name}` }));

const handlerOf = ({ work }: StagePlan): string | undefined =>
  work.kind === "handler" ? work.handler : undefined;

/** Stages may share a module; it is one entry. */
function stageEntries({ id, file, stages }: PipelinePlan): Entry[] {
  const handlers = new Set(stages.map(handlerOf).filter((handler) => handler !== undefined));
  return [...handlers].map((handler) => ({
    in: join(dirname(file), handler),
    out: join("pipelines", id, handler.replace(/\.ts$/, "")),
  }));
}

/** A stage that is a program finds its definition's folder as it is, without packages and hidden files. */
function copyPrograms({ id, file, stages }: PipelinePlan, directory: string): void {
  if (!stages.some(({ work }) => work.kind === "command")) return;
  cpSync(dirname(file), join(directory, "pipelines", id), {
    recursive: true,
    filter: (path) => !/^(node_modules|\..+)$/.test(basename(path)) || path === dirname(file),
  });
}

/** The plan as the functions read it: nothing of this machine, and the stages under the names of their bundles. */
const deployed = (plan: Plan): Plan => ({
  ...plan,
  pipelines: plan.pipelines.map((pipeline) => ({
    ...pipeline,
    file: join("pipelines", pipeline.id, basename(pipeline.file)),
    stages: pipeline.stages.map((stage) => ({
      ...stage,
      work:
        stage.work.kind === "handler"
          ? { ...stage.work, handler: stage.work.handler.replace(/\.ts$/, ".mjs") }
          : stage.work,
    })),
  })),
});

/** What an entry loads before its handler is called: its own bytes and those of every chunk that it imports, in full. */
export function loadedBy({ outputs }: Metafile, entry: string): { bytes: number; modules: Set<string> } {
  const start = Object.keys(outputs).find((file) => file.endsWith(`/${entry}.mjs`));
  if (start === undefined) throw new Error(`${entry} was not bundled`);
  const seen = new Set<string>();
  const modules = new Set<string>();
  let bytes = 0;
  for (const queue = [start]; queue.length > 0; ) {
    const file = queue.pop() ?? "";
    const output = outputs[file];
    if (seen.has(file) || !output) continue;
    seen.add(file);
    bytes += output.bytes;
    for (const module of Object.keys(output.inputs)) modules.add(module);
    for (const { path, kind } of output.imports) if (kind === "import-statement") queue.push(path);
  }
  return { bytes, modules };
}
