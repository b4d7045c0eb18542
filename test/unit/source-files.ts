import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize, resolve } from "node:path";

export interface SourceFile {
  /** From the repository's root, with `/`. */
  readonly path: string;
  readonly text: string;
  /** Its lines without comments and without the content of texts: what is left to be read as code. */
  readonly code: string;
  readonly imports: readonly Import[];
}

export interface Import {
  /** As it is written. */
  readonly target: string;
  /** The file that a relative import leads to, from the root; absent for a package. */
  readonly file?: string;
}

const ROOT = resolve(import.meta.dirname, "../..");

/** Every file of ours that Node runs. */
export const sourceFiles = (): SourceFile[] =>
  globSync("{lib,functions,infra,pipelines,test}/**/*.{ts,mjs}", { cwd: ROOT }).map((path) => {
    const text = readFileSync(join(ROOT, path), "utf8");
    return { path, text, code: codeOf(text), imports: importsOf(path, text) };
  });

/** Comments and texts, whichever begins first. */
const NOT_CODE = /\/\*[\s\S]*?\*\/|\/\/.*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g;

/** A text of which only the code is left; the rest is blank. */
export const codeOf = (text: string): string =>
  text.replace(NOT_CODE, (piece) => piece.replace(/[^\n]/g, " "));

/** `import … from "x"`, `export … from "x"`, `import "x"` and `import("x")`, each at the beginning of its statement. */
const IMPORT =
  /^\s*(?:import|export)\b[^"';]*?\bfrom\s*"([^"]+)"|^\s*import\s*"([^"]+)"|\bimport\(\s*"([^"]+)"/gm;

export const importsOf = (path: string, text: string): Import[] =>
  [...withoutComments(text).matchAll(IMPORT)].map(([, from, bare, dynamic]) => {
    const target = from ?? bare ?? dynamic ?? "";
    return target.startsWith(".") ? { target, file: normalize(join(dirname(path), target)) } : { target };
  });

const withoutComments = (text: string): string =>
  text.replace(NOT_CODE, (piece) => (/^\/[*/]/.test(piece) ? "" : piece));
