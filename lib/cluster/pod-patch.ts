import { applyPatch, type Operation } from "rfc6902";
import * as z from "zod";
import { parseJson } from "../token/json.ts";
import { breachesOf, type PodContext, RESERVED_ENV } from "./pod-policy.ts";
import { PodSpec } from "./pod-spec.ts";

/** A definition's own changes to its pods: RFC 6902, applied wholly or not at all. */

const Pointer = z
  .string()
  .regex(/^(\/[^/]*)*$/, { error: 'a path: begins with "/", as /containers/0/env/-' });
const Value = z.custom<unknown>((value) => value !== undefined, { error: "is missing" });

const Operations = z
  .array(
    z.discriminatedUnion(
      "op",
      [
        z.strictObject({ op: z.literal("add"), path: Pointer, value: Value }),
        z.strictObject({ op: z.literal("replace"), path: Pointer, value: Value }),
        z.strictObject({ op: z.literal("test"), path: Pointer, value: Value }),
        z.strictObject({ op: z.literal("remove"), path: Pointer }),
        z.strictObject({ op: z.literal("move"), from: Pointer, path: Pointer }),
        z.strictObject({ op: z.literal("copy"), from: Pointer, path: Pointer }),
      ],
      { error: "one of add, replace, test, remove, move, copy" },
    ),
  )
  .max(100);

/** Keys that would reach an object's prototype. */
const RESERVED_KEYS = new Set(["__proto__", "constructor", "prototype"]);

/** One thing wrong with a patch. `index`: of the operation that is at fault, if one is. */
export interface PatchFault {
  readonly index?: number;
  readonly message: string;
}

export type Patched =
  | { readonly ok: true; readonly spec: PodSpec }
  | { readonly ok: false; readonly faults: readonly PatchFault[] };

interface Operated {
  readonly operations: readonly Operation[];
  readonly faults: readonly PatchFault[];
}

const wrong = (...faults: PatchFault[]): Patched => ({ ok: false, faults });

/**
 * The spec with a patch applied.
 *
 * @param spec is not changed
 * @param patch operations, or (Pachyderm's `pod_patch`) a text of JSON that holds them
 * @param allowed ids of `pod-policy.ts`'s rules that the operator lets a definition break
 */
export function patchPod(
  spec: PodSpec,
  patch: unknown,
  { secrets }: Pick<PodContext, "secrets">,
  allowed: readonly string[] = [],
): Patched {
  const { operations, faults } = operationsOf(patch);
  if (faults.length > 0) return { ok: false, faults };
  // A deep copy of the values too: rfc6902 puts them into the document as they are.
  const patched = structuredClone(spec) as unknown;
  const results = applyPatch(patched, structuredClone(operations) as Operation[]);
  // What follows a failed operation was applied to something that nobody meant.
  const failed = results.findIndex((result) => result !== null);
  if (failed >= 0) {
    const message = `"${operations[failed]?.path}": ${reasonOf(results[failed])}`;
    return wrong({ index: failed, message });
  }
  const pullSecrets = (spec.imagePullSecrets ?? []).map(({ name }) => name);
  return judged(patched, spec, { secrets, pullSecrets }, allowed);
}

function judged(patched: unknown, before: PodSpec, context: PodContext, allowed: readonly string[]): Patched {
  const result = PodSpec.safeParse(patched);
  if (!result.success) {
    return wrong(...result.error.issues.map((issue) => ({ message: shapeFault(issue) })));
  }
  const spec = result.data;
  const [main, ...others] = spec.containers;
  if (others.length > 0 || spec.initContainers !== undefined || main?.name !== before.containers[0]?.name) {
    return wrong({ message: 'the pod of a patch has one container, called "main", and no others' });
  }
  if (JSON.stringify(reservedEnv(spec)) !== JSON.stringify(reservedEnv(before))) {
    const names = "MILLRACE_… and KDP_INPUT";
    return wrong({ message: `the environment variables ${names} are set by Millrace, not by a patch` });
  }
  const kept = (before.volumes ?? []).find(({ name }) => !isOwn(spec, name));
  if (kept) {
    const message = `the volume "${kept.name}" is one pod's alone: an emptyDir, or an ephemeral volume`;
    return wrong({ message });
  }
  const breaches = breachesOf(spec, context, allowed);
  if (breaches.length === 0) return { ok: true, spec };
  return wrong(
    ...breaches.map(({ rule, place }) => ({
      message: `${place} is not allowed (${rule}), unless the operator allows it: MILLRACE_POD_ALLOW=${rule}`,
    })),
  );
}

/** On a volume that outlives its pod the next attempt would find what a dead one left, and publish it. */
const isOwn = ({ volumes = [] }: PodSpec, wanted: string): boolean =>
  volumes.some(({ name, emptyDir, ephemeral }) => name === wanted && (emptyDir ?? ephemeral) !== undefined);

const reservedEnv = ({ containers }: PodSpec) =>
  (containers[0]?.env ?? []).filter(({ name }) => RESERVED_ENV.test(name));

function operationsOf(patch: unknown): Operated {
  let list = patch;
  if (typeof patch === "string") {
    try {
      list = parseJson(patch);
    } catch (error) {
      return { operations: [], faults: [{ message: `the text is not JSON: ${(error as Error).message}` }] };
    }
  }
  const result = Operations.safeParse(list);
  if (!result.success) {
    const faults = result.error.issues.map(({ path: [index, ...path], message }) => ({
      ...(typeof index === "number" && { index }),
      message: path.length > 0 ? `${path.join(".")}: ${message}` : message,
    }));
    return { operations: [], faults };
  }
  const operations = result.data as readonly Operation[];
  const faults = operations.flatMap((operation, index) => {
    const key = reservedKeyIn(operation);
    return key === undefined ? [] : [{ index, message: `the key "${key}" is reserved` }];
  });
  return { operations, faults };
}

function reservedKeyIn(operation: Operation): string | undefined {
  const pointers = [operation.path, "from" in operation ? operation.from : ""];
  const steps = pointers.flatMap((pointer) => pointer.split("/").map(unescaped));
  return [...steps, ...keysOf("value" in operation ? operation.value : undefined)].find((key) =>
    RESERVED_KEYS.has(key),
  );
}

const unescaped = (step: string): string => step.replaceAll("~1", "/").replaceAll("~0", "~");

function keysOf(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [key, ...keysOf(inner)]);
}

/** rfc6902 names the class of what went wrong, and says little more. */
const REASONS: Readonly<Record<string, string>> = {
  MissingError: "there is nothing at this path",
  TestError: "the value is another than the test says",
  InvalidOperationError: "there is no such operation",
};
const reasonOf = (error: Error | null | undefined): string =>
  REASONS[error?.name ?? ""] ?? error?.message ?? "failed";

function shapeFault(issue: z.core.$ZodIssue): string {
  const place = issue.path.reduce<string>(
    (text, step) =>
      typeof step === "number" ? `${text}[${step}]` : text === "" ? String(step) : `${text}.${String(step)}`,
    "",
  );
  if (issue.code === "unrecognized_keys") {
    const keys = issue.keys.map((key) => `"${key}"`).join(", ");
    return `${place === "" ? "the pod's spec" : place} has no field ${keys} that is known here`;
  }
  return `${place}: ${issue.message}`;
}
