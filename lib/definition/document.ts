import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import { composeDocuments, MAX_DEPTH } from "./syntax.ts";

/** Where a defect is: a path into the document, and whether its key or its value is meant. */
export type Path = readonly (string | number)[];

/** One thing wrong with a definition. `rule` is stable; lines and columns count from 1. */
export interface Defect {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly rule: string;
  readonly message: string;
  readonly hint: string;
}

/** A defect before its place is known: rules speak of paths, the document knows lines. */
export interface Finding {
  readonly rule: string;
  readonly path: Path;
  /** The key at the end of the path is at fault, not what stands behind it. */
  readonly atKey?: boolean;
  readonly message: string;
  readonly hint: string;
}

/** A definition is written by hand; what is larger than this is not one. */
const MAX_BYTES = 262_144;
/** Keys that would reach an object's prototype when a definition is copied key by key. */
const RESERVED_KEYS = new Set(["__proto__", "constructor", "prototype"]);

export interface ParsedDocument {
  /** The document as plain data; absent when it could not be read at all. */
  readonly data: unknown;
  readonly findings: readonly Finding[];
  locate(finding: Finding, file: string): Defect;
}

/** What is wrong with the text itself stands at an offset, not at a path. */
type SyntaxFinding = Finding & { readonly offset: number };

/**
 * Reads YAML (and therefore JSON) from an untrusted source: no aliases, no duplicate keys, no merge keys, bounded size
 * and depth, no keys that reach a prototype. An alias is refused because a handful of them can describe a document of
 * gigabytes; a definition has no use for them.
 */
export function parseDocument(text: string): ParsedDocument {
  const lines = linesOf(text);
  if (Buffer.byteLength(text) > MAX_BYTES) {
    const message = `the file has more than ${MAX_BYTES} bytes`;
    return unreadable(lines, syntaxFinding("yaml-limits", 0, message, "a definition is one pipeline"));
  }
  const composed = composeDocuments(text);
  if ("tooDeepAt" in composed) {
    const message = `nested deeper than ${MAX_DEPTH} levels`;
    return unreadable(lines, syntaxFinding("yaml-limits", composed.tooDeepAt, message, "flatten it"));
  }
  const [doc, second] = composed.documents;
  if (!doc || (doc.contents === null && doc.errors.length === 0)) {
    const hint = "begin with `id:` and `stages:`";
    return unreadable(lines, syntaxFinding("yaml-syntax", 0, "the file is empty", hint));
  }
  const problems = [...doc.errors, ...doc.warnings].map(({ message, pos: [offset] }) =>
    syntaxFinding("yaml-syntax", offset, message, "mend the YAML here"),
  );
  // What an error left behind is no tree to judge.
  const isWhole = doc.errors.length === 0;
  const tree = isWhole ? treeFindings(doc.contents, []) : [];
  return {
    data: isWhole && tree.length === 0 ? doc.toJS({ maxAliasCount: 0 }) : undefined,
    findings: [...problems, ...(second ? [severalDocuments(second)] : []), ...tree],
    locate: (finding, file) => place(finding, file, offsetOf(doc, finding), lines),
  };
}

function linesOf(text: string): LineCounter {
  const lines = new LineCounter();
  lines.addNewLine(0);
  for (const { index } of text.matchAll(/\n/g)) lines.addNewLine(index + 1);
  return lines;
}

const syntaxFinding = (rule: string, offset: number, message: string, hint: string): SyntaxFinding => ({
  rule,
  path: [],
  offset,
  message,
  hint,
});

function unreadable(lines: LineCounter, finding: SyntaxFinding): ParsedDocument {
  return {
    data: undefined,
    findings: [finding],
    locate: (_, file) => place(finding, file, finding.offset, lines),
  };
}

const severalDocuments = (second: Document.Parsed): SyntaxFinding =>
  syntaxFinding(
    "one-document",
    second.range[0],
    "the file holds several documents",
    "one file defines one pipeline: move the others into files of their own",
  );

function place({ rule, message, hint }: Finding, file: string, offset: number, lines: LineCounter): Defect {
  const { line, col } = lines.linePos(offset);
  return { file, line, column: col, rule, message, hint };
}

/** Aliases, keys that are no text, duplicate and reserved keys: found before any of it becomes data. */
function treeFindings(node: unknown, path: Path): Finding[] {
  if (isAlias(node)) return [alias(path)];
  if (isSeq(node)) return node.items.flatMap((item, index) => treeFindings(item, [...path, index]));
  return isMap(node) ? mapFindings(node, path) : [];
}

function mapFindings(map: YAMLMap, path: Path): Finding[] {
  const seen = new Set<string>();
  return map.items.flatMap(({ key, value }) => {
    const name = nameOf(key);
    if (name === undefined) return [unnamed(startOf(key) ?? startOf(value) ?? 0)];
    const isDuplicate = seen.has(name);
    seen.add(name);
    return [
      ...(RESERVED_KEYS.has(name) ? [reserved([...path, name])] : []),
      ...(isDuplicate ? [duplicate(name, startOf(key) ?? 0)] : []),
      ...treeFindings(value, [...path, name]),
    ];
  });
}

const alias = (path: Path): Finding => ({
  rule: "yaml-limits",
  path,
  message: "an alias (*name)",
  hint: "write the value out",
});

const reserved = (path: Path): Finding => ({
  rule: "reserved-key",
  path,
  atKey: true,
  message: `the key "${path.at(-1)}" is reserved`,
  hint: "use another name",
});

const duplicate = (name: string, offset: number): SyntaxFinding =>
  syntaxFinding("yaml-syntax", offset, `the key "${name}" is there already`, "a key stands once: remove one");

const unnamed = (offset: number): SyntaxFinding =>
  syntaxFinding("yaml-limits", offset, "a key that is not plain text", "a key is a word or a number");

/** A key as text; undefined for a key that is a list, a map, an alias, or missing. */
const nameOf = (key: unknown): string | undefined =>
  isScalar(key) && key.value !== null ? String(key.value) : undefined;

/** The offset of what a finding names, or of the nearest thing around it that exists. */
function offsetOf(doc: Document.Parsed, finding: Finding | SyntaxFinding): number {
  if ("offset" in finding) return finding.offset;
  let node: unknown = doc.contents;
  let offset = startOf(node) ?? 0;
  for (const [depth, step] of finding.path.entries()) {
    const isNamed = depth === finding.path.length - 1;
    const child = isMap(node) || isSeq(node) ? childAt(node, step) : undefined;
    if (!child) return offset;
    node = child.node;
    const value = startOf(node);
    offset = (isNamed && finding.atKey ? child.key : (value ?? child.key)) ?? offset;
  }
  return offset;
}

const startOf = (node: unknown): number | undefined => (isNode(node) ? node.range?.[0] : undefined);

interface Child {
  readonly key: number | undefined;
  readonly node: unknown;
}

function childAt(node: YAMLMap | YAMLSeq, step: string | number): Child | undefined {
  if (!isMap(node)) return { key: undefined, node: node.items[Number(step)] };
  const pair = pairsOf(node).get(String(step));
  return pair && { key: startOf(pair.key), node: pair.value };
}

/** Each map is searched once for every finding in it, so its keys are looked up in an index. */
const indexes = new WeakMap<YAMLMap, ReadonlyMap<string, Pair>>();

function pairsOf(map: YAMLMap): ReadonlyMap<string, Pair> {
  const known = indexes.get(map);
  if (known) return known;
  const pairs = new Map(map.items.toReversed().map((pair) => [nameOf(pair.key) ?? "", pair]));
  indexes.set(map, pairs);
  return pairs;
}
