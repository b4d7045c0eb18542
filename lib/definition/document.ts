import {
  type Document,
  isCollection,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  parseAllDocuments,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";

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
const MAX_DEPTH = 50;
/** Keys that would reach an object's prototype when a definition is copied key by key. */
const RESERVED_KEYS = new Set(["__proto__", "constructor", "prototype"]);

export interface ParsedDocument {
  /** The document as plain data; absent when it could not be read at all. */
  readonly data: unknown;
  readonly findings: readonly Finding[];
  locate(finding: Finding, file: string): Defect;
}

/**
 * Reads YAML (and therefore JSON) from an untrusted source: no aliases, no duplicate keys, no merge keys, bounded size
 * and depth, no keys that reach a prototype. An alias is refused because a handful of them can describe a document of
 * gigabytes; a definition has no use for them.
 */
export function parseDocument(text: string): ParsedDocument {
  const lines = new LineCounter();
  if (Buffer.byteLength(text) > MAX_BYTES) {
    return unreadable(
      lines,
      "yaml-limits",
      `the file has more than ${MAX_BYTES} bytes`,
      "a definition is one pipeline",
    );
  }
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    uniqueKeys: true,
    merge: false,
    version: "1.2",
  });
  const [doc, second] = [...documents];
  if (!doc || doc.contents === null) {
    return unreadable(lines, "yaml-syntax", "the file is empty", "begin with `id:` and `stages:`");
  }
  const findings: Finding[] = [];
  const offsets = new Map<Finding, number>();
  for (const problem of [...doc.errors, ...doc.warnings]) {
    const finding = {
      rule: "yaml-syntax",
      path: [],
      message: firstLine(problem.message),
      hint: "mend the YAML here",
    };
    offsets.set(finding, problem.pos[0]);
    findings.push(finding);
  }
  if (second) {
    const finding = {
      rule: "one-document",
      path: [],
      message: "the file holds several documents",
      hint: "one file defines one pipeline: move the others into files of their own",
    };
    offsets.set(finding, second.range?.[0] ?? 0);
    findings.push(finding);
  }
  const shape = shapeFindings(doc);
  findings.push(...shape);
  const readable = doc.errors.length === 0 && shape.length === 0;
  return {
    data: readable ? doc.toJS({ maxAliasCount: 0 }) : undefined,
    findings,
    locate: (finding, file) => place(finding, file, offsets.get(finding) ?? offsetOf(doc, finding), lines),
  };
}

function unreadable(lines: LineCounter, rule: string, message: string, hint: string): ParsedDocument {
  const findings = [{ rule, path: [], message, hint }];
  return { data: undefined, findings, locate: (finding, file) => place(finding, file, 0, lines) };
}

function place(finding: Finding, file: string, offset: number, lines: LineCounter): Defect {
  const { line, col } = lines.linePos(offset);
  return {
    file,
    line: line || 1,
    column: col || 1,
    rule: finding.rule,
    message: finding.message,
    hint: finding.hint,
  };
}

const firstLine = (message: string): string =>
  (message.split("\n")[0] ?? message).replace(/ at line \d+, column \d+:?$/, "");

/** Aliases, depth and reserved keys, found by walking the syntax tree before any of it becomes data. */
function shapeFindings(doc: Document.Parsed): Finding[] {
  const findings: Finding[] = [];
  const walk = (node: unknown, path: Path): void => {
    if (!isNode(node)) return;
    if (path.length > MAX_DEPTH) {
      findings.push({
        rule: "yaml-limits",
        path: path.slice(0, MAX_DEPTH),
        message: `nested deeper than ${MAX_DEPTH} levels`,
        hint: "flatten it",
      });
      return;
    }
    if (!isCollection(node)) {
      if ("source" in node && !isScalar(node)) {
        findings.push({
          rule: "yaml-limits",
          path,
          message: "an alias (*name)",
          hint: "write the value out",
        });
      }
      return;
    }
    for (const [step, child, isReserved] of childrenOf(node)) {
      if (isReserved) findings.push(reservedKey([...path, step]));
      walk(child, [...path, step]);
    }
  };
  walk(doc.contents, []);
  return findings;
}

const reservedKey = (path: Path): Finding => ({
  rule: "reserved-key",
  path,
  atKey: true,
  message: `the key "${path.at(-1)}" is reserved`,
  hint: "use another name",
});

type Child = [step: string | number, node: unknown, isReserved: boolean];

function childrenOf(node: YAMLMap | YAMLSeq): Child[] {
  if (!isMap(node)) return node.items.map((item, index) => [index, item, false]);
  return node.items.map((pair) => {
    const key = keyOf(pair.key);
    return [key, pair.value, RESERVED_KEYS.has(key)];
  });
}

const keyOf = (key: unknown): string => (isScalar(key) ? String(key.value) : String(key));

/** The offset of what a finding names, or of the nearest thing around it that exists. */
function offsetOf(doc: Document.Parsed, finding: Finding): number {
  let node: unknown = doc.contents;
  let offset = startOf(node) ?? 0;
  for (const [depth, step] of finding.path.entries()) {
    const isNamed = depth === finding.path.length - 1;
    const child = isCollection(node) ? childAt(node, step) : undefined;
    if (!child) return offset;
    node = child.node;
    const value = startOf(node);
    offset = (isNamed && finding.atKey ? child.key : (value ?? child.key)) ?? offset;
  }
  return offset;
}

const startOf = (node: unknown): number | undefined => (isNode(node) ? node.range?.[0] : undefined);

function childAt(
  node: YAMLMap | YAMLSeq,
  step: string | number,
): { key: number | undefined; node: unknown } | undefined {
  if (!isMap(node)) return { key: undefined, node: node.items[Number(step)] };
  const pair = node.items.find((item) => keyOf(item.key) === String(step));
  return pair && { key: startOf(pair.key), node: pair.value };
}
