import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { podAllowIn } from "../cluster/pod-policy.ts";
import { MillraceError } from "../errors.ts";
import type { Defect } from "./document.ts";
import { type Definition, loadDefinition } from "./load.ts";

const FILE_NAMES = ["pipeline.yaml", "pipeline.yml", "pipeline.json"] as const;
const [FILE_NAME] = FILE_NAMES;
export const DEFAULT_PATH = "pipelines";

/**
 * The definitions that a path means: a file; a folder with a `pipeline.yaml`; or a folder of such folders.
 *
 * @throws MillraceError when there is none
 */
export function findDefinitions(paths: readonly string[]): string[] {
  return (paths.length === 0 ? [DEFAULT_PATH] : paths).flatMap((path) => {
    const found = definitionsAt(path);
    if (found.length > 0) return found;
    throw new MillraceError("no-definition", `there is no definition at ${path}`, {
      hint: `give a YAML or JSON file, a folder with a ${FILE_NAME}, or a folder of such folders`,
    });
  });
}

function definitionsAt(path: string): string[] {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  const own = filesIn(path);
  if (own.length > 0) return own;
  return readdirSync(path)
    .sort()
    .flatMap((name) => filesIn(join(path, name)));
}

/** Whether paths mean all pipelines that there are, rather than some of them: folders of such folders, or nothing said. */
export const isCollection = (paths: readonly string[]): boolean =>
  paths.every((path) => existsSync(path) && statSync(path).isDirectory() && filesIn(path).length === 0);

const filesIn = (folder: string): string[] =>
  FILE_NAMES.map((name) => join(folder, name)).filter((file) => existsSync(file));

export interface LoadedAll {
  readonly definitions: readonly Definition[];
  readonly defects: readonly Defect[];
}

/**
 * Reads all of them; what is wrong with any is reported together.
 *
 * @param podAllow rules for pods that they may break
 */
export function loadDefinitions(files: readonly string[], podAllow = podAllowIn(process.env)): LoadedAll {
  const definitions: Definition[] = [];
  const defects: Defect[] = [];
  for (const file of files) {
    const text = readText(file);
    if (typeof text !== "string") {
      defects.push(text);
      continue;
    }
    const fileExists = (path: string): boolean => existsSync(join(dirname(file), path));
    const loaded = loadDefinition(text, shown(file), fileExists, podAllow);
    if (!loaded.ok) defects.push(...loaded.defects);
    else definitions.push({ ...loaded.definition, file: resolve(file) });
  }
  return { definitions, defects: [...defects, ...clashes(definitions)] };
}

/** One file that cannot be read hides nothing of the others. */
function readText(file: string): string | Defect {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(file));
  } catch (error) {
    const why = error instanceof TypeError ? "it is not UTF-8" : (error as Error).message;
    return {
      file: shown(file),
      line: 1,
      column: 1,
      rule: "unreadable",
      message: `cannot be read: ${why}`,
      hint: "a definition is a text file",
    };
  }
}

const shown = (file: string): string => {
  const path = relative(process.cwd(), file);
  return path.startsWith("..") ? file : path;
};

function clashes(definitions: readonly Definition[]): Defect[] {
  return definitions.flatMap(({ pipeline: { id }, file }, index) => {
    const first = definitions.slice(0, index).find((other) => other.pipeline.id === id);
    if (!first) return [];
    const message = `the pipeline "${id}" is defined in ${shown(first.file)} already`;
    return [
      {
        file: shown(file),
        line: 1,
        column: 1,
        rule: "duplicate-pipeline",
        message,
        hint: "give it another id",
      },
    ];
  });
}

/** @throws MillraceError with every defect, when there are any */
export function requireDefinitions(
  paths: readonly string[],
  podAllow?: readonly string[],
): readonly Definition[] {
  const { definitions, defects } = loadDefinitions(findDefinitions(paths), podAllow);
  if (defects.length === 0) return definitions;
  throw new MillraceError("definition", defects.map(defectLine).join("\n"), {
    hint: "millrace validate lists these",
  });
}

export const defectLine = ({ file, line, column, rule, message, hint }: Defect): string =>
  `${file}:${line}:${column}: ${message} [${rule}]\n    ${hint}`;
