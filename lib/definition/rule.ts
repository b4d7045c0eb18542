import type { Finding } from "./document.ts";
import type { Graph } from "./graph.ts";

/** What a rule may ask of the world around the definition. */
export interface RuleContext {
  /** Whether a file exists; the path is relative to the definition's folder. */
  fileExists(path: string): boolean;
  /** Dialects with one input that they do not name. */
  readonly singleRoot: boolean;
  /** Ids of pod rules (`lib/cluster/pod-policy.ts`) that the operator lets a definition break. */
  readonly podAllow: readonly string[];
}

export type Place = Omit<Finding, "rule" | "hint"> & { hint?: string };

/** What a definition must be, beyond its shape. Every rule is checked, whatever the others found. */
export interface Rule {
  readonly id: string;
  readonly hint: string;
  check(graph: Graph, context: RuleContext): Place[];
}
