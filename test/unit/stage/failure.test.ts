import { expect, test } from "vitest";
import {
  excerpt,
  failureOf,
  REASONS,
  RejectError,
  StageFailure,
  stackOf,
} from "../../../lib/stage/failure.ts";

test("the reasons for which a token lies in the error bucket, and whether another attempt helps", () => {
  expect(Object.entries(REASONS).map(([reason, { retry }]) => [reason, retry])).toEqual([
    ["error", true],
    ["timeout", true],
    ["exit", true],
    ["output-missing", true],
    ["output-invalid", true],
    ["input-invalid", false],
    ["rejected", false],
    ["object-missing", false],
    ["reported", true],
    ["malformed", false],
    ["crash", false],
    ["oom", true],
    ["image", true],
    ["container-config", false],
    ["unschedulable", true],
    ["quota", true],
    ["refused", false],
    ["evicted", true],
    ["node-lost", true],
    ["vanished", true],
    ["agent", true],
  ]);
});

test("a failure stays what it is", () => {
  const failure = new StageFailure("timeout", "too late");
  expect(failureOf(failure)).toBe(failure);
});

test("a refusal is told by its name, also when it comes from another copy of the library", () => {
  const foreign = Object.assign(new Error("not a scan"), { name: "RejectError" });
  for (const refusal of [new RejectError("not a scan"), foreign]) {
    expect(failureOf(refusal)).toMatchObject({ reason: "rejected", message: "not a scan", cause: refusal });
  }
});

const cyclic: Record<string, unknown> = {};
cyclic["self"] = cyclic;

test.for([
  [new Error("no such page"), "no such page"],
  [new TypeError(""), ""],
  ["a text", "threw 'a text'"],
  [{ code: 7 }, "threw { code: 7 }"],
  [undefined, "threw undefined"],
  [null, "threw null"],
  [10n, "threw 10n"],
  [Symbol("s"), "threw Symbol(s)"],
  [cyclic, "threw <ref *1> { self: [Circular *1] }"],
  [Object.create(null), "threw [Object: null prototype] {}"],
  [Object.assign(new Error("x"), { message: { not: "a text" } }), "[object Object]"],
] as const)("whatever is thrown is an error: %#", ([thrown, message]) => {
  expect(failureOf(thrown)).toMatchObject({ reason: "error", message });
});

test("a message is cut to what a row can keep, between characters", () => {
  expect(new StageFailure("error", "x".repeat(100_000)).message).toHaveLength(4000);
  expect(excerpt("ab😀", 3)).toBe("ab\ufffd");
  expect(excerpt("ab\ud800cd", 10)).toBe("ab\ufffdcd");
  expect(excerpt("ab😀", 4)).toBe("ab😀");
});

test("the stack is that of what was thrown", () => {
  const thrown = new Error("no such page");
  expect(stackOf(failureOf(thrown))).toContain("failure.test.ts");
  expect(stackOf(failureOf(thrown))).toMatch(/^Error: no such page\n/);
  expect(stackOf(failureOf("a text"))).toMatch(/^StageFailure: threw 'a text'\n/);
});

test.for([undefined, 7, "x".repeat(100_000)])("a stack that was tampered with does no harm: %#", (stack) => {
  const thrown = Object.assign(new Error("no such page"), { stack });
  expect(stackOf(failureOf(thrown)).length).toBeLessThanOrEqual(2000);
});
