import type { JobState } from "../job/record.ts";

/** What has come of a pipeline's tokens, added up from the rows of the job table. */

export interface Settled {
  readonly done: number;
  readonly error: number;
}

export interface Runs extends Settled {
  /** Arrivals, and messages that were none. */
  readonly put: number;
  readonly outstanding: number;
}

export interface Tally {
  readonly runs: Runs;
  /** By edge id. Done: worked, or given up by hand. */
  readonly edges: ReadonlyMap<string, Settled>;
  readonly stages: ReadonlyMap<string, Settled>;
}

export interface TallyRow {
  readonly stage: string;
  readonly edge: string;
  readonly run: string;
  readonly state: JobState;
  /** Tokens that the job emitted. */
  readonly tokens: number;
}

type Outcome = "done" | "error" | "open";
const OUTCOME: Record<JobState, Outcome> = {
  CREATED: "open",
  RUNNING: "open",
  FINISHED: "done",
  FAILED: "error",
  RETIRED: "done",
};

/**
 * A run is over when it has as many settled jobs as tokens: the one that arrived and all that its jobs emitted. That needs
 * no counter that could miss a beat; the rows are the only witness.
 */
export function tally(arrivals: readonly string[], rows: readonly TallyRow[]): Tally {
  const edges = new Map<string, { done: number; error: number }>();
  const stages = new Map<string, { done: number; error: number }>();
  const runs = new Map(arrivals.map((run) => [run, { missing: 1, failed: false }]));
  for (const { stage, edge, run, state, tokens } of rows) {
    const outcome = OUTCOME[state];
    if (outcome === "open") continue;
    entry(edges, edge, () => ({ done: 0, error: 0 }))[outcome] += 1;
    entry(stages, stage, () => ({ done: 0, error: 0 }))[outcome] += 1;
    const life = entry(runs, run, () => ({ missing: 1, failed: false }));
    life.missing += tokens - 1;
    life.failed ||= outcome === "error";
  }
  const over = [...runs.values()].filter(({ missing }) => missing === 0);
  const error = over.filter(({ failed }) => failed).length;
  return {
    edges,
    stages,
    runs: { put: runs.size, done: over.length - error, error, outstanding: runs.size - over.length },
  };
}

function entry<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  const existing = map.get(key);
  if (existing !== undefined) return existing;
  const made = make();
  map.set(key, made);
  return made;
}
