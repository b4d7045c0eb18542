import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type Runtime, startRuntime } from "../../infra/local/runtime.ts";
import { loadDefinitions } from "../../lib/definition/files.ts";
import { makePlan } from "../../lib/plan/plan.ts";
import { temporaryFolder } from "../temporary-folder.ts";

/** The runtime in the test's own process, where its inside can be looked at. */

/** One of the tests' own pipelines. */
export const definitionOf = (name: string): string =>
  join(import.meta.dirname, "pipelines", name, "pipeline.yaml");

export interface InProcess {
  readonly runtime: Runtime;
  /** What users would have been shown. */
  readonly said: readonly string[];
  /** Happens when the test is over, if it has not before. */
  stop(): Promise<void>;
}

/** Starts it on the definitions in these files, which must be good. */
export async function startInProcess(files: readonly string[], data = temporaryFolder()): Promise<InProcess> {
  const { definitions, defects } = loadDefinitions(files);
  if (defects.length > 0) throw new Error(JSON.stringify(defects));
  const said: string[] = [];
  const say = (message: string): void => void said.push(message);
  const runtime = await startRuntime({ plan: makePlan(definitions), data, port: 0, say });
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= runtime.stop();
    return stopped;
  };
  onTestFinished(stop);
  return { runtime, said, stop };
}
