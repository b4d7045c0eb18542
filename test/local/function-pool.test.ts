import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { FunctionPool } from "../../infra/local/function-pool.ts";

/** The environments of one function together. */
function poolOf(maxConcurrency: number): { pool: FunctionPool; stop: AbortController } {
  const stop = new AbortController();
  const plan = { name: "probe", timeoutSeconds: 60, memoryMb: 128, batchSize: 1, maxConcurrency };
  const code = { plan, module: join(import.meta.dirname, "fixtures/probe.ts"), env: {} };
  const pool = new FunctionPool(code, { onLine: () => {}, limit: 4, stop: stop.signal });
  onTestFinished(() => pool.close());
  return { pool, stop };
}

test("never more at once than it may, however many wait for one that ends", async () => {
  const { pool } = poolOf(1);
  const calls = Array.from({ length: 5 }, () => pool.call({ do: "count" }));
  // Each environment counts for itself: five in a row were all in one.
  expect(await Promise.all(calls)).toEqual([1, 2, 3, 4, 5]);
});

test("who waits for a free one is told when it is time to stop; what was received is worked on in its turn", async () => {
  const { pool, stop } = poolOf(1);
  const hanging = expect(pool.call({ do: "hang" })).rejects.toThrow("probe was stopped");
  const free = pool.free();
  const calls = [pool.call({ do: "count" }), pool.call({ do: "count" })];
  stop.abort();
  await free;
  await pool.close();
  await hanging;
  expect(await Promise.all(calls)).toEqual([1, 2]);
});

test("a reload is for the next invocation, and makes no further environment", async () => {
  const { pool } = poolOf(1);
  expect(await pool.call({ do: "count" })).toBe(1);
  const busy = pool.call({ do: "count" });
  await pool.reload();
  expect(await busy).toBe(2);
  expect(await Promise.all([pool.call({ do: "count" }), pool.call({ do: "count" })])).toEqual([1, 2]);
});
