import { NO_EDGE } from "../job/lasting.ts";
import type { JobState } from "../job/machine.ts";

/** What has come of a pipeline's tokens, added up from the rows of the job table. */

export interface Settled {
  readonly done: number;
  readonly error: number;
  /** Given up by hand. */
  readonly skipped: number;
}

export interface Runs extends Settled {
  /** Arrivals, and messages that were none. */
  readonly put: number;
  readonly outstanding: number;
}

export interface Tally {
  readonly runs: Runs;
  /** By edge id. */
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
  /** Its outputs were passed on: whatever people say of them later, the token is done with. */
  readonly isCommitted?: boolean;
}

type Outcome = keyof Settled | "open";
const OUTCOME: Record<JobState, Outcome> = {
  CREATED: "open",
  RUNNING: "open",
  RESET: "open",
  FINISHED: "done",
  INDEXING: "done",
  VALIDATING: "done",
  VALIDATED: "done",
  REJECTED: "done",
  FINALIZED: "done",
  FAILED: "error",
  RETIRED: "skipped",
  CANCELLED: "skipped",
};

/**
 * A run is over when it has as many settled jobs as tokens: the one that arrived and all that its jobs emitted. That needs
 * no counter that could miss a beat; the rows are the only witness.
 */
export function tally(arrivals: readonly string[], rows: readonly TallyRow[]): Tally {
  const edges = new Map<string, Record<keyof Settled, number>>();
  const stages = new Map<string, Record<keyof Settled, number>>();
  const runs = new Map(arrivals.map((run) => [run, newLife()]));
  for (const { stage, edge, run, state, tokens, isCommitted = false } of rows) {
    const outcome = isCommitted ? "done" : OUTCOME[state];
    // What an outsider made is no token's, and moves nothing.
    if (outcome === "open" || edge === NO_EDGE) continue;
    entry(edges, edge, nothing)[outcome] += 1;
    entry(stages, stage, nothing)[outcome] += 1;
    const life = entry(runs, run, newLife);
    life.missing += tokens - 1;
    life[outcome] = true;
  }
  const sum = { put: runs.size, ...nothing(), outstanding: 0 };
  for (const life of runs.values()) sum[endOf(life)] += 1;
  return { edges, stages, runs: sum };
}

interface Life {
  /** Jobs that have not settled. */
  missing: number;
  error: boolean;
  skipped: boolean;
  done: boolean;
}

const newLife = (): Life => ({ missing: 1, error: false, skipped: false, done: false });
const nothing = (): Record<keyof Settled, number> => ({ done: 0, error: 0, skipped: 0 });

/** A run is as good as the worst of its jobs. */
function endOf({ missing, error, skipped }: Life): keyof Settled | "outstanding" {
  if (missing > 0) return "outstanding";
  if (error) return "error";
  return skipped ? "skipped" : "done";
}

function entry<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  const existing = map.get(key);
  if (existing !== undefined) return existing;
  const made = make();
  map.set(key, made);
  return made;
}
