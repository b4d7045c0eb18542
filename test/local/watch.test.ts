import { EventEmitter } from "node:events";
import { type FSWatcher, mkdirSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { watchPipelines } from "../../infra/local/watch.ts";
import type { PipelinePlan, Plan } from "../../lib/plan/plan.ts";
import { temporaryFolder } from "../temporary-folder.ts";

vi.mock("node:fs", async (original) => {
  const actual = await original<typeof import("node:fs")>();
  return { ...actual, watch: vi.fn(actual.watch) };
});

function watching(folder: string, data: string): string[] {
  const told: string[] = [];
  const pipeline = { id: "p", file: join(folder, "pipeline.yaml") } as PipelinePlan;
  const plan = { pipelines: [pipeline] } as unknown as Plan;
  const runtime = { plan, data: { path: data } as never, reload: async () => {} };
  onTestFinished(watchPipelines(runtime, (message) => told.push(message)));
  return told;
}

test("state that lies in the pipeline's own folder is no change of its stages", async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "data/logs"), { recursive: true });
  const told = watching(folder, join(folder, "data"));
  writeFileSync(join(folder, "data/logs/act.log"), "a line");
  writeFileSync(join(folder, "act.ts"), "");
  await expect.poll(() => told).toEqual(["p: act.ts changed: its stages are loaded anew"]);
});

const exhausted = (): Error => new Error("ENOSPC: System limit for number of file watchers reached");

test("a system that has no watches to give, now or later, is told of and ends nothing", () => {
  vi.mocked(watch).mockImplementationOnce(() => {
    throw exhausted();
  });
  const refused = watching("/pipelines/p", "/data");
  const watcher = Object.assign(new EventEmitter(), { close: () => {} });
  vi.mocked(watch).mockImplementationOnce(() => watcher as FSWatcher);
  const lost = watching("/pipelines/p", "/data");
  expect(lost).toEqual([]);
  watcher.emit("error", exhausted());
  const message =
    "p: /pipelines/p is not watched: ENOSPC: System limit for number of file watchers reached; start again to use what you change";
  expect([refused, lost]).toEqual([[message], [message]]);
});
