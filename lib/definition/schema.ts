import * as z from "zod";
import { JOB_EVENTS } from "../job/machine.ts";
import { LIMITS } from "../plan/limits.ts";
import { CPU, DURATION, MEMORY, mebibytes, millicores, seconds } from "./units.ts";

/**
 * The canonical form of a pipeline: what a `pipeline.yaml` may say. The types, the editor's JSON Schema
 * (`pipelines/pipeline.schema.json`) and the option tables of the documentation are made from this file; what a
 * definition *means* beyond its shape is checked by `rules.ts`.
 */

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
/** DNS-1123 subdomain: what Kubernetes allows as an object's name. */
const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

export const NAME_FORM =
  "lower case letters, digits, '-' and '.', beginning and ending with a letter or digit";
const VARIABLE_FORM = "letters, digits and '_', not beginning with a digit";
const LABEL_FORM = "lower case letters, digits and '-', beginning and ending with a letter or digit";

export const Name = z.string().max(LIMITS.label.value).regex(NAME, { error: NAME_FORM });

/** Seconds that the loop needs around a stage's own time: reading rows, storing outputs, sending. */
export const LIGHT_OVERHEAD_SECONDS = 15;
export const LIGHT_TIMEOUT_MAX = LIMITS.functionTimeout.value - LIGHT_OVERHEAD_SECONDS;

/**
 * A map from names. The names themselves are checked by a rule: zod skips the value of a key that it refuses, and a bad
 * name must not hide what is wrong below it.
 */
export const named = <Value extends z.ZodType>(value: Value) => z.record(z.string(), value);

const Duration = z
  .string()
  .regex(DURATION, { error: "a number with a unit: 30s, 2m, 1.5h, 1d" })
  .refine((text) => !DURATION.test(text) || seconds(text) >= 1, { error: "at least 1s" })
  .refine((text) => !DURATION.test(text) || seconds(text) <= LIMITS.podDeadline.value, {
    error: `at most ${LIMITS.podDeadline.value}s`,
  });

const MEMORY_FORM = "MiB as a number, or 512Mi, 8Gi";
const Memory = z
  .union([z.number().int().positive(), z.string().regex(MEMORY, { error: MEMORY_FORM })], {
    error: MEMORY_FORM,
  })
  .refine((memory) => typeof memory === "number" || !MEMORY.test(memory) || mebibytes(memory) >= 1, {
    error: "at least 1Mi",
  });

const CPU_FORM = "cores as a number, or thousandths of one: 500m";
const Cpu = z
  .union([z.number().positive(), z.string().regex(CPU, { error: CPU_FORM })], {
    error: CPU_FORM,
  })
  .refine((cpu) => typeof cpu === "number" || !CPU.test(cpu) || millicores(cpu) >= 1, {
    error: "at least 1m",
  });

/** What is wrong with a patch is found by a rule, which can say where. */
const PodPatch = z.union([z.array(z.record(z.string(), z.unknown())), z.string()], {
  error: "a list of RFC 6902 operations, or such a list as JSON in one string",
});

const MaxAttempts = z
  .number()
  .int()
  .min(1)
  .max(100)
  .meta({ description: "tries before a token goes to the error bucket (default 5)" });

export const S3Input = z.strictObject({
  prefix: z.string().min(1).max(512).meta({ description: "uploads below this prefix become tokens" }),
  suffix: z.string().min(1).max(128).optional().meta({ description: "only keys that end so" }),
});

export const Input = z.strictObject({
  to: Name.meta({ description: "the stage that receives the tokens" }),
  s3: S3Input.optional().meta({
    description: "every object created in the bucket below `prefix` is a token",
  }),
  maxAttempts: MaxAttempts.optional(),
});

