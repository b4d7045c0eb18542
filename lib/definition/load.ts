import { type Dialect, kdpDialect } from "./dialects/kdp.ts";
import type { Defect, Finding } from "./document.ts";
import { parseDocument } from "./document.ts";
import { graphOf } from "./graph.ts";
import { ruleFindings } from "./rules.ts";
import { Pipeline } from "./schema.ts";
import { shapeFindings } from "./shape.ts";

export interface Definition {
  readonly pipeline: Pipeline;
  readonly dialect: Dialect["name"];
  /** As it was given to `loadDefinition`. */
  readonly file: string;
}

export type Loaded = { ok: true; definition: Definition } | { ok: false; defects: Defect[] };

const millrace: Dialect = {
  name: "millrace",
  schema: Pipeline,
  canonical: (data) => data,
  source: (path) => path,
  singleRoot: false,
};

/**
 * Reads a definition in any dialect. All that is wrong with it is reported at once: shape and meaning are checked
 * independently, so that a mistyped key does not hide a cycle.
 *
 * @param file its name, for the defects
 * @param fileExists whether a file exists, relative to the definition's folder
 * @param podAllow ids of pod rules that the operator lets definitions break
 */
export function loadDefinition(
  text: string,
  file: string,
  fileExists: (path: string) => boolean,
  podAllow: readonly string[] = [],
): Loaded {
  const document = parseDocument(text);
  const findings: Finding[] = [...document.findings];
  if (document.data !== undefined) {
    const dialect = kdpDialect(document.data) ?? millrace;
    const refusal = dialect.refuse?.(document.data);
    if (refusal) return { ok: false, defects: [document.locate(refusal, file)] };
    const canonical = dialect.canonical(document.data);
    findings.push(...shapeFindings(dialect.schema, document.data), ...(dialect.check?.(document.data) ?? []));
    const context = { fileExists, singleRoot: dialect.singleRoot, podAllow };
    for (const finding of ruleFindings(graphOf(canonical), context)) {
      findings.push({ ...finding, path: dialect.source(finding.path) });
    }
    if (findings.length === 0) {
      return { ok: true, definition: { pipeline: Pipeline.parse(canonical), dialect: dialect.name, file } };
    }
  }
  const defects = findings.map((finding) => document.locate(finding, file));
  return { ok: false, defects: defects.sort((a, b) => a.line - b.line || a.column - b.column) };
}
