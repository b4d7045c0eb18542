import { badRequest, invalidOptions, unsupported } from "./status.ts";

/**
 * A number of a request's query, if it is named there.
 *
 * @throws KubeError BadRequest
 */
export function wholeNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name) ?? "";
  if (text === "") return undefined;
  if (/^\d+$/.test(text)) return Number(text);
  throw badRequest(`${name} is "${text}": it must be a whole number, 0 or greater`);
}

const ALLOWED = {
  dryRun: ["All"],
  fieldValidation: ["Ignore", "Warn", "Strict"],
  propagationPolicy: ["Foreground", "Background", "Orphan"],
} as const;

/** @throws KubeError Invalid for an option of a write that no cluster knows: the write must not be done as if it were not there */
export function checkOptions(verb: string, query: URLSearchParams): void {
  for (const [name, allowed] of Object.entries(ALLOWED)) {
    const wrong = query
      .getAll(name)
      .find((value) => value !== "" && !(allowed as readonly string[]).includes(value));
    if (wrong !== undefined) throw invalidOptions(verb, unsupported(name, wrong, allowed));
  }
}

export const isDryRun = (query: URLSearchParams): boolean => query.get("dryRun") === "All";
