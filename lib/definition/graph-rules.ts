import { LIMITS } from "../plan/limits.ts";
import { RESERVED_PREFIXES } from "../plan/names.ts";
import { cyclesOf, type Graph, reachableFrom, rootsOf } from "./graph.ts";
import type { Rule } from "./rule.ts";
import { NAME_FORM, Name } from "./schema.ts";
import { suggest } from "./suggest.ts";

const stageNames = (graph: Graph): string[] => graph.stages.map((stage) => stage.name);

/** What names, edges and inputs must be. */
export const GRAPH_RULES: readonly Rule[] = [
  {
    id: "name",
    hint: `${NAME_FORM}, at most ${LIMITS.label.value} of them`,
    check: (graph) =>
      [...graph.inputs, ...graph.stages]
        .filter(({ name }) => !Name.safeParse(name).success)
        .map(({ name, path }) => ({ path, atKey: true, message: `"${name}" is not a valid name` })),
  },
  {
    id: "edge-unknown-stage",
    hint: "name a stage of this definition",
    check: (graph) => {
      const names = stageNames(graph);
      const stages = new Set(names);
      return graph.edges.flatMap((edge) =>
        (["from", "to"] as const).flatMap((end) => {
          const name = edge[end];
          const mayBeGone = end === "from" && edge.retired;
          if (name === undefined || stages.has(name) || mayBeGone) return [];
          return [
            {
              path: [...edge.path, end],
              message: `the edge ${end === "from" ? "comes from" : "leads to"} "${name}", which is not a stage`,
              hint: suggest(name, names),
            },
          ];
        }),
      );
    },
  },
  {
    id: "edge-self",
    hint: "a stage cannot feed itself: a token that is to be worked again is retried, not re-queued",
    check: (graph) =>
      graph.edges.flatMap((edge) =>
        edge.from !== undefined && edge.from === edge.to
          ? [{ path: edge.path, message: `the edge leads from "${edge.from}" to itself` }]
          : [],
      ),
  },
  {
    id: "edge-duplicate",
    hint: "two stages are joined by one edge at most: remove this one",
    check: (graph) => {
      const seen = new Set<string>();
      return graph.edges.flatMap((edge) => {
        const key = JSON.stringify([edge.from, edge.to]);
        const isFirst = edge.from === undefined || edge.to === undefined || !seen.has(key);
        seen.add(key);
        if (isFirst) return [];
        return [
          { path: edge.path, message: `the edge from "${edge.from}" to "${edge.to}" is there already` },
        ];
      });
    },
  },
  {
    id: "cycle",
    hint: "remove one of its edges: tokens must be able to reach an end",
    check: (graph) =>
      cyclesOf(graph).map((stages) => {
        const edge = graph.edges.find(
          ({ from, to, retired }) =>
            !retired &&
            from !== undefined &&
            to !== undefined &&
            stages.includes(from) &&
            stages.includes(to),
        );
        return {
          path: edge?.path ?? ["edges"],
          message: `the stages ${stages.map((name) => `"${name}"`).join(", ")} form a cycle`,
        };
      }),
  },
  {
    id: "no-stages",
    hint: "add a stage",
    check: (graph) => (graph.hasNoStage ? [{ path: ["stages"], message: "the pipeline has no stage" }] : []),
  },
  {
    id: "no-root",
    hint: "tokens enter at a stage that no edge leads to: remove an edge",
    check: (graph, { singleRoot }) =>
      singleRoot && graph.stages.length > 0 && rootsOf(graph).length === 0
        ? [{ path: ["edges"], message: "every stage is the target of an edge, so nothing can enter" }]
        : [],
  },
  {
    id: "several-roots",
    hint: "this form of definition has one starting stage: join the others by edges, or write the canonical form with `inputs`",
    check: (graph, { singleRoot }) => {
      const roots = rootsOf(graph);
      if (!singleRoot || roots.length < 2) return [];
      return roots.map((name) => ({
        path: ["stages", name],
        atKey: true,
        message: `"${name}" is one of ${roots.length} stages that no edge leads to`,
      }));
    },
  },
  {
    id: "root-without-input",
    hint: "add an input with `to:` this stage, or an edge to it",
    check: (graph, { singleRoot }) => {
      if (singleRoot) return [];
      const fed = new Set(graph.inputs.map((input) => input.to));
      return rootsOf(graph)
        .filter((name) => !fed.has(name))
        .map((name) => ({
          path: ["stages", name],
          atKey: true,
          message: `nothing leads to the stage "${name}"`,
        }));
    },
  },
  {
    id: "unreachable-stage",
    hint: "join it by an edge to what the inputs feed, or remove it",
    check: (graph, { singleRoot }) => {
      // Then none can be reached, which is told once.
      if (singleRoot && rootsOf(graph).length === 0) return [];
      const starts = singleRoot
        ? rootsOf(graph)
        : [...graph.inputs, ...graph.edges.filter(({ retired }) => retired)].flatMap(({ to }) => to ?? []);
      const reached = reachableFrom(graph, starts);
      const roots = new Set(rootsOf(graph));
      return stageNames(graph)
        .filter((name) => !reached.has(name) && !roots.has(name))
        .map((name) => ({
          path: ["stages", name],
          atKey: true,
          message: `no token can reach the stage "${name}"`,
        }));
    },
  },
  {
    id: "input-unknown-stage",
    hint: "name a stage of this definition",
    check: (graph) => {
      const names = stageNames(graph);
      const stages = new Set(names);
      return graph.inputs.flatMap((input) =>
        input.to === undefined || stages.has(input.to)
          ? []
          : [
              {
                path: [...input.path, "to"],
                message: `the input leads to "${input.to}", which is not a stage`,
                hint: suggest(input.to, names),
              },
            ],
      );
    },
  },
  {
    id: "stage-named-like-pipeline",
    hint: "rename it: the pipeline's name is the name of its input queue",
    check: (graph) =>
      graph.stages
        .filter((stage) => stage.name === graph.id)
        .map((stage) => ({
          path: stage.path,
          atKey: true,
          message: `the stage "${stage.name}" has the pipeline's name`,
        })),
  },
  {
    id: "route-without-edges",
    hint: "route chooses among outgoing edges: add them, or remove `fanout`",
    check: (graph) =>
      graph.stages
        .filter(
          (stage) =>
            stage.fields["fanout"] === "route" &&
            !graph.edges.some((edge) => edge.from === stage.name && !edge.retired),
        )
        .map((stage) => ({
          path: [...stage.path, "fanout"],
          message: `the stage "${stage.name}" routes, but no edge leaves it`,
        })),
  },
  {
    id: "input-prefix-reserved",
    hint: `what stages write lies below ${RESERVED_PREFIXES.join(" and ")}; uploads need a prefix of their own, or every result would start the pipeline again`,
    check: (graph) =>
      graph.inputs.flatMap((input) =>
        input.prefix !== undefined &&
        RESERVED_PREFIXES.some(
          (reserved) => reserved.startsWith(input.prefix ?? "") || input.prefix?.startsWith(reserved),
        )
          ? [
              {
                path: [...input.path, "s3", "prefix"],
                message: `the prefix "${input.prefix}" covers what the stages write`,
              },
            ]
          : [],
      ),
  },
];
