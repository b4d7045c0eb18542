import type { Payload, PayloadRef } from "../token/envelope.ts";
import type { Json } from "../token/json.ts";
import type { KeyRecord } from "./callback-key.ts";
import type { HistoryEntry, JobRecord } from "./record.ts";

/**
 * A *light* job is one invocation. A *lasting* job outlives the invocation that made it: of a stage that runs in a cluster,
 * of an external stage, or made by an outsider through the API. It has the same record; these fields are on it besides.
 */
export interface LastingFields {
  /** Writes so far. Each is made under the condition that it has not changed since the row was read. */
  readonly rev: number;
  /** Who made the last of them: its own write, when the answer was lost. */
  readonly by: string;
  /** So many entries of the history, the oldest, have become items of their own. */
  readonly moved: number;
  /** The current attempt. A callback for another one changes nothing. */
  readonly begun: number;
  /** Where the outputs of the current attempt belong: begins with `/`, does not end with it. */
  readonly path: string;
  readonly key?: KeyRecord;
  /** What an outsider made the job from. */
  readonly parameters?: Json;
  /** The message that waits for the end of the job, as it was last received. */
  readonly receipt?: Receipt;
  /** Further messages of the same token: it was sent twice, and each waits for itself. */
  readonly copies?: readonly Receipt[];
  /**
   * Of a stage whose tokens share pods: the job in whose Kubernetes Job the first attempt runs, or is to run. On that job
   * itself: its own id.
   */
  readonly carrier?: string;
  /** On a carrier: all that were to share the Job, itself among them. */
  readonly carried?: readonly string[];
  /** Until when the current attempt may take, in milliseconds. */
  readonly deadline?: number;
  /** What was committed has been sent, and the message ended. */
  readonly settled?: true;
}

export interface Receipt {
  readonly queue: string;
  /** The message's id: another receive of it makes another handle. */
  readonly message?: string;
  readonly handle: string;
}

export type LastingJob = JobRecord & LastingFields;

/** What a lasting job is born with, beside what it is about. */
export const NEW_JOB = {
  v: 1,
  state: "CREATED",
  attempt: 0,
  begun: 1,
  rev: 1,
  by: "",
  moved: 0,
} as const satisfies Partial<LastingJob>;

/** Every message that waits for the end of the job. */
export const receiptsOf = ({ receipt, copies = [] }: LastingJob): readonly Receipt[] =>
  receipt ? [receipt, ...copies] : copies;

export const isLasting = (row: JobRecord): row is LastingJob => row.rev !== undefined;

/** The edge of a job that no token came by: an outsider made it. */
export const NO_EDGE = "";
export const hasToken = ({ edge }: JobRecord): boolean => edge !== NO_EDGE;

/** Its current attempt may still finish. */
export const isOpen = ({ state, settled, reason }: LastingJob): boolean =>
  settled === undefined && reason === undefined && (state === "CREATED" || state === "RUNNING");

/** One write of a lasting job's row: all of it or nothing. */
export interface LastingChange {
  readonly set: Partial<Omit<LastingJob, "rev" | "by" | "moved" | "history" | "id" | "pipeline" | "v">>;
  readonly remove?: readonly (keyof JobRecord)[];
  /** Added at the end of the history. */
  readonly entries: readonly HistoryEntry[];
}

export interface Written {
  /** False when somebody else wrote first: then nothing was written. */
  readonly isOurs: boolean;
  /** The row as it is now; undefined when it is gone. */
  readonly row: LastingJob | undefined;
}

/** The job table, as lasting jobs use it. */
export interface LastingStore {
  get(pipeline: string, id: string): Promise<LastingJob | undefined>;
  /** Puts a new row; when there is one, answers that. */
  create(row: LastingJob): Promise<LastingJob | undefined>;
  /** Only if nobody has written since `row` was read. */
  write(row: LastingJob, change: LastingChange): Promise<Written>;
  /** Whether an event is in the history, however long ago. */
  knows(row: LastingJob, eventId: string): Promise<boolean>;
  /** A part of the history, in order, moved entries included. @param from number of the first, from 0 */
  history(row: LastingJob, from: number, limit: number): Promise<HistoryEntry[]>;
  /** Keeps an event that came too late, unless there are {@link LATE_KEPT} already. */
  noteLate(row: LastingJob, entry: HistoryEntry): Promise<void>;
  late(row: LastingJob): Promise<HistoryEntry[]>;
  /**
   * Deletes what belongs to the row and then the row, if nobody has written since it was read. Whoever asks has seen to it that
   * nobody will, by ending its key; what was begun can be done once more.
   */
  remove(row: LastingJob): Promise<boolean>;
}

/** Events that came too late and are shown. */
export const LATE_KEPT = 50;

/** Entries that stay on the row. */
export const INLINE_ENTRIES = 16;
/** When there would be more, so many are left on it: the others move together. */
const LEFT_INLINE = 8;

/** The history after some entries have been added: what stays on the row, and what has to be an item before. */
export function appended(
  row: Pick<LastingJob, "history" | "moved">,
  entries: readonly HistoryEntry[],
): {
  readonly inline: readonly HistoryEntry[];
  readonly moving: readonly HistoryEntry[];
  readonly moved: number;
} {
  const all = [...row.history, ...entries];
  if (all.length <= INLINE_ENTRIES) return { inline: all, moving: [], moved: row.moved };
  const moving = all.slice(0, -LEFT_INLINE);
  return { inline: all.slice(-LEFT_INLINE), moving, moved: row.moved + moving.length };
}

/** The row as a change leaves it. */
export function changed(
  row: LastingJob,
  { set, remove = [], entries }: LastingChange,
  by: string,
): LastingJob {
  const { inline, moved } = appended(row, entries);
  const next: Record<string, unknown> = { ...row, ...set, rev: row.rev + 1, by, moved, history: inline };
  for (const name of remove) delete next[name];
  return next as unknown as LastingJob;
}

export type StoredData = Pick<HistoryEntry, "data" | "ref">;
/** An event's data as its entry keeps it. */
export const storedData = (payload: Payload | PayloadRef): StoredData =>
  "key" in payload ? { ref: payload } : payload.data === undefined ? {} : { data: payload.data };
