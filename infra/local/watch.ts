import { type FSWatcher, watch } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import type { Runtime } from "./runtime.ts";

/** An editor writes a file in several steps; what happens within this time is one change. */
const SETTLE_MS = 100;

type Watched = Pick<Runtime, "plan" | "data" | "reload">;

/**
 * Watches the folders of a runtime's pipelines: changed stages are loaded anew, so that a token in the error bucket can be
 * retried on the mended code. A changed definition is only told of, because queues in use are not re-wired in passing.
 * A folder that cannot be watched is told of, too; everything else works as before.
 *
 * @returns ends the watching
 */
export function watchPipelines(runtime: Watched, tell: (message: string) => void): () => void {
  const ends = runtime.plan.pipelines.map(({ id, file }) =>
    watchOne(id, dirname(resolve(file)), runtime, tell),
  );
  return () => {
    for (const end of ends) end();
  };
}

function watchOne(id: string, folder: string, runtime: Watched, tell: (message: string) => void): () => void {
  const changed = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  const settle = (): void => {
    const names = [...changed].sort();
    changed.clear();
    if (names.some((name) => /\.(ya?ml|json)$/.test(name)))
      tell(`${id}: ${names.join(", ")} changed: start again to use it`);
    else
      void runtime
        .reload(id)
        .then(() => tell(`${id}: ${names.join(", ")} changed: its stages are loaded anew`));
  };
  const unwatched = (error: Error): void =>
    tell(`${id}: ${folder} is not watched: ${error.message}; start again to use what you change`);
  // Logs and results may lie in the very folder.
  const own = resolve(runtime.data.path) + sep;
  let watcher: FSWatcher;
  try {
    watcher = watch(folder, { recursive: true }, (_, name) => {
      if (name === null || /(^|[/\\])[.~]|~$/.test(name)) return;
      if (`${join(folder, name)}${sep}`.startsWith(own)) return;
      changed.add(name);
      clearTimeout(timer);
      timer = setTimeout(settle, SETTLE_MS);
    });
  } catch (error) {
    unwatched(error as Error);
    return () => {};
  }
  // As when the system has no more watches to give. Unheard, it would end the process.
  watcher.on("error", unwatched);
  return () => {
    clearTimeout(timer);
    watcher.close();
  };
}
