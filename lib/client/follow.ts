import { type Clock, sleep } from "../clock.ts";
import type { ShownEntry, ShownJob } from "./job-calls.ts";

/** Looks so often while something happens, and so often at least while nothing does. */
const SHORTEST_MS = 250;
const LONGEST_MS = 4000;

/** States in which nothing more happens by itself. */
const REST = new Set(["FAILED", "CANCELLED", "VALIDATED", "REJECTED", "FINALIZED", "RETIRED"]);

/** What has happened since a job was last looked at. */
export interface Seen {
  readonly state: string;
  readonly entries: readonly ShownEntry[];
}

/**
 * Looks at a job again and again, and tells what has happened to it, until it has come to rest.
 *
 * @param look gets the job, with its history from an entry on
 * @param isIndexed its pipeline has what it archived indexed, so that it has not ended when it finished
 */
export async function* follow(
  look: (from: number) => Promise<Pick<ShownJob, "state" | "history">>,
  isIndexed: boolean,
  clock: Clock,
  signal?: AbortSignal,
): AsyncGenerator<Seen> {
  let seen = 0;
  let isIndexKnown = !isIndexed;
  for (let pause = SHORTEST_MS; ; pause = Math.min(LONGEST_MS, pause * 2)) {
    const { state, history: entries } = await look(seen);
    seen += entries.length;
    const indexing = entries.findLast(({ event }) => event === "index" || event === "indexed");
    if (indexing) isIndexKnown = indexing.event === "indexed";
    if (entries.length > 0) {
      yield { state, entries };
      pause = SHORTEST_MS;
    }
    if (state === "FINISHED" ? isIndexKnown : REST.has(state)) return;
    await sleep(clock, pause, signal);
  }
}
