import {
  cached,
  type Evaluation,
  type Item,
  namesOf,
  type Path,
  type Reader,
  readOperand,
  readPath,
  valueAt,
} from "./expressions.ts";

type Test = Evaluation<boolean>;

/** A condition, filter or key condition. */
export const compileCondition = cached(readEither);

function readEither(reader: Reader): Test {
  const tests = [readBoth(reader)];
  while (reader.take("OR")) tests.push(readBoth(reader));
  return (scope) => tests.some((test) => test(scope));
}

function readBoth(reader: Reader): Test {
  const tests = [readOne(reader)];
  while (reader.take("AND")) tests.push(readOne(reader));
  return (scope) => tests.every((test) => test(scope));
}

function readOne(reader: Reader): Test {
  if (reader.take("NOT")) {
    const test = readOne(reader);
    return (scope) => !test(scope);
  }
  if (reader.take("(")) {
    const test = readEither(reader);
    reader.expect(")");
    return test;
  }
  const known = FUNCTIONS.find(([name]) => reader.take(name));
  if (!known) return readComparison(reader);
  reader.expect("(");
  const test = known[1](reader);
  reader.expect(")");
  return test;
}

const isThere =
  (path: Path): Test =>
  ({ item, names }) =>
    valueAt(item, namesOf(path, names)) !== undefined;

const FUNCTIONS: readonly [name: string, read: (reader: Reader) => Test][] = [
  ["attribute_exists", (reader) => isThere(readPath(reader))],
  [
    "attribute_not_exists",
    (reader) => {
      const there = isThere(readPath(reader));
      return (scope) => !there(scope);
    },
  ],
  [
    "begins_with",
    (reader) => {
      const text = readOperand(reader);
      reader.expect(",");
      const beginning = readOperand(reader);
      return (scope) => {
        const [whole, part] = [text(scope), beginning(scope)];
        return typeof whole === "string" && typeof part === "string" && whole.startsWith(part);
      };
    },
  ],
];

type Comparable = string | number;

const COMPARISONS: Readonly<Record<string, (left: Comparable, right: Comparable) => boolean>> = {
  "=": (left, right) => left === right,
  "<": (left, right) => left < right,
  "<=": (left, right) => left <= right,
  ">": (left, right) => left > right,
  ">=": (left, right) => left >= right,
};

const isComparable = (value: unknown): value is Comparable =>
  typeof value === "string" || typeof value === "number";

/** An attribute that is absent, or of another type, meets none of these (it would meet `<>`, which is not known here). */
function readComparison(reader: Reader): Test {
  const left = readOperand(reader);
  if (reader.take("BETWEEN")) return readRange(reader, left);
  const compare = COMPARISONS[reader.next()];
  if (!compare) throw reader.error("has no comparison that is known");
  const right = readOperand(reader);
  return (scope) => {
    const [one, other] = [left(scope), right(scope)];
    return isComparable(one) && isComparable(other) && typeof one === typeof other && compare(one, other);
  };
}

function readRange(reader: Reader, operand: Evaluation<unknown>): Test {
  const low = readOperand(reader);
  reader.expect("AND");
  const high = readOperand(reader);
  return (scope) => {
    const values = [low(scope), operand(scope), high(scope)];
    const [least, value, most] = values;
    const isOneType = values.every(isComparable) && new Set(values.map((each) => typeof each)).size === 1;
    return (
      isOneType &&
      (least as Comparable) <= (value as Comparable) &&
      (value as Comparable) <= (most as Comparable)
    );
  };
}

/** The attributes of an item that a projection names. */
export const compileProjection = cached<Item>((reader) => {
  const paths = [readPath(reader)];
  while (reader.take(",")) paths.push(readPath(reader));
  return ({ item, names }) => {
    const projected: Record<string, unknown> = {};
    for (const path of paths) place(projected, namesOf(path, names), item);
    return projected;
  };
});

function place(target: Record<string, unknown>, steps: readonly string[], item: Item | undefined): void {
  const value = valueAt(item, steps);
  if (value === undefined) return;
  let parent = target;
  for (const step of steps.slice(0, -1)) {
    parent[step] ??= {};
    parent = parent[step] as Record<string, unknown>;
  }
  parent[steps.at(-1) ?? ""] = value;
}
