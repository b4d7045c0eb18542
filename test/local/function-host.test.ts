import { join } from "node:path";
import { expect, test } from "vitest";
import { FunctionHost } from "../../infra/local/function-host.ts";

/** Execution environments: what one function does to itself, it does to itself. */
const hostOf = (timeoutSeconds = 5): { host: FunctionHost; lines: string[] } => {
  const lines: string[] = [];
  const plan = { name: "probe", timeoutSeconds, memoryMb: 128, batchSize: 1 };
  const module = join(import.meta.dirname, "fixtures/probe.ts");
  return {
    host: new FunctionHost({ plan, module, env: { ONLY: "this" } }, (_, line) => lines.push(line)),
    lines,
  };
};

test("it answers, keeps its state between invocations, and has an environment of its own", async () => {
  const { host, lines } = hostOf();
  expect(await host.invoke({ do: "count" })).toBe(1);
  expect(await host.invoke({ do: "count" })).toBe(2);
  expect(await host.invoke({ do: "env" })).toEqual({ ONLY: "this" });
  await host.invoke({ do: "print" });
  await expect.poll(() => lines).toEqual(["printed"]);
  await host.close();
});

test.for([
  ["throw", "thrown"],
  ["exit", "probe ended with exit code 3"],
  ["spin", "probe ran over its time of 1 s"],
  ["exhaust", "probe died: Worker terminated due to reaching memory limit: JS heap out of memory"],
])("%s rejects the invocation, and the next one is answered", async ([what, message]) => {
  const { host } = hostOf(1);
  expect(await host.invoke({ do: "count" })).toBe(1);
  await expect(host.invoke({ do: what })).rejects.toThrow(message);
  // What only throws is alive still; what died starts afresh.
  expect(await host.invoke({ do: "count" })).toBe(what === "throw" ? 2 : 1);
  await host.close();
});

test("the time that is left is told, and it runs out", async () => {
  const { host } = hostOf(2);
  const left = (await host.invoke({ do: "remaining" })) as number;
  expect(left).toBeGreaterThan(1000);
  expect(left).toBeLessThanOrEqual(2000);
  await host.close();
});

test("closing rejects what is under way", async () => {
  const { host } = hostOf();
  const pending = host.invoke({ do: "hang" });
  const rejected = expect(pending).rejects.toThrow("probe was stopped");
  await host.close();
  await rejected;
});
