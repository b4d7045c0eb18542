import { type Announce, changeBetween, STATE_CHANGED, type StateChanged } from "../job/announce.ts";
import type { JobCall } from "../job/decide.ts";
import { isLasting, type LastingJob, type LastingStore } from "../job/lasting.ts";
import type { JobState } from "../job/machine.ts";
import type { JobRecord } from "../job/record.ts";
import type { Logger } from "../log.ts";
import type { Plan } from "../plan/plan.ts";
import { type IndexingDependencies, indexArchive } from "./indexing.ts";

/** What becomes of a job's archive when the job's state has changed. */

export interface ArchiveDependencies extends IndexingDependencies {
  readonly plan: Plan;
  readonly jobs: Pick<LastingStore, "get">;
  /** Lets an event happen to a job. */
  happen(row: LastingJob, call: JobCall): Promise<unknown>;
  readonly announce: Announce;
  readonly log: Logger;
}

/** Changes of state that may be of concern to the archive: what its function is subscribed to. */
export const ARCHIVE_STATES = ["FINISHED", "INDEXING"] as const satisfies JobState[];

/** @param event as a bus delivers it */
export const isForArchive = (event: { readonly "detail-type": string; readonly detail: unknown }): boolean =>
  event["detail-type"] === STATE_CHANGED &&
  ARCHIVE_STATES.some((state) => state === (event.detail as StateChanged).to);

/** What has to be told again of some jobs, because whoever was told of it may have died: an index is due, and nobody makes it. */
export const dueChanges = (rows: readonly JobRecord[]): StateChanged[] =>
  rows.filter(isLasting).flatMap((row) => {
    const isDue =
      row.state === "INDEXING" || (row.state === "FINISHED" && row.history.at(-1)?.event === "finish");
    return (isDue && changeBetween(undefined, row)) || [];
  });

/**
 * When a job has finished and its pipeline says what is to be indexed, asks for that; when it has been asked for, by the
 * pipeline or by a person, does it. What is announced may come twice, late, or two at once: the row decides what is due, and
 * each event has an id by which it happens once.
 */
export async function onStateChanged(change: StateChanged, dependencies: ArchiveDependencies): Promise<void> {
  const { plan, jobs, happen } = dependencies;
  const row = await jobs.get(change.pipeline, change.job);
  const pipeline = plan.pipelines.find(({ id }) => id === change.pipeline);
  if (!row || !pipeline) return;
  if (row.state === "FINISHED" && change.event === "finish" && pipeline.archive) {
    await happen(row, { event: "index", attempt: row.begun, eventId: `index-${row.begun}` });
  }
  if (row.state === "INDEXING") await index(row, change, dependencies);
}

async function index(
  row: LastingJob,
  change: StateChanged,
  dependencies: ArchiveDependencies,
): Promise<void> {
  const { plan, happen, announce, log } = dependencies;
  const { archive: levels = [] } = plan.pipelines.find(({ id }) => id === row.pipeline) ?? {};
  const {
    isComplete,
    files,
    bytes,
    levels: found,
    ...work
  } = await indexArchive(
    { job: row, path: row.path, generatedBy: row.stage === "" ? row.pipeline : row.stage, levels },
    dependencies,
  );
  log("info", "the archive was indexed", { job: row.id, isComplete, files, bytes, ...work });
  // Announced anew, it goes on in an invocation that has all of its time.
  if (!isComplete) return announce(change);
  await happen(row, {
    event: "indexed",
    attempt: row.begun,
    eventId: `indexed-${askedFor(row)}`,
    data: { files, bytes, levels: { ...found } },
  });
}

/** Names the `index` that brought the job here, so that two who have done it report it once. */
const askedFor = ({ history, rev }: LastingJob): string =>
  history.findLast(({ event }) => event === "index")?.eventId ?? String(rev);
