import type * as z from "zod";
import type { Finding, Path } from "./document.ts";
import { suggest } from "./suggest.ts";

type Issue = z.core.$ZodIssue;

/** What a zod schema finds wrong with a document, in the words of somebody who wrote YAML and has never heard of zod. */
export function shapeFindings(schema: z.ZodType, data: unknown, at: Path = []): Finding[] {
  const result = schema.safeParse(data, { reportInput: true });
  return result.success ? [] : result.error.issues.flatMap((issue) => toFindings(issue, schema, at));
}

function toFindings(issue: Issue, schema: z.ZodType, at: Path): Finding[] {
  const path = [...at, ...(issue.path as (string | number)[])];
  const name = String(path.at(-1) ?? "the definition");
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => ({
        rule: "unknown-key",
        path: [...path, key],
        atKey: true,
        message: `unknown key "${key}"`,
        hint: suggest(key, keysAt(schema, issue.path)),
      }));
    case "invalid_type":
      return issue.input === undefined
        ? [
            {
              rule: "missing-key",
              path: path.slice(0, -1),
              message: `"${name}" is missing${placeOf(path.slice(0, -1))}`,
              hint: `add "${name}" (${wordFor(issue.expected)})`,
            },
          ]
        : [
            {
              rule: "type",
              path,
              message: `"${name}" is ${kindOf(issue.input)}`,
              hint: `it must be: ${wordFor(issue.expected)}`,
            },
          ];
    case "invalid_key":
      return [
        {
          rule: "value",
          path,
          atKey: true,
          message: `"${name}" cannot be a key here`,
          hint: issue.issues[0]?.message ?? issue.message,
        },
      ];
    case "invalid_value":
      return [
        {
          rule: "value",
          path,
          message: `"${name}" is ${shown(issue.input)}`,
          hint: `it must be: ${issue.values.map((value) => JSON.stringify(value)).join(" or ")}`,
        },
      ];
    case "too_small":
    case "too_big":
      return [{ rule: "value", path, message: `"${name}" is ${shown(issue.input)}`, hint: boundOf(issue) }];
    case "invalid_format":
      return [
        { rule: formatRule(name), path, message: `"${name}" is ${shown(issue.input)}`, hint: issue.message },
      ];
    default:
      return [{ rule: "value", path, message: `"${name}" is ${shown(issue.input)}`, hint: issue.message }];
  }
}

/** What YAML calls it; the tables of options say the same. */
const WORDS: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a map",
  record: "a map",
};
const wordFor = (type: string): string => WORDS[type] ?? type;

type Bound = Extract<Issue, { code: "too_small" | "too_big" }>;
/** What a limit counts, one and several. A number is its own measure. */
const COUNTED: Readonly<Record<string, readonly [string, string]>> = {
  string: [" character", " characters"],
  array: [" entry", " entries"],
};
function boundOf(issue: Bound): string {
  const [limit, word] = issue.code === "too_small" ? [issue.minimum, "at least"] : [issue.maximum, "at most"];
  const [one, several] = COUNTED[issue.origin] ?? ["", ""];
  return `${word} ${limit}${Number(limit) === 1 ? one : several}`;
}

/** ` in "start"`, ` in entry 2 of "edges"`; nothing for the definition itself. */
function placeOf(path: Path): string {
  const [above, last] = [path.at(-2), path.at(-1)];
  if (last === undefined) return "";
  return typeof last === "number" ? ` in entry ${last + 1} of "${above ?? ""}"` : ` in "${last}"`;
}

const NAME_KEYS = new Set(["id", "from", "to", "source", "target"]);
const formatRule = (key: string): string => (NAME_KEYS.has(key) ? "name" : "value");

const shown = (value: unknown): string => {
  const text = typeof value === "string" ? `"${value}"` : (JSON.stringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
};

function kindOf(value: unknown): string {
  if (value === null) return "empty";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "a map" : `${shown(value)} (${wordFor(typeof value)})`;
}

/** The keys that a schema knows at a path, for the suggestion. */
function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let here: Unwrapped = unwrap(schema);
  for (const step of path) {
    const { def } = here._zod;
    if (def.type === "object" && def.shape?.[String(step)]) here = unwrap(def.shape[String(step)]);
    else if (def.type === "record") here = unwrap(def.valueType);
    else if (def.type === "array") here = unwrap(def.element);
    else return [];
  }
  return Object.keys(here._zod.def.shape ?? {});
}

/** The few fields of zod's internal definitions that walking needs (zod 4, `_zod.def`). */
interface Unwrapped {
  _zod: {
    def: {
      type: string;
      innerType?: unknown;
      valueType?: unknown;
      element?: unknown;
      shape?: Record<string, unknown>;
    };
  };
}

function unwrap(schema: unknown): Unwrapped {
  let here = schema as Unwrapped;
  while (here._zod.def.innerType) here = here._zod.def.innerType as Unwrapped;
  return here;
}