export const Stage = z.strictObject({
  handler: z
    .string()
    .regex(/^\.\/.+\.ts$/, { error: "a TypeScript file beside the definition, as ./stages/NAME.ts" })
    .optional()
    .meta({ description: "light: a TypeScript module whose default export is made by stage()" }),
  command: z.array(z.string()).min(1).optional().meta({
    description:
      "light: a program run once per token in a fresh folder; with `image`, the container's command",
  }),
  image: z.string().min(1).max(512).optional().meta({ description: "heavy: a container image" }),
  external: z.literal(true, { error: "true, or nothing" }).optional().meta({
    description: "external: another system does the work, and reports by callback",
  }),
  statuses: z.record(z.string().min(1).max(128), z.enum(JOB_EVENTS)).optional().meta({
    description:
      "with `external`: words of that system and the events that they mean; those of Agave, Kubernetes and AWS Batch are known",
  }),
  timeout: Duration.optional().meta({
    description: "for one token (default 30s; with `image` 1h; with `external` 72h)",
  }),
  memory: Memory.optional().meta({ description: "MiB, or with a unit (default 512)" }),
  cpu: Cpu.optional().meta({ description: "with `image`: cores (default 1)" }),
  gpu: z.number().int().min(1).optional().meta({ description: "with `image`: NVIDIA GPUs" }),
  concurrency: z
    .number()
    .int()
    .min(1)
    .max(LIMITS.concurrency.value)
    .optional()
    .meta({ description: "how many invocations or pods at once, at most (pods: default 20)" }),
  batch: z.number().int().min(1).max(LIMITS.batchEntries.value).optional().meta({
    description:
      "tokens that one invocation works on side by side, at most (default 10); with `image`: tokens that one pod is given together (default 1)",
  }),
  fanout: z.enum(["copy", "route"]).optional().meta({
    description:
      "copy: each output goes to every outgoing edge (default); route: to the stages its `to` names",
  }),
  acceptExitCodes: z
    .array(z.number().int().min(0).max(255))
    .min(1)
    .optional()
    .meta({ description: "exit codes of `command` that count as success (default [0])" }),
  env: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: VARIABLE_FORM }), z.string())
    .optional()
    .meta({ description: "environment variables; never secrets" }),
  secrets: z.array(Name).optional().meta({ description: "names of secrets that this stage may read" }),
  pullSecret: Name.optional().meta({ description: "with `image`: the secret that the registry asks for" }),
  finishedBy: z.enum(["exit", "callback"]).optional().meta({
    description:
      "with `image`: what ends a token. exit: the program ends, and leaves its output in a folder (default); callback: the program posts `finish` or `fail` itself",
  }),
  podPatch: PodPatch.optional().meta({
    description:
      "with `image`: RFC 6902 operations on the pod's spec, whose `/containers/0` is the image; or the same as one string",
  }),
});

export const Edge = z.strictObject({
  from: Name.meta({ description: "the stage that emits" }),
  to: Name.meta({ description: "the stage that receives" }),
  maxAttempts: MaxAttempts.optional(),
  retired: z.boolean().optional().meta({
    description:
      "nothing is sent by it any more, and what its queue holds is still worked on; `from` may be gone. Remove it when the queue is empty",
  }),
});

/** PipelineJobs has regular expressions here: one would otherwise wait for files that never come. */
const GLOB_FORM = "a file's name with * and ?, as *.csv or raw/**; not a regular expression";
const Glob = z
  .string()
  .min(1)
  .max(200)
  .refine((pattern) => !/^\^|^\.\*|\$$|\\|\.\+/.test(pattern), { error: GLOB_FORM });

export const Archive = z.strictObject({
  level: z
    .union([z.number().int().min(0).max(99), z.string().regex(NAME, { error: NAME_FORM })])
    .meta({ description: "how far the data of these files has been processed" }),
  patterns: z.array(Glob).min(1).meta({
    description:
      "`*.csv`: without `/` held against a file's last name; the first level that fits is a file's",
  }),
});

export const Pipeline = z
  .strictObject({
    id: z
      .string()
      .max(LIMITS.label.value)
      .regex(LABEL, { error: LABEL_FORM })
      .meta({ description: "names the pipeline, its queues and its results" }),
    name: z.string().min(1).max(200).optional().meta({ description: "for people" }),
    inputs: named(Input).meta({ description: "where tokens enter" }),
    stages: named(Stage).meta({ description: "units of work" }),
    edges: z
      .array(Edge)
      .default([])
      .meta({ description: "from one stage to the next; each is a durable queue" }),
    secrets: z.array(Name).default([]).meta({ description: "secrets that every stage may read" }),
    archive: z.array(Archive).min(1).optional().meta({
      description: "files that are indexed when a job that outlasts an invocation has finished",
    }),
  })
  .meta({ title: "Millrace pipeline" });

export type Pipeline = z.infer<typeof Pipeline>;
export type Stage = z.infer<typeof Stage>;
export type Input = z.infer<typeof Input>;
export type Edge = z.infer<typeof Edge>;
