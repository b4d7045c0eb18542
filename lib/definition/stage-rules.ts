import { KEY_SECONDS } from "../job/callback-key.ts";
import { LIMITS } from "../plan/limits.ts";
import { type GraphStage, listOf, textOf } from "./graph.ts";
import type { Rule } from "./rule.ts";
import { LIGHT_OVERHEAD_SECONDS, LIGHT_TIMEOUT_MAX } from "./schema.ts";
import { KINDS, type Kind, kindOf } from "./stage-kind.ts";
import { DURATION, MEMORY, mebibytes, seconds } from "./units.ts";

const isLight = (stage: GraphStage): boolean =>
  kindOf(stage.fields) === "handler" || kindOf(stage.fields) === "command";

/** Names that usually hold a secret. A value that is only a reference (`$NAME`, `arn:…`) is none. */
const SECRET_NAME =
  /(^|_)(PASS(WORD|PHRASE)?|SECRET|TOKEN|(ACCESS|API|PRIVATE|SECRET)_?KEY|CREDENTIALS?)($|_)/i;
const SECRET_REFERENCE = /^(\$|arn:)/;

/** A word of a command that names a file among the definition's. */
const STAGE_FILE = /^\$MILLRACE_STAGE_DIRECTORY\/(.+)$/;

/** Stage fields that mean something for some kinds of stage only. */
const FIELD_KINDS: Record<string, { kinds: readonly Kind[]; hint: string }> = {
  acceptExitCodes: {
    kinds: ["command"],
    hint: "it judges a command's exit code; a handler fails by throwing",
  },
  batch: { kinds: ["handler", "command", "image"], hint: "another system is told of each token by itself" },
  concurrency: { kinds: ["handler", "command", "image"], hint: "whoever does the work decides" },
  env: { kinds: ["handler", "command", "image"], hint: "nothing runs here" },
  memory: { kinds: ["handler", "command", "image"], hint: "nothing runs here" },
  secrets: { kinds: ["handler", "command", "image"], hint: "nothing runs here" },
  statuses: { kinds: ["external"], hint: "only another system has words of its own" },
  cpu: { kinds: ["image"], hint: "a function's share of a core follows from its memory" },
  gpu: { kinds: ["image"], hint: "a function has none: run it as an image" },
  finishedBy: { kinds: ["image"], hint: "only an image has both ways" },
  podPatch: { kinds: ["image"], hint: "only an image runs in a pod" },
  pullSecret: { kinds: ["image"], hint: "only an image is pulled from a registry" },
};

/** What each stage must be by itself. */
export const STAGE_RULES: readonly Rule[] = [
  {
    id: "stage-kind",
    hint: "give exactly one of handler, command, image, external (an image may have a command)",
    check: (graph) =>
      graph.stages
        .filter((stage) => kindOf(stage.fields) === undefined)
        .map((stage) => {
          const given = KINDS.filter((kind) => stage.fields[kind] !== undefined);
          const what =
            given.length === 0
              ? "says neither handler nor command nor image nor external"
              : `says ${given.join(" and ")}`;
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
    id: "command-file",
    hint: "the path is relative to the definition's folder and stays inside it",
    check: (graph, { fileExists }) =>
      graph.stages
        .filter(({ fields }) => kindOf(fields) === "command")
        .flatMap((stage) =>
          listOf(stage.fields["command"]).flatMap((word, index) => {
            const file = STAGE_FILE.exec(textOf(word) ?? "")?.[1];
            if (file === undefined || (!file.split("/").includes("..") && fileExists(file))) return [];
            return [{ path: [...stage.path, "command", index], message: `there is no file ${file}` }];
          }),
        ),
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
    id: "external-timeout",
    hint: `the key by which it is reported lives ${KEY_SECONDS / 3600}h: stay within that`,
    check: (graph) =>
      graph.stages
        .filter((stage) => kindOf(stage.fields) === "external")
        .flatMap((stage) => {
          const timeout = textOf(stage.fields["timeout"]);
          if (timeout === undefined || !DURATION.test(timeout) || seconds(timeout) <= KEY_SECONDS) return [];
          return [
            {
              path: [...stage.path, "timeout"],
              message: `the timeout of the external stage "${stage.name}" is ${timeout}`,
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
  {
    id: "command-routes",
    hint: "a program cannot say where its outputs go: let it copy them, or put a handler behind it that routes",
    check: (graph) =>
      graph.stages
        .filter(
          ({ fields }) => fields["fanout"] === "route" && ["command", "image"].includes(kindOf(fields) ?? ""),
        )
        .map(({ name, path, fields }) => ({
          path: [...path, "fanout"],
          message: `the ${kindOf(fields)} "${name}" is to route`,
        })),
  },
];
