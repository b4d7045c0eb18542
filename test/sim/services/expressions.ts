/**
 * The part of DynamoDB's expressions that the product uses, compiled once for each text. Whatever lies outside of it is
 * an error and never a guess, so that an expression which the model accepts means here what it means there
 * (docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html).
 */
export type Item = Readonly<Record<string, unknown>>;

export interface Scope {
  readonly item: Item | undefined;
  readonly names: Readonly<Record<string, string>>;
  readonly values: Readonly<Record<string, unknown>>;
}

export type Evaluation<Value> = (scope: Scope) => Value;

/** What an expression makes of an item, and the placeholders that it uses. */
export interface Compiled<Value> {
  readonly evaluate: Evaluation<Value>;
  readonly placeholders: ReadonlySet<string>;
}

const TOKEN = /\s*(?:([A-Za-z_][A-Za-z0-9_]*|[#:][A-Za-z0-9_]+)|(<>|<=|>=|[=<>(),.]))/y;

/** The words and signs of an expression, read from left to right. */
export class Reader {
  readonly #text: string;
  readonly #tokens: string[] = [];
  readonly placeholders = new Set<string>();
  #position = 0;

  constructor(text: string) {
    this.#text = text;
    const rest = text.trimEnd();
    TOKEN.lastIndex = 0;
    while (TOKEN.lastIndex < rest.length) {
      const start = TOKEN.lastIndex;
      const match = TOKEN.exec(rest);
      if (!match) throw new Error(`cannot read the expression at "${rest.slice(start)}"`);
      const token = match[1] ?? match[2] ?? "";
      if (/^[#:]/.test(token)) this.placeholders.add(token);
      this.#tokens.push(token);
    }
    if (this.#tokens.length === 0) throw new Error("the expression is empty");
  }

  peek(): string | undefined {
    return this.#tokens[this.#position];
  }

  next(): string {
    const token = this.peek();
    if (token === undefined) throw this.error("ends too early");
    this.#position += 1;
    return token;
  }

  /** Takes the next token if it is this one; key words are known in either case. */
  take(token: string): boolean {
    if (this.peek()?.toUpperCase() !== token.toUpperCase()) return false;
    this.#position += 1;
    return true;
  }

  expect(token: string): void {
    if (!this.take(token)) throw this.error(`has "${this.peek() ?? "its end"}" where "${token}" belongs`);
  }

  get isAtEnd(): boolean {
    return this.#position === this.#tokens.length;
  }

  error(what: string): Error {
    return new Error(`the expression "${this.#text}" ${what}`);
  }
}

export type Path = readonly string[];

export function readPath(reader: Reader): Path {
  const steps = [reader.next()];
  while (reader.take(".")) steps.push(reader.next());
  const wrong = steps.find((step) => !/^[A-Za-z_#]/.test(step));
  if (wrong !== undefined) throw reader.error(`has "${wrong}" where an attribute's name belongs`);
  return steps;
}

/** Names behind placeholders, in place of them. */
export const namesOf = (path: Path, names: Scope["names"]): string[] =>
  path.map((step) => (step.startsWith("#") ? given(names, step) : step));

function given<Value>(placeholders: Readonly<Record<string, Value>>, name: string): Value {
  const value = placeholders[name];
  if (value === undefined) throw new Error(`an expression uses ${name}, which is not given`);
  return value;
}

export const valueAt = (item: Item | undefined, steps: readonly string[]): unknown =>
  steps.reduce<unknown>((value, step) => (value as Item | undefined)?.[step], item);

/** An attribute's value, or a value that was given. */
export function readOperand(reader: Reader): Evaluation<unknown> {
  const token = reader.peek();
  if (token?.startsWith(":")) {
    reader.next();
    return ({ values }) => given(values, token);
  }
  const path = readPath(reader);
  return ({ item, names }) => valueAt(item, namesOf(path, names));
}

/** Compiles each text once: a world evaluates the same few expressions thousands of times. */
export function cached<Value>(
  read: (reader: Reader) => Evaluation<Value>,
): (text: string) => Compiled<Value> {
  const known = new Map<string, Compiled<Value>>();
  return (text) => {
    const existing = known.get(text);
    if (existing) return existing;
    const reader = new Reader(text);
    const evaluate = read(reader);
    if (!reader.isAtEnd) throw reader.error(`goes on at "${reader.peek()}"`);
    const compiled = { evaluate, placeholders: reader.placeholders };
    known.set(text, compiled);
    return compiled;
  };
}

/** DynamoDB refuses a request that gives more placeholders than its expressions use. */
export function checkPlaceholders(
  expressions: readonly Compiled<unknown>[],
  { names, values }: Pick<Scope, "names" | "values">,
): void {
  for (const name of [...Object.keys(names), ...Object.keys(values)]) {
    if (!expressions.some(({ placeholders }) => placeholders.has(name)))
      throw new Error(`${name} is given and not used in any expression`);
  }
}
