import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import * as z from "zod";
import { CALLBACK_ROUTES } from "../lib/api/callback-routes.ts";
import { ROUTES } from "../lib/api/routes.ts";
import { POD_RULES } from "../lib/cluster/pod-policy.ts";
import { Name, Pipeline } from "../lib/definition/schema.ts";
import { withTables } from "./readme-tables.ts";

/**
 * Writes what is made from the code: `pipelines/pipeline.schema.json`, by which editors
 * complete and check definitions (begin one with `# yaml-language-server: $schema=../pipeline.schema.json`), and the
 * tables of the README: options, rules for pods, and the API's routes.
 *
 * `node infra/schema.ts` writes them; `node infra/schema.ts --check` ends with exit code 1 when they are not current.
 */
export const SCHEMA_FILE = resolve(import.meta.dirname, "../pipelines/pipeline.schema.json");
export const README_FILE = resolve(import.meta.dirname, "../README.md");

/** The schema as the file has it. */
export function schemaText(): string {
  const { $schema, title, ...schema } = z.toJSONSchema(Pipeline, { io: "input", override: named });
  return `${JSON.stringify({ $schema, title, ...schema }, null, 2)}\n`;
}

/** Names of stages and inputs are checked by a rule, not by the zod schema, so their pattern has to be put back. */
function named({
  path,
  jsonSchema,
}: {
  path: (string | number)[];
  jsonSchema: z.core.JSONSchema.BaseSchema;
}): void {
  if (path.join(".") === "properties.stages" || path.join(".") === "properties.inputs") {
    const { $schema: _, ...propertyNames } = z.toJSONSchema(Name);
    jsonSchema.propertyNames = propertyNames;
  }
}

/** The README as it should be. */
const readmeText = (readme: string): string =>
  withTables(readme, {
    schema: JSON.parse(schemaText()),
    podRules: POD_RULES,
    routes: [...ROUTES, ...CALLBACK_ROUTES],
  });

/** Whether a file holds the schema. */
export const isCurrent = (file: string): boolean => readFileSync(file, "utf8") === schemaText();

/** Whether a README has the tables that the schema gives. */
export function hasCurrentTables(file: string): boolean {
  const text = readFileSync(file, "utf8");
  return text === readmeText(text);
}

function main(args: readonly string[]): void {
  if (!args.includes("--check")) {
    writeFileSync(SCHEMA_FILE, schemaText());
    writeFileSync(README_FILE, readmeText(readFileSync(README_FILE, "utf8")));
  } else if (!isCurrent(SCHEMA_FILE) || !hasCurrentTables(README_FILE)) {
    process.stderr.write("the editor's schema or the README's tables are not current: run npm run schema\n");
    process.exitCode = 1;
  }
}

if (process.argv[1] === import.meta.filename) main(process.argv.slice(2));
