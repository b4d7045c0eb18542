/** JSON from outside: what `JSON.parse` takes, but of bounded depth, and only what comes out again as it went in. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/**
 * Deeper than any honest document. `JSON.parse` itself accepts 200,000 levels; everything that walks the value
 * afterwards (`JSON.stringify`, schemas) would exhaust the stack.
 */
const MAX_DEPTH = 200;

/** A token's data may be nested so deeply: the rest is for what is wrapped around it on its way, as an envelope. */
export const DATA_DEPTH = 190;

/**
 * @throws SyntaxError when the text is not JSON or nested too deeply; when it has an unpaired surrogate in a string, which no
 *   store of UTF-8 (a table's row, an object's key, an id's hash) can hold; or a number that would become another one
 */
export function parseJson(text: string, maxDepth = MAX_DEPTH): Json {
  if (depthExceeds(text, maxDepth)) throw new SyntaxError(`JSON nested deeper than ${maxDepth} levels`);
  const value = JSON.parse(text) as Json;
  const isSuspicious = SURROGATE_ESCAPE.test(text) || !text.isWellFormed();
  if (isSuspicious && !isWellFormed(value))
    throw new SyntaxError("JSON with an unpaired surrogate in a string");
  if (MAYBE_INEXACT.test(text)) JSON.parse(text, refuseInexact);
  return value;
}

/** Long digits or a large exponent; they may stand in a string as well, so this only tells where to look closely. */
const MAYBE_INEXACT = /\d{16}|\d[eE][+-]?\d{3}/;

/**
 * Numbers are doubles (RFC 8259, section 6). A fraction may be rounded in its seventeenth digit, as everywhere; but an
 * integer is often an id, and one that lost its last digits would be somebody else's.
 */
function refuseInexact(_key: string, value: unknown, { source }: { source?: string } = {}): unknown {
  if (typeof value !== "number" || source === undefined) return value;
  const isKept = /^-?\d+$/.test(source)
    ? source === "-0" || String(value) === source
    : Number.isFinite(value) && (value !== 0 || !/^[^eE]*[1-9]/.test(source));
  if (isKept) return value;
  const shown = source.length > 40 ? `${source.slice(0, 40)}...` : source;
  throw new SyntaxError(
    `JSON with the number ${shown}, which would be read as ${value}: write it as a string`,
  );
}

const SURROGATE_ESCAPE = /\\u[dD][89a-fA-F]/;

function isWellFormed(value: Json): boolean {
  if (typeof value === "string") return value.isWellFormed();
  if (Array.isArray(value)) return value.every(isWellFormed);
  if (typeof value !== "object" || value === null) return true;
  return Object.entries(value).every(([key, each]) => key.isWellFormed() && isWellFormed(each));
}

/**
 * JSON that may be the body of a message. SQS refuses U+FFFE and U+FFFF, which `JSON.stringify` lets stand; whatever else
 * SQS refuses (control characters, unpaired surrogates) is escaped by it.
 * (docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html, MessageBody)
 */
export const messageJson = (value: unknown): string =>
  JSON.stringify(value).replace(/[\ufffe\uffff]/g, (char) => (char === "\ufffe" ? "\\ufffe" : "\\uffff"));

/** The same text for equal values: an object's members are ordered by their keys' UTF-16 code units, as RFC 8785 has it. */
export function canonicalJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key] ?? null)}`);
  return `{${members.join(",")}}`;
}

/** Brackets that are open at once, outside strings. A loop, because a regular expression for strings can be made to crawl. */
export function depthExceeds(text: string, limit: number): boolean {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index += 1) {
    const char = text.charCodeAt(index);
    if (inString) {
      if (char === BACKSLASH) index += 1;
      else if (char === QUOTE) inString = false;
    } else if (char === QUOTE) inString = true;
    else depth += STEP[char] ?? 0;
    if (depth > limit) return true;
  }
  return false;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const STEP: Readonly<Record<number, number>> = { 91: 1, 123: 1, 93: -1, 125: -1 };
