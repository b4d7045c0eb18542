import { describe, expect, test } from "vitest";
import { compileCondition, compileProjection } from "./services/conditions.ts";
import { checkPlaceholders, type Item } from "./services/expressions.ts";
import { compileUpdate } from "./services/updates.ts";

const holds = (text: string, item: Item | undefined, values: Record<string, unknown> = {}): boolean =>
  compileCondition(text).evaluate({ item, names: { "#state": "state" }, values });

const updated = (text: string, item: Item | undefined, values: Record<string, unknown> = {}): Item =>
  compileUpdate(text).evaluate({ item, names: { "#state": "state", "#log": "log" }, values });

describe("conditions", () => {
  test.for<[text: string, item: Item | undefined, values: Record<string, unknown>, expected: boolean]>([
    ["attribute_not_exists(a)", undefined, {}, true],
    ["attribute_not_exists(a)", { a: null }, {}, false],
    ["attribute_exists(a)", { a: 0 }, {}, true],
    ["attribute_exists(a.b)", { a: { b: 1 } }, {}, true],
    ["attribute_exists(a.b)", { a: { c: 1 } }, {}, false],
    ["a = :a", { a: 1 }, { ":a": 1 }, true],
    ["a = :a", { a: 1 }, { ":a": "1" }, false],
    ["a = :a", undefined, { ":a": 1 }, false],
    ["a < :a", { a: 1 }, { ":a": 2 }, true],
    ["a < :a", { a: 2 }, { ":a": 2 }, false],
    ["a < :a", {}, { ":a": 2 }, false],
    ["a <= :a", { a: 2 }, { ":a": 2 }, true],
    ["a >= :a", { a: 1 }, { ":a": 2 }, false],
    ["a > :a", { a: "b" }, { ":a": "a" }, true],
    ["#state = :s", { state: "FAILED" }, { ":s": "FAILED" }, true],
    ["begins_with(a, :p)", { a: "sort_left#2026" }, { ":p": "sort_left#" }, true],
    ["begins_with(a, :p)", { a: "sort_right#2026" }, { ":p": "sort_left#" }, false],
    ["a BETWEEN :low AND :high", { a: "b" }, { ":low": "b", ":high": "c" }, true],
    ["a BETWEEN :low AND :high", { a: "c~" }, { ":low": "b", ":high": "c" }, false],
    ["a BETWEEN :low AND :high", { a: 2 }, { ":low": "b", ":high": "c" }, false],
    ["a BETWEEN :low AND :high", {}, { ":low": "b", ":high": "c" }, false],
    ["begun <= attempt", { begun: 2, attempt: 2 }, {}, true],
    ["begun <= attempt", { begun: 3, attempt: 2 }, {}, false],
    ["NOT attribute_exists(a)", {}, {}, true],
  ])("%s of %j with %j is %s", ([text, item, values, expected]) => {
    expect(holds(text, item, values)).toBe(expected);
  });

  test("AND binds closer than OR, and brackets closer than both", () => {
    const item = { a: 1 };
    expect(holds("attribute_exists(a) OR attribute_exists(b) AND attribute_exists(c)", item)).toBe(true);
    expect(holds("(attribute_exists(a) OR attribute_exists(b)) AND attribute_exists(c)", item)).toBe(false);
  });

  test.for([
    "",
    "contains(a, :a)",
    "a <> :a",
    "a IN (:a)",
    "size(a) > :a",
    "a = :a AND",
    "a[0] = :a",
    "a = :a extra",
  ])("what the model does not know is an error: %s", (text) => {
    expect(() => holds(text, { a: 1 }, { ":a": 1, ":b": 2 })).toThrow();
  });

  test("a placeholder that is not given is an error, and so is one that is not used", () => {
    expect(() => holds("a = :b", { a: 1 })).toThrow("uses :b, which is not given");
    const condition = compileCondition("a = :a");
    expect(() => checkPlaceholders([condition], { names: {}, values: { ":a": 1, ":b": 2 } })).toThrow(
      ":b is given and not used",
    );
  });
});

describe("updates", () => {
  test("SET and REMOVE change what they name and nothing else", () => {
    const item = { pk: "p", sk: "s", a: 1, b: 2, state: "OLD" };
    expect(updated("SET #state = :s, c = :c REMOVE b", item, { ":s": "NEW", ":c": [1] })).toEqual({
      pk: "p",
      sk: "s",
      a: 1,
      state: "NEW",
      c: [1],
    });
    expect(item).toEqual({ pk: "p", sk: "s", a: 1, b: 2, state: "OLD" });
  });

  test("an item that is not there is made", () => {
    expect(updated("SET a = :a REMOVE b", undefined, { ":a": 1 })).toEqual({ a: 1 });
  });

  test("a list grows at its end, from nothing if need be", () => {
    const text = "SET h = list_append(if_not_exists(h, :none), :new)";
    const values = { ":none": [], ":new": ["b"] };
    expect(updated(text, { h: ["a"] }, values)).toEqual({ h: ["a", "b"] });
    expect(updated(text, {}, values)).toEqual({ h: ["b"] });
  });

  test("every value is computed from the item as it was before", () => {
    expect(updated("SET a = b, b = a", { a: 1, b: 2 })).toEqual({ a: 2, b: 1 });
  });

  test.for([
    "ADD a :a",
    "DELETE a :a",
    "SET a = a + :a",
    "SET a.b = :a",
    "SET pk = :a",
    "REMOVE sk",
    "SET a",
  ])("what the model does not know is an error: %s", (text) => {
    expect(() => updated(text, { a: 1 }, { ":a": 1 })).toThrow();
  });
});

test("a projection keeps what it names, at its place", () => {
  const item = { pk: "p", state: "FINISHED", committed: { tokens: 2, count: 1 }, body: "long" };
  const { evaluate } = compileProjection("pk, #state, committed.tokens, parent");
  expect(evaluate({ item, names: { "#state": "state" }, values: {} })).toEqual({
    pk: "p",
    state: "FINISHED",
    committed: { tokens: 2 },
  });
});
