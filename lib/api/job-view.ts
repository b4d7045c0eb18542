import { isoTime } from "../clock.ts";
import type { LastingJob } from "../job/lasting.ts";
import type { JobState } from "../job/machine.ts";
import type { HistoryEntry, JobRecord } from "../job/record.ts";

/** How a job is shown. */

/** Without what is for us alone: what a key is checked by, and what a message is ended by. */
export function shownJob(row: JobRecord): Record<string, unknown> {
  const { key, receipt: _receipt, by: _by, rev: _rev, moved: _moved, deadline, ...shown } = row;
  return {
    ...shown,
    ...(deadline !== undefined && { deadline: isoTime(deadline) }),
    ...(key && {
      key: {
        expires: isoTime(key.exp * 1000),
        scope: key.scope,
        ...(key.isRevoked && { revoked: true }),
      },
    }),
  };
}

/** States that the first generation of PipelineJobs does not know, by the nearest that it does. */
const V1_STATES: Partial<Record<JobState, JobState>> = { INDEXING: "FINISHED", RESET: "CREATED" };

/** The record as the first generation of PipelineJobs has it: `?shape=v1`. */
export function shownV1(row: LastingJob, history: readonly HistoryEntry[]): Record<string, unknown> {
  return {
    uuid: row.id,
    pipeline: row.pipeline,
    status: V1_STATES[row.state] ?? row.state,
    path: row.path,
    data: row.parameters ?? null,
    last_event: history.at(-1)?.event.toUpperCase() ?? null,
    history: history.map(({ event, at, data = null }) => ({ [event.toUpperCase()]: { date: at, data } })),
  };
}
