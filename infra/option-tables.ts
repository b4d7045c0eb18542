/** The README's tables of what a definition may say, made from the JSON Schema that editors use. */

interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | false;
  readonly items?: Schema;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly Schema[];
}

const BEGIN = "<!-- BEGIN OPTIONS (npm run schema) -->";
const END = "<!-- END OPTIONS -->";

/** A text with the tables between its markers. @throws Error when it has no markers */
export function withOptionTables(text: string, schema: Schema): string {
  const [before, rest] = text.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined)
    throw new Error(`the text has no place between ${BEGIN} and ${END}`);
  return `${before}${BEGIN}\n\n${tables(schema).join("\n\n")}\n\n${END}${after}`;
}

function tables(pipeline: Schema): string[] {
  const { inputs, stages, edges } = pipeline.properties ?? {};
  const input = inputs?.additionalProperties || {};
  return [
    table("A pipeline", pipeline),
    table("An input", input),
    table("An input's `s3`", input.properties?.["s3"] ?? {}),
    table("A stage", stages?.additionalProperties || {}),
    table("An edge", edges?.items ?? {}),
  ];
}

function table(title: string, { properties = {}, required = [] }: Schema): string {
  const rows = Object.entries(properties).map(
    ([name, schema]) =>
      `| \`${name}\`${required.includes(name) ? " (needed)" : ""} | ${kindOf(schema)} | ${schema.description ?? ""} |`,
  );
  return [`**${title}**`, "", "| key | value | |", "|---|---|---|", ...rows].join("\n");
}

function kindOf({ type, enum: values, anyOf, items, additionalProperties }: Schema): string {
  if (values) return values.join(" or ");
  if (anyOf) return anyOf.map(kindOf).join(" or ");
  if (items) return `list of ${kindOf(items)}`;
  if (type === "object") return additionalProperties ? "map" : "map of its own keys";
  return type === "integer" ? "number" : type === "string" ? "text" : (type ?? "");
}
