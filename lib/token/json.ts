/** JSON from outside: what `JSON.parse` takes, but of bounded depth. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/**
 * Deeper than any honest document. `JSON.parse` itself accepts 200,000 levels; everything that walks the value
 * afterwards (`JSON.stringify`, schemas) would exhaust the stack.
 */
const MAX_DEPTH = 200;

/** @throws SyntaxError when the text is not JSON, or nested too deeply */
export function parseJson(text: string): Json {
  if (depthExceeds(text, MAX_DEPTH)) throw new SyntaxError(`JSON nested deeper than ${MAX_DEPTH} levels`);
  return JSON.parse(text) as Json;
}

/** Brackets that are open at once, outside strings. A loop, because a regular expression for strings can be made to crawl. */
function depthExceeds(text: string, limit: number): boolean {
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
