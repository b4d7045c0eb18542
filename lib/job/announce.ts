import type { LastingJob } from "./lasting.ts";
import type { JobState } from "./machine.ts";
import type { HistoryEntry } from "./record.ts";

/** What is said of a lasting job whose state has changed: `job.state-changed`, version 1. Light jobs are not announced. */
export interface StateChanged {
  readonly v: 1;
  readonly pipeline: string;
  readonly job: string;
  /** Absent: an outsider made the job. */
  readonly stage?: string;
  readonly attempt: number;
  /** Absent: the job is new. */
  readonly from?: JobState;
  readonly to: JobState;
  /** What moved it. */
  readonly event: HistoryEntry["event"];
  /** ISO 8601. */
  readonly at: string;
}

export const EVENT_SOURCE = "millrace";
export const STATE_CHANGED = "job.state-changed";

/**
 * Tells whoever listens. A help to them, not a record: what nobody could be told is in the job's history all the same, so
 * that it may fail, and may come twice.
 */
export type Announce = (change: StateChanged) => Promise<void>;

/**
 * Whoever asks for an index again wants it made again, though the state stays what it is.
 *
 * @param before the row that was; undefined when there was none
 */
export function changeBetween(before: LastingJob | undefined, after: LastingJob): StateChanged | undefined {
  const last = after.history.at(-1);
  if (!last || (before?.state === after.state && last.event !== "index")) return undefined;
  return {
    v: 1,
    pipeline: after.pipeline,
    job: after.id,
    ...(after.stage !== "" && { stage: after.stage }),
    attempt: after.begun,
    ...(before && { from: before.state }),
    to: after.state,
    event: last.event,
    at: last.at,
  };
}
