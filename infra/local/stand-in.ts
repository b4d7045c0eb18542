import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parse } from "yaml";
import * as z from "zod";
import type { Definition } from "../../lib/definition/load.ts";
import { LIGHT_TIMEOUT_MAX, type Stage } from "../../lib/definition/schema.ts";
import { seconds } from "../../lib/definition/units.ts";
import { MillraceError } from "../../lib/errors.ts";
import type { Plan } from "../../lib/plan/plan.ts";

/**
 * A laptop without containers cannot run an image. A `local.yaml` beside the definition says which program stands in for
 * which image, in a pod of the local cluster (`program`) or in a function (`command`); the definition itself stays what it is.
 */
const FILE_NAME = "local.yaml";

const Words = z.array(z.string()).min(1);
const LocalFile = z.strictObject({
  images: z.record(
    z.string(),
    z.union([
      /** Runs in a function, as a stage with `command` does. */
      z.strictObject({ command: Words }),
      /** Runs in a pod of the local cluster, in place of the image's own program; the stage's `command` follows it. */
      z.strictObject({ program: Words }),
    ]),
  ),
});

/** @throws MillraceError when an image has no stand-in, naming the file that could say one */
export function withStandIns(definition: Definition): Definition {
  const stages = Object.entries(definition.pipeline.stages);
  if (stages.every(([, stage]) => stage.image === undefined)) return definition;
  const file = join(dirname(definition.file), FILE_NAME);
  const { images } = readLocalFile(file);
  const replaced = stages.map(([name, stage]): [string, Stage] => [name, standIn(name, stage, images, file)]);
  return { ...definition, pipeline: { ...definition.pipeline, stages: Object.fromEntries(replaced) } };
}

function standIn(
  name: string,
  stage: Stage,
  images: z.infer<typeof LocalFile>["images"],
  file: string,
): Stage {
  if (stage.image === undefined) return stage;
  const local = images[stage.image];
  if (local && "program" in local) return stage;
  if (!local) {
    throw new MillraceError(
      "no-stand-in",
      `the stage "${name}" runs the image "${stage.image}", and there are no containers on this machine`,
      {
        hint: `say in ${file} what stands in for it here:\n  images:\n    ${stage.image}:\n      program: [node, $MILLRACE_STAGE_DIRECTORY/stages/${name}.ts]`,
      },
    );
  }
  const {
    image: _image,
    pullSecret: _pullSecret,
    podPatch: _podPatch,
    memory: _memory,
    cpu: _cpu,
    gpu: _gpu,
    concurrency: _concurrency,
    ...rest
  } = stage;
  const timeout =
    stage.timeout !== undefined && seconds(stage.timeout) <= LIGHT_TIMEOUT_MAX
      ? stage.timeout
      : `${LIGHT_TIMEOUT_MAX}s`;
  return { ...rest, timeout, command: local.command };
}

function readLocalFile(file: string): z.infer<typeof LocalFile> {
  if (!existsSync(file)) return { images: {} };
  const result = LocalFile.safeParse(parse(readFileSync(file, "utf8")));
  if (result.success) return result.data;
  throw new MillraceError(
    "local-file",
    `${file} is not what it should be:\n${z.prettifyError(result.error)}`,
  );
}

/** Which programs stand in for the images of a plan, each with its words. */
export function standInPrograms(plan: Plan): ReadonlyMap<string, readonly string[]> {
  const programs = plan.pipelines.flatMap(({ file, stages }) => {
    if (!stages.some(({ work }) => work.kind === "image")) return [];
    const folder = dirname(resolve(file));
    return Object.entries(readLocalFile(join(folder, FILE_NAME)).images).flatMap(
      ([image, local]): [string, string[]][] =>
        "program" in local
          ? [[image, local.program.map((word) => word.replaceAll("$MILLRACE_STAGE_DIRECTORY", folder))]]
          : [],
    );
  });
  return new Map(programs);
}
