import {
  cached,
  type Evaluation,
  type Item,
  namesOf,
  type Reader,
  readOperand,
  readPath,
  valueAt,
} from "./expressions.ts";

type Change = (changed: Record<string, unknown>, scope: Parameters<Evaluation<unknown>>[0]) => void;

/** An update expression of SET and REMOVE clauses. Every value is computed from the item as it was before. */
export const compileUpdate = cached<Item>((reader) => {
  const changes: Change[] = [];
  while (!reader.isAtEnd) {
    const read = reader.take("SET") ? readSet : reader.take("REMOVE") ? readRemove : undefined;
    if (!read) throw reader.error("has a clause other than SET and REMOVE");
    do changes.push(read(reader));
    while (reader.take(","));
  }
  return (scope) => {
    const changed = { ...scope.item };
    for (const change of changes) change(changed, scope);
    return changed;
  };
});

function readSet(reader: Reader): Change {
  const name = readName(reader);
  reader.expect("=");
  const value = readValue(reader);
  return (changed, scope) => {
    changed[name(scope)] = value(scope);
  };
}

function readRemove(reader: Reader): Change {
  const name = readName(reader);
  return (changed, scope) => {
    delete changed[name(scope)];
  };
}

/** Only whole attributes are changed, and never a key. */
function readName(reader: Reader): Evaluation<string> {
  const path = readPath(reader);
  if (path.length > 1) throw reader.error("changes a part of an attribute");
  return ({ names }) => {
    const [name = ""] = namesOf(path, names);
    if (name === "pk" || name === "sk") throw reader.error(`changes the key ${name}`);
    return name;
  };
}

function readValue(reader: Reader): Evaluation<unknown> {
  if (reader.take("list_append")) {
    const [first, second] = readPair(reader);
    return (scope) => [...listOf(first(scope)), ...listOf(second(scope))];
  }
  if (!reader.take("if_not_exists")) return readOperand(reader);
  reader.expect("(");
  const path = readPath(reader);
  reader.expect(",");
  const otherwise = readValue(reader);
  reader.expect(")");
  return (scope) => valueAt(scope.item, namesOf(path, scope.names)) ?? otherwise(scope);
}

function readPair(reader: Reader): [Evaluation<unknown>, Evaluation<unknown>] {
  reader.expect("(");
  const first = readValue(reader);
  reader.expect(",");
  const second = readValue(reader);
  reader.expect(")");
  return [first, second];
}

function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error("list_append takes lists");
  return value;
}
