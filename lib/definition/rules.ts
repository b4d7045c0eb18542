import { LIMITS } from "../plan/limits.ts";
import { RESERVED_PREFIXES } from "../plan/names.ts";
import type { Finding } from "./document.ts";
import { cyclesOf, type Graph, type GraphStage, listOf, reachableFrom, rootsOf, textOf } from "./graph.ts";
import { LIGHT_OVERHEAD_SECONDS, LIGHT_TIMEOUT_MAX, NAME_FORM, Name } from "./schema.ts";
import { suggest } from "./suggest.ts";
import { DURATION, MEMORY, mebibytes, seconds } from "./units.ts";

/** What a rule may ask of the world around the definition. */
export interface RuleContext {
  /** Whether a file exists; the path is relative to the definition's folder. */
  fileExists(path: string): boolean;
  /** Dialects with one input that they do not name. */
  readonly singleRoot: boolean;
}

type Place = Omit<Finding, "rule" | "hint"> & { hint?: string };

/** What a definition must be, beyond its shape. Every rule is checked, whatever the others found. */
interface Rule {
  readonly id: string;
  readonly hint: string;
  check(graph: Graph, context: RuleContext): Place[];
}

const stageNames = (graph: Graph): string[] => graph.stages.map((stage) => stage.name);

const KINDS = ["handler", "command", "image"] as const;
type Kind = (typeof KINDS)[number];

/** `image` with `command` is a container; `command` alone is a program that the function runs. */
export function kindOf(fields: Readonly<Record<string, unknown>>): Kind | undefined {
  if (fields["image"] !== undefined) return fields["handler"] === undefined ? "image" : undefined;
  const given = KINDS.filter((kind) => fields[kind] !== undefined);
  return given.length === 1 ? given[0] : undefined;
}

const isLight = (stage: GraphStage): boolean =>
  kindOf(stage.fields) === "handler" || kindOf(stage.fields) === "command";

/** Names that usually hold a secret. A value that is only a reference (`$NAME`, `arn:…`) is none. */
const SECRET_NAME =
  /(^|_)(PASS(WORD|PHRASE)?|SECRET|TOKEN|(ACCESS|API|PRIVATE|SECRET)_?KEY|CREDENTIALS?)($|_)/i;
const SECRET_REFERENCE = /^(\$|arn:)/;

/** Stage fields that mean something for some kinds of stage only. */
const FIELD_KINDS: Record<string, { kinds: readonly Kind[]; hint: string }> = {
  acceptExitCodes: {
    kinds: ["command"],
    hint: "it judges a command's exit code; a handler fails by throwing",
  },
  pullSecret: { kinds: ["image"], hint: "only an image is pulled from a registry" },
};

