import { expect, test } from "vitest";
import { loadPayload, outputsOf } from "../../../lib/stage/emission.ts";
import { happen } from "../../../lib/stage/lasting.ts";
import { callbacks } from "../api/around-callbacks.ts";

/** Whoever has to try again waits; the time for that is made to pass. */
async function settled<T>(
  { clock }: ReturnType<typeof callbacks>,
  tasks: readonly Promise<T>[],
): Promise<T[]> {
  let isOver = false;
  const all = Promise.all(tasks).finally(() => {
    isOver = true;
  });
  await clock.runUntil(() => isOver);
  return all;
}

test("of several who finish at once, what the first put out can still be read", async () => {
  const around = callbacks();
  const { id } = await around.tokens();
  const row = around.row(id);
  const outcomes = await settled(
    around,
    ["a", "b", "c"].map((letter) => {
      const data = {
        outputs: Array.from({ length: 40 }, (_, n) => ({ data: `${letter}${n}`.padEnd(5000, letter) })),
      };
      return happen(row, { event: "finish", attempt: 1, eventId: letter, data }, around.dependencies);
    }),
  );
  expect(outcomes.map(({ kind }) => kind)).toEqual(["applied", "applied", "applied"]);
  const committed = await outputsOf(around.row(id).committed!, around.dependencies.objects);
  expect(committed).toHaveLength(40);
  const loaded = await Promise.all(
    committed.map(({ payload }) => loadPayload(payload, around.dependencies.objects)),
  );
  expect(new Set(loaded.map(({ data }) => String(data).at(-1))).size).toBe(1);
});

test("an operator's finish takes the outputs of the attempt that it finishes", async () => {
  const around = callbacks();
  const { id, key } = await around.tokens();
  const first = around.row(id);
  const { outputsOf: list } = around.dependencies;
  const outputsOf: typeof list = async (row, ...rest) => {
    // While the first attempt's outputs are looked at, it fails.
    if (row.begun === 1) await around.report(id, key, { event: "fail" });
    return list(row, ...rest);
  };
  const dependencies = { ...around.dependencies, outputsOf };
  await settled(around, [happen(first, { event: "finish", eventId: "by-hand" }, dependencies)]);
  expect(around.row(id)).toMatchObject({ state: "FINISHED", attempt: 2, committed: { attempt: "2" } });
});

test("a job that is made ready calls for its message, as one that is tried again does", async () => {
  const around = callbacks();
  const { id } = await around.tokens();
  await happen(around.row(id), { event: "reset", eventId: "1" }, around.dependencies);
  expect(around.woken).toEqual([]);
  await happen(around.row(id), { event: "ready", eventId: "2" }, around.dependencies);
  expect(around.woken).toEqual([["handle-1", 1]]);
});
