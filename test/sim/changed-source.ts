import { registerHooks } from "node:module";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** A change of one place in the product's source, made while it is loaded; the file itself stays as it is. */
export interface SourceChange {
  /** Relative to the repository. */
  readonly file: string;
  /** Must occur exactly once. */
  readonly find: string;
  readonly replace: string;
}

const ROOT = resolve(import.meta.dirname, "../..");

/**
 * Changes sources that are loaded from here on, in this process.
 *
 * @returns checks that every change has been made; call it when everything is loaded
 * @throws Error (while loading) when the source does not have the place exactly once: it has moved on, and the change
 *   must follow
 */
export function changeOnLoad(changes: readonly SourceChange[]): () => void {
  const made = new Set<SourceChange>();
  const urls = changes.map((change) => ({ change, url: pathToFileURL(resolve(ROOT, change.file)).href }));
  registerHooks({
    load(url, context, nextLoad) {
      const wanted = urls.filter((each) => each.url === url).map(({ change }) => change);
      const loaded = nextLoad(url, context);
      if (wanted.length === 0) return loaded;
      let source = textOf(loaded.source, url);
      for (const change of wanted) {
        source = changeIn(source, change);
        made.add(change);
      }
      return { ...loaded, source };
    },
  });
  return () => {
    const missing = changes.find((change) => !made.has(change));
    if (missing) throw new Error(`${missing.file} was not loaded, or before it could be changed`);
  };
}

/** @throws Error when the place is not there, or there several times */
export function changeIn(source: string, { file, find, replace }: SourceChange): string {
  const times = source.split(find).length - 1;
  if (times !== 1) throw new Error(`${file} has ${times} times, not once: ${find}`);
  return source.replace(find, () => replace);
}

function textOf(source: unknown, url: string): string {
  if (typeof source === "string") return source;
  if (source instanceof Uint8Array) return Buffer.from(source).toString();
  throw new Error(`no source was loaded of ${fileURLToPath(url)}`);
}
