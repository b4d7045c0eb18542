import type { AttributeValue, Item } from "./model.ts";

/** A path into an item: attribute names and list positions. */
export type Path = (string | number)[];

/** What dynalite's parser makes of a condition or filter expression. */
export interface Condition {
  /** `and`, `or`, `not`, `function`, or a comparator: `=`, `<>`, `<`, `<=`, `>`, `>=`, `in`, `between`. */
  type: string;
  /** Of a function: `attribute_exists`, `begins_with` ... */
  name?: string;
  args: (Condition | Operand)[];
}

type Operand = Path | AttributeValue | Condition;

/** The comparisons that are not about equality, and the way into an item. */
export interface Comparer {
  compare(operator: string, left: AttributeValue | undefined, right: (AttributeValue | undefined)[]): boolean;
  mapPath(path: Path, item: Item): AttributeValue | undefined;
}

const orderings = ["<", "<=", ">", ">=", "between"];

function sameMembers(left: string[], right: string[]): boolean {
  return left.length === right.length && left.every((member) => right.includes(member));
}

const typeOf = (value: AttributeValue | undefined): keyof AttributeValue | undefined =>
  value && (Object.keys(value)[0] as keyof AttributeValue);

/** Equality by value: sets have no order, lists and maps are compared member by member. */
function sameValue(left: AttributeValue | undefined, right: AttributeValue | undefined): boolean {
  if (!left || !right) return false;
  if (left.L && right.L) {
    const others = right.L;
    return left.L.length === others.length && left.L.every((value, i) => sameValue(value, others[i]));
  }
  if (left.M && right.M) {
    const others = right.M;
    const names = Object.keys(left.M);
    const own = left.M;
    return names.length === Object.keys(others).length && names.every((n) => sameValue(own[n], others[n]));
  }
  for (const type of ["SS", "NS", "BS"] as const) {
    const set = left[type];
    const other = right[type];
    if (set && other) return sameMembers(set, other);
  }
  const type = typeOf(left);
  return type !== undefined && left[type] === right[type];
}

function size(value: AttributeValue | undefined): AttributeValue | undefined {
  if (!value) return undefined;
  if (value.B !== undefined) return { N: String(Buffer.byteLength(value.B, "base64")) };
  if (value.M) return { N: String(Object.keys(value.M).length) };
  const counted = value.S ?? value.L ?? value.SS ?? value.NS ?? value.BS;
  return counted === undefined ? undefined : { N: String(counted.length) };
}

/**
 * Whether an item meets a parsed condition.
 *
 * dynalite evaluates the same tree, but compares lists and maps by identity (two equal maps are never equal) and knows
 * no size of an empty string, so that a condition on one of those would be refused for ever.
 */
export function meets(item: Item, condition: Condition, by: Comparer): boolean {
  const { type, args } = condition;
  if (type === "and") return args.every((arg) => meets(item, arg as Condition, by));
  if (type === "or") return args.some((arg) => meets(item, arg as Condition, by));
  if (type === "not") return !meets(item, args[0] as Condition, by);

  const resolve = (operand: Operand): AttributeValue | undefined => {
    if (Array.isArray(operand)) return by.mapPath(operand, item);
    if ("type" in operand) return size(resolve(operand.args[0] as Operand));
    return operand;
  };
  const [left, ...right] = args.map(resolve);
  if (type === "=") return sameValue(left, right[0]);
  if (type === "<>") return !sameValue(left, right[0]);
  if (type === "in") return right.some((value) => sameValue(left, value));
  // Values of different types have no order, and dynalite does not ask whether there is a value at all.
  if (orderings.includes(type) && (!left || right.some((value) => typeOf(value) !== typeOf(left))))
    return false;
  return by.compare(type === "function" ? (condition.name ?? "") : type, left, right);
}
