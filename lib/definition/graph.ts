import type { Path } from "./document.ts";

/**
 * A definition as the rules see it: names and connections only, read tolerantly, so that a typing error in one place
 * does not hide a cycle in another. Each part knows the path that it came from.
 */
export interface Graph {
  readonly id: string | undefined;
  readonly idPath: Path;
  readonly inputs: readonly GraphInput[];
  readonly stages: readonly GraphStage[];
  readonly edges: readonly GraphEdge[];
  readonly secrets: readonly { name: string; path: Path }[];
}

export interface GraphInput {
  readonly name: string;
  readonly path: Path;
  readonly to: string | undefined;
  readonly prefix: string | undefined;
}

export interface GraphStage {
  readonly name: string;
  readonly path: Path;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface GraphEdge {
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly path: Path;
}

type Fields = Record<string, unknown>;
export const fieldsOf = (value: unknown): Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
export const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
export const textOf = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

export function graphOf(data: unknown): Graph {
  const root = fieldsOf(data);
  return {
    id: textOf(root["id"]),
    idPath: ["id"],
    inputs: Object.entries(fieldsOf(root["inputs"])).map(([name, value]) => ({
      name,
      path: ["inputs", name],
      to: textOf(fieldsOf(value)["to"]),
      prefix: textOf(fieldsOf(fieldsOf(value)["s3"])["prefix"]),
    })),
    stages: Object.entries(fieldsOf(root["stages"])).map(([name, value]) => ({
      name,
      path: ["stages", name],
      fields: fieldsOf(value),
    })),
    edges: listOf(root["edges"]).map((value, index) => ({
      from: textOf(fieldsOf(value)["from"]),
      to: textOf(fieldsOf(value)["to"]),
      path: ["edges", index],
    })),
    secrets: listOf(root["secrets"]).flatMap((value, index) => {
      const name = textOf(value);
      return name === undefined ? [] : [{ name, path: ["secrets", index] }];
    }),
  };
}

/** Stages that no edge leads to, in the order of the definition. */
export function rootsOf(graph: Graph): string[] {
  const targets = new Set(graph.edges.filter((edge) => edge.from !== edge.to).map((edge) => edge.to));
  return graph.stages.map((stage) => stage.name).filter((name) => !targets.has(name));
}

/** Every cycle's stages once: the strongly connected components of more than one stage (Tarjan 1972). */
export function cyclesOf(graph: Graph): string[][] {
  const next = successorsOf(graph);
  /** When a stage was first seen, and the earliest stage still open that it can get back to. */
  const order = new Map<string, number>();
  const earliest = new Map<string, number>();
  const open: string[] = [];
  const cycles: string[][] = [];
  const visit = (name: string): void => {
    const seen = order.size;
    order.set(name, seen);
    open.push(name);
    let back = seen;
    for (const target of next.get(name) ?? []) {
      if (!order.has(target)) visit(target);
      if (open.includes(target)) back = Math.min(back, earliest.get(target) ?? order.get(target) ?? back);
    }
    earliest.set(name, back);
    if (back === seen) {
      const component = open.splice(open.indexOf(name));
      if (component.length > 1) cycles.push(component);
    }
  };
  for (const { name } of graph.stages) if (!order.has(name)) visit(name);
  return cycles;
}

function successorsOf(graph: Graph): Map<string, string[]> {
  const next = new Map<string, string[]>();
  for (const { from, to } of graph.edges) {
    if (from !== undefined && to !== undefined && from !== to)
      next.set(from, [...(next.get(from) ?? []), to]);
  }
  return next;
}

/** Stages that tokens can reach from the given ones. */
export function reachableFrom(graph: Graph, starts: readonly string[]): Set<string> {
  const seen = new Set(starts);
  // A set that grows while it is walked: each stage is visited once.
  for (const name of seen) {
    for (const edge of graph.edges) if (edge.from === name && edge.to !== undefined) seen.add(edge.to);
  }
  return seen;
}
