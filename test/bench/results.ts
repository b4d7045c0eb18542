import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { startRuntime } from "../../infra/local/runtime.ts";
import { loadDefinitions } from "../../lib/definition/files.ts";
import { makePlan } from "../../lib/plan/plan.ts";
import { peaksOf } from "./processes.ts";

/**
 * Prints what it costs when a program in a cluster leaves many small files, over real HTTP, the agent as a process:
 *
 *     node test/bench/results.ts [files, 10000] [--each]
 *
 * They belong to one output; with `--each` every file is an output of its own, and a token of the next stage. Ends with exit
 * code 1 when not all of them came to their end.
 */
const { values, positionals } = parseArgs({ allowPositionals: true, options: { each: { type: "boolean" } } });
const files = Number(positionals[0] ?? 10_000);
const each = values.each ?? false;

const { definitions } = loadDefinitions([
  join(import.meta.dirname, "../local/pipelines/heavy/pipeline.yaml"),
]);
const data = mkdtempSync(join(tmpdir(), "millrace-results-"));
const runtime = await startRuntime({
  plan: makePlan(definitions),
  data,
  port: 0,
  say: (message) => process.stderr.write(`${message}\n`),
});
const peaks: Record<string, number> = {};
const watching = setInterval(() => {
  for (const { word, mebibytes } of peaksOf("functions/agent/main.ts"))
    peaks[word] = Math.max(peaks[word] ?? 0, mebibytes);
}, 50);
const began = performance.now();
const seconds = (): string => `${((performance.now() - began) / 1000).toFixed(1)} s`;
try {
  await fetch(`${runtime.url}/v1/pipelines/heavy/tokens`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ tokens: [{ data: { name: "a", files, each } }] }),
  });
  await runtime.drained();
  clearInterval(watching);
  const { stages } = await runtime.board("heavy");
  process.stdout.write(`${files} files, ${each ? "an output each" : "one output"}: ${seconds()}\n`);
  process.stdout.write(`stages: ${JSON.stringify(stages)}\n`);
  const ends = stages["end"]?.done;
  if (stages["make"]?.done !== 1 || ends !== (each ? files : 1)) process.exitCode = 1;
  process.stdout.write(`peak memory, MiB: ${JSON.stringify(peaks)}\n`);
  process.stdout.write(`calls: ${JSON.stringify(runtime.calls())}\n`);
} finally {
  clearInterval(watching);
  await runtime.stop();
  rmSync(data, { recursive: true });
}