export const RULES: readonly Rule[] = [
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
          if (name === undefined || stages.has(name)) return [];
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
          ({ from, to }) =>
            from !== undefined && to !== undefined && stages.includes(from) && stages.includes(to),
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
    check: (graph) =>
      graph.stages.length === 0 ? [{ path: ["stages"], message: "the pipeline has no stage" }] : [],
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
      const starts = singleRoot ? rootsOf(graph) : graph.inputs.flatMap((input) => input.to ?? []);
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
    id: "stage-kind",
    hint: "give exactly one of handler, command, image (an image may have a command)",
    check: (graph) =>
      graph.stages
        .filter((stage) => kindOf(stage.fields) === undefined)
        .map((stage) => {
          const given = KINDS.filter((kind) => stage.fields[kind] !== undefined);
          const what =
            given.length === 0 ? "says neither handler nor command nor image" : `says ${given.join(" and ")}`;
          return { path: stage.path, atKey: true, message: `the stage "${stage.name}" ${what}` };
        }),
  },
  {
    id: "field-of-other-kind",
    hint: "remove it",
    check: (graph) =>
      graph.stages.flatMap((stage) => {
        const kind = kindOf(stage.fields);
        return Object.entries(FIELD_KINDS)
          .filter(
            ([field, { kinds }]) =>
              kind !== undefined && stage.fields[field] !== undefined && !kinds.includes(kind),
          )
          .map(([field, { hint }]) => ({
            path: [...stage.path, field],
            atKey: true,
            message: `"${field}" means nothing for a stage with ${kind}`,
            hint,
          }));
      }),
  },
  {
    id: "handler-file",
    hint: "the path is relative to the definition's folder and stays inside it",
    check: (graph, { fileExists }) =>
      graph.stages.flatMap((stage) => {
        const handler = textOf(stage.fields["handler"]);
        if (handler === undefined || (!handler.split("/").includes("..") && fileExists(handler))) return [];
        return [{ path: [...stage.path, "handler"], message: `there is no file ${handler}` }];
      }),
  },
  {
    id: "light-timeout",
    hint: `a function lives ${LIMITS.functionTimeout.value} s at most, ${LIGHT_OVERHEAD_SECONDS} s of which the loop keeps: stay within ${LIGHT_TIMEOUT_MAX}s, or run it as an image`,
    check: (graph) =>
      graph.stages.filter(isLight).flatMap((stage) => {
        const timeout = textOf(stage.fields["timeout"]);
        if (timeout === undefined || !DURATION.test(timeout) || seconds(timeout) <= LIGHT_TIMEOUT_MAX)
          return [];
        return [
          {
            path: [...stage.path, "timeout"],
            message: `the timeout of the light stage "${stage.name}" is ${timeout}`,
          },
        ];
      }),
  },
  {
    id: "light-memory",
    hint: `a function has ${LIMITS.functionMemoryMin.value} to ${LIMITS.functionMemory.value} MiB`,
    check: (graph) =>
      graph.stages.filter(isLight).flatMap((stage) => {
        const memory = stage.fields["memory"];
        const size =
          typeof memory === "number" || (typeof memory === "string" && MEMORY.test(memory))
            ? mebibytes(memory)
            : undefined;
        if (
          size === undefined ||
          (size >= LIMITS.functionMemoryMin.value && size <= LIMITS.functionMemory.value)
        )
          return [];
        return [
          {
            path: [...stage.path, "memory"],
            message: `the memory of the light stage "${stage.name}" is ${size} MiB`,
          },
        ];
      }),
  },
  {
    id: "light-concurrency",
    hint: `an SQS event source cannot go below ${LIMITS.concurrencyMin.value} invocations at once (AWS Lambda, MaximumConcurrency)`,
    check: (graph) =>
      graph.stages
        .filter((stage) => isLight(stage) && stage.fields["concurrency"] === 1)
        .map((stage) => ({
          path: [...stage.path, "concurrency"],
          message: `the concurrency of the light stage "${stage.name}" is 1`,
        })),
  },
  {
    id: "route-without-edges",
    hint: "route chooses among outgoing edges: add them, or remove `fanout`",
    check: (graph) =>
      graph.stages
        .filter(
          (stage) =>
            stage.fields["fanout"] === "route" && !graph.edges.some((edge) => edge.from === stage.name),
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
  {
    id: "inline-secret",
    hint: "list it under `secrets` and keep the value out of the definition",
    check: (graph) =>
      graph.stages.flatMap((stage) =>
        Object.entries((stage.fields["env"] ?? {}) as Record<string, unknown>)
          .filter(
            ([name, value]) =>
              SECRET_NAME.test(name) && typeof value === "string" && !SECRET_REFERENCE.test(value),
          )
          .map(([name]) => ({
            path: [...stage.path, "env", name],
            message: `"${name}" looks like a secret written into the definition`,
          })),
      ),
  },
  {
    id: "duplicate-secret",
    hint: "remove it",
    check: (graph) => {
      const lists = [
        graph.secrets,
        ...graph.stages.map((stage) =>
          listOf(stage.fields["secrets"]).map((name, index) => ({
            name: textOf(name),
            path: [...stage.path, "secrets", index],
          })),
        ),
      ];
      return lists.flatMap((list) => {
        const seen = new Set<string>();
        return list.flatMap(({ name, path }) => {
          if (name === undefined) return [];
          if (seen.has(name)) return [{ path, message: `the secret "${name}" is listed twice` }];
          seen.add(name);
          return [];
        });
      });
    },
  },
];

/** All that the rules find, in the order of the rules. */
export const ruleFindings = (graph: Graph, context: RuleContext): Finding[] =>
  RULES.flatMap((rule) =>
    rule.check(graph, context).map((place) => ({ hint: rule.hint, ...place, rule: rule.id })),
  );
