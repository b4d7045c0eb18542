import * as z from "zod";
import type { Finding, Path } from "../document.ts";
import { fieldsOf, isMap, listOf, textOf } from "../graph.ts";
import { Name, named } from "../schema.ts";

/**
 * KDP (Kubernetes Does Pipelines, github.com/NASA-PDS/kdp): `graph.nodes` and `graph.edges`, plain or wrapped in its
 * custom resource. A definition loads as it stands and becomes the canonical form; findings are led back to the places
 * that the author wrote.
 */

const Node = z.strictObject({
  image: z.string().min(1).max(512),
  command: z.array(z.string()).min(1).optional(),
  parallelism: z.number().int().min(1).max(1000).optional(),
  pullSecret: Name.optional(),
  /** KDP accepts any options and does nothing with them; so do we. */
  options: z.looseObject({}).optional(),
});

const Spec = z.strictObject({
  id: z
    .string()
    .max(63)
    .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, { error: "lower case letters, digits and '-'" }),
  name: z.string().min(1).max(200).optional(),
  graph: z.strictObject({
    nodes: named(Node),
    edges: z.array(z.strictObject({ source: Name, target: Name })).default([]),
    secrets: z.array(Name).default([]),
  }),
});

const Resource = z.strictObject({
  apiVersion: z.literal("kdp.nasa-pds.github.io/v1"),
  kind: z.literal("Pipeline"),
  metadata: z.looseObject({ name: Name }),
  spec: Spec,
});

export interface Dialect {
  readonly name: "kdp" | "millrace";
  readonly schema: z.ZodType;
  /** The document in canonical form, as far as it can be read; it has not been validated. */
  canonical(data: unknown): unknown;
  /** What only this dialect can get wrong. */
  check?(data: unknown): Finding[];
  /** Why the document is no definition at all; nothing else is said of it then. */
  refuse?(data: unknown): Finding | undefined;
  /** Where a path of the canonical form came from. */
  source(path: Path): Path;
  /** One starting stage, fed by an input that the definition does not name. */
  readonly singleRoot: boolean;
}

const FIELDS: Record<string, string> = { concurrency: "parallelism", from: "source", to: "target" };

function canonical(spec: unknown): unknown {
  const graph = fieldsOf(fieldsOf(spec)["graph"]);
  const nodes = fieldsOf(graph["nodes"]);
  const edges = listOf(graph["edges"]).map(fieldsOf);
  const targets = new Set(
    edges.filter((edge) => edge["source"] !== edge["target"]).map((edge) => edge["target"]),
  );
  const root = Object.keys(nodes).find((name) => !targets.has(name));
  return {
    ...copied(fieldsOf(spec), { id: "id", name: "name" }),
    inputs: root === undefined ? {} : { work: { to: root } },
    ...(isMap(graph["nodes"]) && {
      stages: Object.fromEntries(
        Object.entries(nodes).map(([name, node]) => [
          name,
          copied(fieldsOf(node), {
            image: "image",
            command: "command",
            parallelism: "concurrency",
            pullSecret: "pullSecret",
          }),
        ]),
      ),
    }),
    edges: edges.map((edge) => copied(edge, { source: "from", target: "to" })),
    secrets: graph["secrets"] ?? [],
  };
}

function copied(from: Record<string, unknown>, names: Record<string, string>): Record<string, unknown> {
  const entries = Object.entries(names).filter(([name]) => from[name] !== undefined);
  return Object.fromEntries(entries.map(([name, to]) => [to, from[name]]));
}

/** `stages.start.concurrency` → `graph.nodes.start.parallelism`. */
function source(path: Path): Path {
  const [head, second, ...rest] = path;
  if (head === "stages")
    return [
      "graph",
      "nodes",
      ...(second === undefined ? [] : [second]),
      ...rest.map((step) => FIELDS[step] ?? step),
    ];
  if (head === "edges")
    return [
      "graph",
      "edges",
      ...(second === undefined ? [] : [second]),
      ...rest.map((step) => FIELDS[step] ?? step),
    ];
  if (head === "secrets") return ["graph", ...path];
  return path;
}

const plain: Dialect = { name: "kdp", schema: Spec, canonical, source, singleRoot: true };

const resource: Dialect = {
  name: "kdp",
  schema: Resource,
  canonical: (data) => canonical(fieldsOf(data)["spec"]),
  source: (path) => ["spec", ...source(path)],
  singleRoot: true,
  check: namesDiffer,
  refuse: otherKind,
};

/** KDP has resources that are no pipelines (`DataInput`). */
function otherKind(data: unknown): Finding | undefined {
  const kind = textOf(fieldsOf(data)["kind"]);
  if (kind === undefined || kind === "Pipeline") return undefined;
  return {
    rule: "resource-kind",
    path: ["kind"],
    message: `the resource is a ${JSON.stringify(kind)}`,
    hint: "only a Pipeline is a definition; what a DataInput would bring in is put: millrace put PIPELINE",
  };
}

/** KDP gives hosts the resource's name and looks for them by the pipeline's id: where they differ, nothing is found. */
function namesDiffer(data: unknown): Finding[] {
  const name = textOf(fieldsOf(fieldsOf(data)["metadata"])["name"]);
  const id = textOf(fieldsOf(fieldsOf(data)["spec"])["id"]);
  if (name === undefined || id === undefined || name === id) return [];
  return [
    {
      rule: "resource-name",
      path: ["metadata", "name"],
      message: `the resource is called "${name}" and the pipeline "${id}"`,
      hint: "give both one name",
    },
  ];
}

/** The KDP dialect that a document is written in, if it is one. */
export function kdpDialect(data: unknown): Dialect | undefined {
  const fields = fieldsOf(data);
  if (textOf(fields["apiVersion"])?.startsWith("kdp.nasa-pds.github.io/")) return resource;
  return fields["graph"] === undefined ? undefined : plain;
}
