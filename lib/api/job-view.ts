import { isoTime } from "../clock.ts";
import { isLasting, type LastingJob } from "../job/lasting.ts";
import type { JobState } from "../job/machine.ts";
import type { HistoryEntry, JobRecord } from "../job/record.ts";

/** How a job is shown. */

/** Without what is for us alone: what a key is checked by, and what messages are ended by. */
export function shownJob(row: JobRecord): Record<string, unknown> {
  const {
    key,
    receipt: _receipt,
    copies: _copies,
    by: _by,
    rev: _rev,
    moved: _moved,
    deadline,
    ...shown
  } = row;
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

/** One of many: what others have put on a lasting job's row, up to 200 KB, is shown with the job itself. */
export function listedJob(row: JobRecord): Record<string, unknown> {
  if (!isLasting(row)) return shownJob(row);
  const { parameters: _parameters, body: _body, ...shown } = shownJob(row);
  return {
    ...shown,
    history: row.history.map(({ data: _data, ref: _ref, eventId: _eventId, ...entry }) => entry),
  };
}

/** States that the first generation of PipelineJobs does not know, by the nearest that it does. */
const V1_STATES: Partial<Record<JobState, JobState>> = { INDEXING: "FINISHED", RESET: "CREATED" };

/**
 * The record as the first generation of PipelineJobs has it: `?shape=v1`.
 *
 * @param history a part of it
 */
export function shownV1(row: LastingJob, history: readonly HistoryEntry[]): Record<string, unknown> {
  return {
    uuid: row.id,
    pipeline: row.pipeline,
    status: V1_STATES[row.state] ?? row.state,
    path: row.path,
    data: row.parameters ?? null,
    last_event: row.history.at(-1)?.event.toUpperCase() ?? null,
    history: history.map(({ event, at, data = null }) => ({ [event.toUpperCase()]: { date: at, data } })),
  };
}
