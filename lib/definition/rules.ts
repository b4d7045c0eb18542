import type { Finding } from "./document.ts";
import type { Graph } from "./graph.ts";
import { GRAPH_RULES } from "./graph-rules.ts";
import { POD_PATCH_RULES } from "./pod-patch-rule.ts";
import type { Rule, RuleContext } from "./rule.ts";
import { STAGE_RULES } from "./stage-rules.ts";

export const RULES: readonly Rule[] = [...GRAPH_RULES, ...STAGE_RULES, ...POD_PATCH_RULES];

/** All that the rules find, in the order of the rules. */
export const ruleFindings = (graph: Graph, context: RuleContext): Finding[] =>
  RULES.flatMap((rule) =>
    rule.check(graph, context).map((place) => ({ hint: rule.hint, ...place, rule: rule.id })),
  );
