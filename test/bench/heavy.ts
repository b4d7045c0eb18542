import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { startRuntime } from "../../infra/local/runtime.ts";
import { loadDefinitions } from "../../lib/definition/files.ts";
import { makePlan } from "../../lib/plan/plan.ts";
import { environmentsWith } from "./processes.ts";

/**
 * Prints what it costs to send many tokens through a stage with an image that has room for twenty: the real client over HTTP,
 * the local Kubernetes, pods as processes, of which the agent is the dearest part.
 *
 *     node test/bench/heavy.ts [tokens, 200]
 *
 * Ends with exit code 1 when there were more than twenty at once, or not all are done.
 */
const CAP = 20;
const POLL_MS = 100;
const PUT_AT_ONCE = 100;
const tokens = Number(process.argv[2] ?? 200);

/** Pods with a process, at most. */
let most = 0;
const { definitions } = loadDefinitions([join(import.meta.dirname, "heavy/pipeline.yaml")]);
const data = mkdtempSync(join(tmpdir(), "millrace-heavy-"));
const runtime = await startRuntime({
  plan: makePlan(definitions),
  data,
  port: 0,
  say: (message) => process.stderr.write(`${message}\n`),
});
const watching = setInterval(() => {
  // Of this runtime: others may run on the machine.
  const own = environmentsWith("MILLRACE_POD").filter(({ MILLRACE_API }) => MILLRACE_API === runtime.url);
  const pods = new Set(own.map(({ MILLRACE_POD }) => MILLRACE_POD));
  most = Math.max(most, pods.size);
}, POLL_MS);
try {
  const before = runtime.calls();
  const began = performance.now();
  for (let put = 0; put < tokens; put += PUT_AT_ONCE) {
    const some = Array.from({ length: Math.min(PUT_AT_ONCE, tokens - put) }, (_, index) => ({
      data: put + index,
    }));
    await fetch(`${runtime.url}/v1/pipelines/trivial/tokens`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ tokens: some }),
    });
  }
  await runtime.drained();
  const seconds = (performance.now() - began) / 1000;
  const { done } = (await runtime.board("trivial")).stages["draw"] ?? { done: 0 };
  print(
    `${done} of ${tokens} tokens done in ${seconds.toFixed(1)} s, ${(tokens / seconds).toFixed(1)} a second`,
  );
  print(`pods at once, of ${CAP}: ${most}`);
  print("calls for each token:");
  for (const [operation, count] of Object.entries(runtime.calls()).sort(([, a], [, b]) => b - a)) {
    const made = count - (before[operation] ?? 0);
    if (made / tokens >= 0.005) print(`  ${operation.padEnd(32)} ${(made / tokens).toFixed(2).padStart(8)}`);
  }
  if (done !== tokens || most > CAP) process.exitCode = 1;
} finally {
  clearInterval(watching);
  await runtime.stop();
  rmSync(data, { recursive: true });
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
