import { ObjectRef } from "../token/envelope.ts";
import { DATA_DEPTH, type Json, parseJson } from "../token/json.ts";
import { StageFailure } from "./failure.ts";
import type { Output, Schema } from "./stage.ts";

/** What a stage put out, checked: plain data that can be stored and sent. */
export interface CheckedOutput {
  readonly data?: Json;
  readonly objects: readonly ObjectRef[];
  /** Ids of edges; absent: every outgoing edge. */
  readonly to?: readonly string[];
}

/** The outgoing edges of a stage, as its outputs may name them. */
export interface Routing {
  readonly fanout: "copy" | "route";
  readonly edges: readonly { readonly id: string; readonly to: string }[];
}

const OUTPUT_KEYS = new Set(["data", "objects", "to"]);

/** @throws StageFailure `output-invalid` */
export async function checkOutput(
  output: unknown,
  schema: Schema<unknown> | undefined,
  routing: Routing,
): Promise<CheckedOutput> {
  if (!isPlain(output)) throw invalid(`an output is { data?, objects?, to? }, got ${shown(output)}`);
  const unknown = Object.keys(output).find((key) => !OUTPUT_KEYS.has(key));
  if (unknown !== undefined)
    throw invalid(`an output has the unknown key "${unknown}": put what is yours under "data"`);
  const { data, objects = [], to } = output as Output<unknown>;
  const checked = schema ? await checkSchema(data, schema, "output-invalid") : data;
  const edges = edgesOf(to, routing);
  if (!Array.isArray(objects)) throw invalid(`an output's objects are a list, got ${shown(objects)}`);
  return {
    ...(checked !== undefined && { data: asJson(checked) }),
    objects: objects.map(checkObject),
    ...(edges && { to: edges }),
  };
}

/**
 * Only a plain object is an output. A promise, a generator or a Map has no keys that JSON sees, and would pass for an
 * output without data.
 */
function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** @throws StageFailure with the given reason, naming every place that is wrong */
export async function checkSchema<T>(
  value: unknown,
  schema: Schema<T>,
  reason: "input-invalid" | "output-invalid",
): Promise<T> {
  const result = await schema["~standard"].validate(value);
  if (!result.issues) return result.value;
  const issues = result.issues.map(
    ({ message, path = [] }) => `${path.map(stepOf).join(".") || "data"}: ${message}`,
  );
  throw new StageFailure(reason, issues.join("; "));
}

const stepOf = (step: unknown): string =>
  String(typeof step === "object" && step !== null && "key" in step ? step.key : step);

/** What JSON would make of it, so that what is stored now and what is read later are the same. */
function asJson(data: unknown): Json {
  try {
    const text = JSON.stringify(data);
    if (text !== undefined) return parseJson(text, DATA_DEPTH);
  } catch (error) {
    throw invalid(`an output's data is not JSON: ${(error as Error).message}`);
  }
  throw invalid(`an output's data is not JSON: ${shown(data)}`);
}

function checkObject(object: unknown): ObjectRef {
  const result = ObjectRef.safeParse(object);
  if (result.success) return result.data;
  throw invalid(`an output's object is not one that was read or written here: ${shown(object)}`);
}

function edgesOf(to: unknown, { fanout, edges }: Routing): string[] | undefined {
  if (fanout === "copy") {
    if (to === undefined) return undefined;
    throw invalid(
      `an output says to: ${shown(to)}, but the stage copies its outputs to every edge (fanout: copy)`,
    );
  }
  const known = edges.map((edge) => edge.to).join(", ");
  if (to === undefined) throw invalid(`an output does not say where it goes: set "to" to one of ${known}`);
  // Named twice, it would be counted as two tokens, and be one: a token's id is made of its edge and place.
  return [...new Set([to].flat())].map((name) => {
    const edge = edges.find((candidate) => candidate.to === name);
    if (!edge) throw invalid(`an output goes to ${shown(name)}, but the stage's edges lead to ${known}`);
    return edge.id;
  });
}

const invalid = (message: string): StageFailure => new StageFailure("output-invalid", message);

const shown = (value: unknown): string => {
  const isOdd = typeof value === "object" && value !== null && !Array.isArray(value) && !isPlain(value);
  const text = isOdd ? Object.prototype.toString.call(value) : (safeJson(value) ?? typeof value);
  return text.length > 100 ? `${text.slice(0, 97)}...` : text;
};

function safeJson(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}
