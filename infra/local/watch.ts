import { type FSWatcher, watch } from "node:fs";
import { dirname } from "node:path";
import type { Runtime } from "./runtime.ts";

/** An editor writes a file in several steps; what happens within this time is one change. */
const SETTLE_MS = 100;

/**
 * Watches the folders of a runtime's pipelines: changed stages are loaded anew, so that a token in the error bucket can be
 * retried on the mended code. A changed definition is only told of, because queues in use are not re-wired in passing.
 *
 * @returns ends the watching
 */
export function watchPipelines(runtime: Runtime, tell: (message: string) => void): () => void {
  const watchers = runtime.plan.pipelines.map(({ id, file }): FSWatcher => {
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
    return watch(dirname(file), { recursive: true }, (_, name) => {
      if (name === null || /(^|[/\\])[.~]|~$/.test(name)) return;
      changed.add(name);
      clearTimeout(timer);
      timer = setTimeout(settle, SETTLE_MS);
    });
  });
  return () => {
    for (const watcher of watchers) watcher.close();
  };
}
