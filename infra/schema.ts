import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import * as z from "zod";
import { Name, Pipeline } from "../lib/definition/schema.ts";

/**
 * Writes `pipelines/pipeline.schema.json`, by which editors complete and check definitions in canonical form. To use it,
 * begin a definition with `# yaml-language-server: $schema=../pipeline.schema.json`.
 *
 * `node infra/schema.ts` writes the file; `node infra/schema.ts --check` ends with exit code 1 when it is not what the
 * schemas in `lib/definition/schema.ts` say.
 */
export const SCHEMA_FILE = resolve(import.meta.dirname, "../pipelines/pipeline.schema.json");

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

/** Whether a file holds the schema. */
export const isCurrent = (file: string): boolean => readFileSync(file, "utf8") === schemaText();

function main(args: readonly string[]): void {
  if (!args.includes("--check")) writeFileSync(SCHEMA_FILE, schemaText());
  else if (!isCurrent(SCHEMA_FILE)) {
    process.stderr.write(
      `${SCHEMA_FILE} is not what lib/definition/schema.ts says: run node infra/schema.ts\n`,
    );
    process.exitCode = 1;
  }
}

if (process.argv[1] === import.meta.filename) main(process.argv.slice(2));
