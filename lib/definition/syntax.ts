import { Composer, type Document, Lexer, Parser } from "yaml";

/** Collections within collections. An honest definition needs seven. */
export const MAX_DEPTH = 50;
/** What else stands on the parser's stack: the document, and perhaps the scalar that is being read. */
const BESIDES = 2;

/** YAML 1.2's core schema, also for a document that asks for 1.1: no merge keys, no sets, no bytes, no dates. */
const CORE = {
  schema: "core",
  version: "1.2",
  resolveKnownTags: false,
  merge: false,
  uniqueKeys: false,
} as const;

export type Composed = { readonly documents: readonly Document.Parsed[] } | { readonly tooDeepAt: number };

/**
 * Reads a stream of YAML documents from an untrusted source.
 *
 * The parser keeps a stack of its own, but what composes its tokens recurses: some ten thousand brackets end the process
 * (V8 runs out of memory inside a regular expression, which nothing can catch). So the depth is bounded while the tokens
 * are made. Errors come bare, because quoting the line of each of 100,000 errors on one line takes half a minute; and
 * keys are not compared here, where each is compared with every other.
 */
export function composeDocuments(text: string): Composed {
  const parser = new Parser();
  const tokens = [];
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) tokens.push(token);
    if (parser.stack.length > MAX_DEPTH + BESIDES) return { tooDeepAt: parser.offset };
  }
  for (const token of parser.end()) tokens.push(token);
  const composer = new Composer(CORE);
  return { documents: [...composer.compose(tokens)] };
}
