import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { FunctionHost } from "../../infra/local/function-host.ts";
import { temporaryFolder } from "../temporary-folder.ts";

/** Execution environments: what one function does to itself, it does to itself. */
const hostOf = ({
  timeoutSeconds = 60,
  fixture = "probe",
  env = { ONLY: "this" },
}: {
  timeoutSeconds?: number;
  fixture?: string;
  env?: Record<string, string>;
} = {}): { host: FunctionHost; lines: string[] } => {
  const lines: string[] = [];
  const plan = { name: "probe", timeoutSeconds, memoryMb: 128, batchSize: 1 };
  const module = join(import.meta.dirname, `fixtures/${fixture}.ts`);
  const host = new FunctionHost({ plan, module, env }, (_, line) => lines.push(line));
  onTestFinished(() => host.close());
  return { host, lines };
};

test("it answers, keeps its state between invocations, and has an environment of its own", async () => {
  const { host, lines } = hostOf();
  expect(await host.invoke({ do: "count" })).toBe(1);
  expect(await host.invoke({ do: "count" })).toBe(2);
  expect(await host.invoke({ do: "env" })).toEqual({ ONLY: "this" });
  await host.invoke({ do: "print" });
  await expect.poll(() => lines).toEqual(["printed"]);
});

test("the last words of a function that dies are heard, and a line without end comes in pieces", async () => {
  const { host, lines } = hostOf();
  await host.invoke({ do: "print-long" });
  await expect.poll(() => lines.map((line) => line.length)).toEqual([65_536, 65_536, 65_536]);
  await expect(host.invoke({ do: "last-words" })).rejects.toThrow("probe ended with exit code 4");
  await expect.poll(() => lines.at(-1)).toBe("x".repeat(3392).concat("last words"));
});

test("loading is not charged to the first invocation", async () => {
  const { host } = hostOf({ timeoutSeconds: 1, fixture: "loads-late" });
  expect(await host.invoke({})).toBe("loaded");
});

test("what cannot be loaded says why, and is loaded anew for the next invocation", async () => {
  const needed = join(temporaryFolder(), "needed");
  const { host } = hostOf({ fixture: "loads-when-there", env: { NEEDS: needed } });
  await expect(host.invoke({})).rejects.toThrow("probe cannot be loaded: something is missing");
  writeFileSync(needed, "");
  expect(await host.invoke({})).toBe("loaded");
});

test.for([
  ["throw", 60, "thrown"],
  ["exit", 60, "probe ended with exit code 3"],
  ["spin", 1, "probe ran over its time of 1 s"],
  ["exhaust", 60, "probe died: Worker terminated due to reaching memory limit: JS heap out of memory"],
] as const)(
  "%s rejects the invocation, and the next one is answered",
  async ([what, timeoutSeconds, message]) => {
    const { host } = hostOf({ timeoutSeconds });
    expect(await host.invoke({ do: "count" })).toBe(1);
    await expect(host.invoke({ do: what })).rejects.toThrow(message);
    // What only throws is alive still; what died starts afresh.
    expect(await host.invoke({ do: "count" })).toBe(what === "throw" ? 2 : 1);
  },
);

test("the time that is left is told, and it runs out", async () => {
  const { host } = hostOf();
  const left = (await host.invoke({ do: "remaining" })) as number;
  expect(left).toBeGreaterThan(30_000);
  expect(left).toBeLessThanOrEqual(60_000);
});

test("closing rejects what is under way", async () => {
  const { host } = hostOf();
  const pending = host.invoke({ do: "hang" });
  const rejected = expect(pending).rejects.toThrow("probe was stopped");
  await host.close();
  await rejected;
});
