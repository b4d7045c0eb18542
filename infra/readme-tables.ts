import type { Route } from "../lib/api/route.ts";
import type { PodRule } from "../lib/cluster/pod-policy.ts";

/** The README's tables: what a definition may say, made from the JSON Schema that editors use; the rules for pods; the API's routes. */

type ShownRoute = Pick<Route, "method" | "path" | "does">;

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

/** What the tables are made from. */
interface Sources {
  readonly schema: Schema;
  readonly podRules: readonly Pick<PodRule, "id" | "forbids">[];
  readonly routes: readonly ShownRoute[];
}

/** A text with the tables between their markers. @throws Error when it lacks one */
export function withTables(text: string, { schema, podRules, routes }: Sources): string {
  const tables = {
    OPTIONS: optionTables(schema).join("\n\n"),
    "POD RULES": podRuleTable(podRules),
    ROUTES: routeTable(routes),
  };
  return Object.entries(tables).reduce((result, [name, content]) => between(result, name, content), text);
}

function between(text: string, name: string, content: string): string {
  const [begin, end] = [`<!-- BEGIN ${name} (npm run schema) -->`, `<!-- END ${name} -->`];
  const [before, rest] = text.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined)
    throw new Error(`the text has no place between ${begin} and ${end}`);
  return `${before}${begin}\n\n${content}\n\n${end}${after}`;
}

const routeTable = (routes: readonly ShownRoute[]): string =>
  [
    "| route | |",
    "|---|---|",
    ...routes.map(({ method, path, does }) => `| \`${method} ${path}\` | ${does} |`),
  ].join("\n");

const podRuleTable = (rules: Sources["podRules"]): string =>
  ["| rule | forbids |", "|---|---|", ...rules.map(({ id, forbids }) => `| \`${id}\` | ${forbids} |`)].join(
    "\n",
  );

function optionTables(pipeline: Schema): string[] {
  const { inputs, stages, edges, archive } = pipeline.properties ?? {};
  const input = inputs?.additionalProperties || {};
  return [
    table("A pipeline", pipeline),
    table("An input", input),
    table("An input's `s3`", input.properties?.["s3"] ?? {}),
    table("A stage", stages?.additionalProperties || {}),
    table("An edge", edges?.items ?? {}),
    table("A level of `archive`", archive?.items ?? {}),
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
