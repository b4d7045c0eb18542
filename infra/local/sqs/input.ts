import { invalidValue, missingParameter, SqsError } from "./errors.ts";
import type { Range } from "./limits.ts";

/** A JSON object of a request. Parameters that nobody asks for are ignored, as AWS ignores them. */
export type Input = Readonly<Record<string, unknown>>;

const wrongType = (name: string, type: string): SqsError =>
  new SqsError("SerializationException", `Expected ${type} as the value of ${name}.`);

const isObject = (value: unknown): value is Input =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** @throws SqsError if a request's body is not a JSON object */
export function parseInput(body: string): Input {
  try {
    const parsed: unknown = JSON.parse(body === "" ? "{}" : body);
    if (isObject(parsed)) return parsed;
  } catch {
    // Falls through to the refusal.
  }
  throw new SqsError("SerializationException", "The request's body is not a JSON object.");
}

export function optionalText(input: Input, name: string): string | undefined {
  const value = input[name] ?? undefined;
  if (value !== undefined && typeof value !== "string") throw wrongType(name, "a string");
  return value;
}

/** An empty text counts as missing. */
export function requiredText(input: Input, name: string): string {
  const value = optionalText(input, name);
  if (!value) throw missingParameter(name);
  return value;
}

/** An integer within the range, if it is given. */
export function optionalInteger(input: Input, name: string, { least, most }: Range): number | undefined {
  const value = input[name] ?? undefined;
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !Number.isInteger(value)) throw wrongType(name, "an integer");
  if (value < least || value > most) {
    throw invalidValue(name, value, `Must be >= ${least} and <= ${most}, if provided.`);
  }
  return value;
}

export function requiredInteger(input: Input, name: string, range: Range): number {
  const value = optionalInteger(input, name, range);
  if (value === undefined) throw missingParameter(name);
  return value;
}

/** A list of texts; empty if it is not given. */
export function texts(input: Input, name: string): readonly string[] {
  const value = input[name] ?? [];
  if (!Array.isArray(value) || !value.every((one) => typeof one === "string")) {
    throw wrongType(name, "a list of strings");
  }
  return value;
}

/** A map of texts; empty if it is not given. */
export function textMap(input: Input, name: string): Readonly<Record<string, string>> {
  const value = input[name] ?? {};
  if (!isObject(value) || !Object.values(value).every((one) => typeof one === "string")) {
    throw wrongType(name, "a map of strings");
  }
  return value as Readonly<Record<string, string>>;
}

/** A map of objects; empty if it is not given. */
export function objectMap(input: Input, name: string): Readonly<Record<string, Input>> {
  const value = input[name] ?? {};
  if (!isObject(value) || !Object.values(value).every(isObject)) throw wrongType(name, "a map of objects");
  return value as Readonly<Record<string, Input>>;
}

/** A list of objects; empty if it is not given. */
export function objects(input: Input, name: string): readonly Input[] {
  const value = input[name] ?? [];
  if (!Array.isArray(value) || !value.every(isObject)) throw wrongType(name, "a list of objects");
  return value;
}
