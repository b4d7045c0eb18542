import { expect, test } from "vitest";
import * as z from "zod";
import { reject, type StageDefinition } from "../../../lib/stage/stage.ts";
import { handlerWork } from "../../../lib/stage/work.ts";
import { ATTEMPT, failureIn, surroundings, TOKEN, tried } from "./trying.ts";

/** What user code may do although its types say otherwise. */
const untyped = (run: () => unknown): StageDefinition["run"] => run as StageDefinition["run"];

test.for([
  ["nothing", () => undefined, []],
  ["null", () => null, []],
  ["an empty list", () => [], []],
  ["one output", () => ({ data: 1 }), [1]],
  ["a list", () => [{ data: 1 }, { data: 2 }], [1, 2]],
  ["a promise of a list", async () => [{ data: 1 }, { data: 2 }], [1, 2]],
  [
    "a stream",
    async function* () {
      yield { data: 1 };
      yield { data: 2 };
    },
    [1, 2],
  ],
] as [string, () => unknown, number[]][])("a handler may answer %s", async ([, run, expected]) => {
  const { outputs } = await tried(untyped(run));
  expect(outputs.map(({ data }) => data)).toEqual(expected);
});

test("what was emitted comes before what is answered", async () => {
  const { outputs } = await tried((_, { emit }) => {
    emit({ data: 1 });
    emit({ data: 2 });
    return { data: 3 };
  });
  expect(outputs.map(({ data }) => data)).toEqual([1, 2, 3]);
});

test("a handler gets its token, and the data that its schema made of it", async () => {
  const seen: unknown[] = [];
  const definition = {
    input: z.object({ text: z.string().transform((text) => text.split(" ")) }),
    run: (token: unknown) => void seen.push(token),
  } as StageDefinition;
  await handlerWork(definition)(ATTEMPT, surroundings());
  expect(seen).toEqual([{ ...TOKEN, data: { text: ["one", "two"] } }]);
});

test("a token that does not meet the schema never reaches the handler", async () => {
  let calls = 0;
  const definition = {
    input: z.object({ barcode: z.string() }),
    run: () => {
      calls += 1;
    },
  } as unknown as StageDefinition;
  const { failure } = await failureIn(handlerWork(definition)(ATTEMPT, surroundings()));
  expect([failure.reason, failure.message, calls]).toEqual([
    "input-invalid",
    "barcode: Invalid input: expected string, received undefined",
    0,
  ]);
});

test.for([
  [
    "throws",
    () => {
      throw new Error("no such page");
    },
    "error: no such page",
  ],
  ["rejects", () => Promise.reject(new Error("no such page")), "error: no such page"],
  [
    "throws within a stream",
    async function* () {
      yield { data: 1 };
      throw new Error("no such page");
    },
    "error: no such page",
  ],
  [
    "throws a text",
    () => {
      throw "no such page";
    },
    "error: threw 'no such page'",
  ],
  [
    "throws a BigInt",
    () => {
      throw 10n;
    },
    "error: threw 10n",
  ],
  [
    "throws nothing",
    () => {
      throw undefined;
    },
    "error: threw undefined",
  ],
  ["refuses the token", () => reject("not a scan"), "rejected: not a scan"],
  ["answers a number", () => 7, "output-invalid: an output is { data?, objects?, to? }, got 7"],
  ["answers a text", () => "done", 'output-invalid: an output is { data?, objects?, to? }, got "done"'],
  ["answers true", () => true, "output-invalid: an output is { data?, objects?, to? }, got true"],
  [
    "answers promises",
    () => [Promise.resolve({ data: 1 })],
    "output-invalid: an output is { data?, objects?, to? }, got [object Promise]",
  ],
  [
    "answers a stream that is none",
    function* () {
      yield { data: 1 };
    },
    "output-invalid: an output is { data?, objects?, to? }, got [object Generator]",
  ],
  [
    "answers one output too few",
    () => [{ data: 1 }, undefined],
    "output-invalid: an output is { data?, objects?, to? }, got undefined",
  ],
] as [string, () => unknown, string][])("a handler that %s fails its attempt", async ([, run, expected]) => {
  const { failure } = await failureIn(tried(untyped(run)));
  expect(`${failure.reason}: ${failure.message}`).toBe(expected);
});

test("one bad output spoils them all", async () => {
  const { failure } = await failureIn(
    tried(() => [{ data: 1 }, { data: 2, objects: [{ key: "k", size: 1, etag: "e" }], to: "publish" }]),
  );
  expect(failure.reason).toBe("output-invalid");
});

test("an output that does not meet the stage's schema fails the attempt", async () => {
  const definition = {
    output: z.object({ page: z.number() }),
    run: () => ({ data: { page: "1" } }),
  } as unknown as StageDefinition;
  const { failure } = await failureIn(handlerWork(definition)(ATTEMPT, surroundings()));
  expect(`${failure.reason}: ${failure.message}`).toBe(
    "output-invalid: page: Invalid input: expected number, received string",
  );
});

test("a failed attempt keeps its log", async () => {
  const { log } = await failureIn(
    tried((_, context) => {
      context.log.warn("page 7 is empty");
      throw new Error("no such page");
    }),
  );
  expect(log).toEqual(["warn page 7 is empty"]);
});
