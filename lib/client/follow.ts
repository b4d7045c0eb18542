import { type Clock, sleep } from "../clock.ts";
import type { ShownEntry, ShownJob } from "./job-calls.ts";

/** Looks so often while something happens, and so often at least while nothing does. */
const SHORTEST_MS = 250;
const LONGEST_MS = 4000;

/** States in which nothing more happens by itself. */
const REST = new Set(["FAILED", "CANCELLED", "VALIDATED", "REJECTED", "FINALIZED", "RETIRED"]);

/**
 * Whether a job has come to rest.
 *
 * @param isIndexed its pipeline has what it archived indexed, so that it has not ended when it finished
 */
export function isAtRest({ state, history }: ShownJob, isIndexed: boolean): boolean {
  if (state !== "FINISHED") return REST.has(state);
  return !isIndexed || history.at(-1)?.event === "indexed";
}

export interface Seen {
  readonly job: ShownJob;
  /** What has been added to the history since it was last looked at. */
  readonly entries: readonly ShownEntry[];
}

/** Looks at a job again and again, and tells what has happened to it, until it is as wanted. */
export async function* follow(
  look: () => Promise<ShownJob>,
  isWanted: (job: ShownJob) => boolean,
  clock: Clock,
  signal?: AbortSignal,
): AsyncGenerator<Seen> {
  let seen = 0;
  for (let pause = SHORTEST_MS; ; pause = Math.min(LONGEST_MS, pause * 2)) {
    const job = await look();
    const entries = job.history.slice(seen);
    seen = job.history.length;
    if (entries.length > 0) {
      yield { job, entries };
      pause = SHORTEST_MS;
    }
    if (isWanted(job)) return;
    await sleep(clock, pause, signal);
  }
}
