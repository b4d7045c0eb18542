import { type Definition, loadDefinition } from "../../../lib/definition/load.ts";

/** Loads a definition that is beyond reproach. */
export function loaded(text: string, file = "pipeline.yaml"): Definition {
  const result = loadDefinition(text, file, () => true);
  if (result.ok) return result.definition;
  throw new Error(`not loaded: ${JSON.stringify(result.defects, null, 2)}`);
}

/** What is wrong with a definition, as `line:column rule`, in the order in which it is reported. */
export function defects(text: string, fileExists: (path: string) => boolean = () => true): string[] {
  const result = loadDefinition(text, "pipeline.yaml", fileExists);
  if (result.ok) return [];
  return result.defects.map(({ line, column, rule }) => `${line}:${column} ${rule}`);
}
