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
  /** There is a map of stages, with none in it. Where there is no map, the shape is at fault. */
  readonly hasNoStage: boolean;
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
  /** Only what its queue holds comes by it. */
  readonly retired: boolean;
  readonly path: Path;
}

type Fields = Record<string, unknown>;
export const isMap = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
export const fieldsOf = (value: unknown): Fields => (isMap(value) ? value : {});
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
    hasNoStage: isMap(root["stages"]) && Object.keys(root["stages"]).length === 0,
    edges: listOf(root["edges"]).map((value, index) => ({
      from: textOf(fieldsOf(value)["from"]),
      to: textOf(fieldsOf(value)["to"]),
      retired: fieldsOf(value)["retired"] === true,
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

/**
 * Every cycle's stages once: the strongly connected components of more than one stage (Tarjan 1972). The stages on the way
 * stand in a list of our own, because a chain of a few thousand would exhaust the call stack.
 */
export function cyclesOf(graph: Graph): string[][] {
  const next = successorsOf(graph);
  const visits = new Map<string, Visit>();
  /** Stages seen whose component is not complete. */
  const open: Visit[] = [];
  const way: Visit[] = [];
  const cycles: string[][] = [];
  const enter = (name: string): void => {
    const targets = (next.get(name) ?? []).values();
    const visit = { name, order: visits.size, earliest: visits.size, isOpen: true, targets };
    visits.set(name, visit);
    open.push(visit);
    way.push(visit);
  };
  const leave = (visit: Visit): void => {
    way.pop();
    const before = way.at(-1);
    if (before) before.earliest = Math.min(before.earliest, visit.earliest);
    if (visit.earliest < visit.order) return;
    const component = open.splice(open.indexOf(visit));
    for (const member of component) member.isOpen = false;
    if (component.length > 1) cycles.push(component.map(({ name }) => name));
  };
  const goOn = (visit: Visit): void => {
    const { value: target } = visit.targets.next();
    const seen = target === undefined ? undefined : visits.get(target);
    if (target === undefined) leave(visit);
    else if (!seen) enter(target);
    else if (seen.isOpen) visit.earliest = Math.min(visit.earliest, seen.order);
  };
  for (const { name } of graph.stages) {
    if (!visits.has(name)) enter(name);
    for (let visit = way.at(-1); visit; visit = way.at(-1)) goOn(visit);
  }
  return cycles;
}

/** A stage on the search for cycles: when it was first seen, and the earliest open stage that it can get back to. */
interface Visit {
  readonly name: string;
  readonly order: number;
  earliest: number;
  isOpen: boolean;
  readonly targets: Iterator<string, undefined>;
}

function successorsOf(graph: Graph): Map<string, string[]> {
  const next = new Map<string, string[]>();
  for (const { from, to, retired } of graph.edges) {
    if (from === undefined || to === undefined || from === to || retired) continue;
    const targets = next.get(from);
    if (targets) targets.push(to);
    else next.set(from, [to]);
  }
  return next;
}

/** Stages that tokens can reach from the given ones. */
export function reachableFrom(graph: Graph, starts: readonly string[]): Set<string> {
  const next = successorsOf(graph);
  const seen = new Set(starts);
  // A set that grows while it is walked: each stage is visited once.
  for (const name of seen) for (const target of next.get(name) ?? []) seen.add(target);
  return seen;
}
