import { isoTime } from "../clock.ts";
import { REASONS, type Reason } from "../stage/failure.ts";
import { isDerived, KEY_SECONDS } from "./callback-key.ts";
import { deadKeyOf } from "./keys.ts";
import { hasToken, type LastingChange, type LastingJob, type StoredData } from "./lasting.ts";
import { eventsOf, isLate, type JobEvent, type JobState, nextState } from "./machine.ts";
import type { Commit, HistoryEntry } from "./record.ts";

/**
 * What an event does to a lasting job: a pure function of the row, the event and the time. Whoever calls it writes the
 * change under the condition that the row is still the one that was decided on, or asks again.
 */

/** Something that is reported of a job, or asked of it. */
export interface JobCall extends StoredData {
  readonly event: JobEvent | "cancel";
  /** The attempt that it speaks of; absent: whichever is the current one. */
  readonly attempt?: number;
  /** The same event is taken once. */
  readonly eventId: string;
  /** With `finish`, of a job that has a token: what it put out. */
  readonly commit?: Commit;
  /** With `fail`: why. */
  readonly failure?: {
    readonly reason: Reason;
    readonly message: string;
    readonly stack?: string;
    /** It ended a pod in which other tokens were worked on as well: nobody knows whose fault it was. */
    readonly isShared?: boolean;
  };
}

/**
 * The id of an event that is reported with a key. Each attempt has ids of its own, and what a caller gives is never one of those
 * by which we call our own events: all of them begin with a letter.
 */
export const reportedId = (attempt: number, id: string): string => `${attempt}-${id}`;

/** How a job's attempts are made; only a job with a token has more than one. */
export interface AttemptRules {
  readonly maxAttempts: number;
  /** Absent: nobody waits for it. */
  readonly timeoutSeconds?: number;
  /** Where the outputs of an attempt belong. */
  pathOf(attempt: number): string;
}

export type Decision =
  | { readonly verdict: "apply"; readonly change: LastingChange }
  /** Its time is over: kept as such, and nothing moves. `reason` is `stale-attempt`, or the state in lower case. */
  | { readonly verdict: "late"; readonly reason: string }
  /** It is not allowed now. */
  | { readonly verdict: "refused"; readonly message: string };

export function decide(row: LastingJob, call: JobCall, rules: AttemptRules, now: number): Decision {
  if (call.attempt !== undefined && call.attempt < row.begun)
    return { verdict: "late", reason: "stale-attempt" };
  // No key is made for an attempt before the attempt has begun.
  if (call.attempt !== undefined && call.attempt > row.begun)
    return { verdict: "refused", message: `attempt ${call.attempt} has not begun` };
  if (isFull(row, call)) return { verdict: "refused", message: `its history has ${MAX_ENTRIES} entries` };
  const at = isoTime(now);
  if (call.event === "cancel") return cancel(row, call, at);
  const { event } = call;
  // A batch system that never said that it began has begun all the same.
  const isRunImplied = row.state === "CREATED" && event === "finish";
  const to = nextState(isRunImplied ? "RUNNING" : row.state, event);
  if (to === undefined) return notNow(row, event);
  const entry: HistoryEntry = { ...entryOf(call, at), event, attempt: row.begun };
  const entries = isRunImplied ? [{ event: "run", at, attempt: row.begun } as const, entry] : [entry];
  const outcome = EFFECTS[event]?.({ row, call, rules, now, to, entry }) ?? { set: { state: to } };
  if ("message" in outcome) return { verdict: "refused", message: outcome.message };
  return {
    verdict: "apply",
    change: { entries: outcome.entries ?? entries, set: outcome.set, remove: outcome.remove ?? [] },
  };
}

/** Whoever reports this often has lost count; what ends the job is always taken. */
const MAX_ENTRIES = 10_000;
const isFull = ({ moved, history }: LastingJob, { event }: JobCall): boolean =>
  moved + history.length >= MAX_ENTRIES && ["run", "update", "resource"].includes(event);

const entryOf = ({ data, ref, eventId }: JobCall, at: string): Omit<HistoryEntry, "event"> => ({
  at,
  eventId,
  ...(data !== undefined && { data }),
  ...(ref && { ref }),
});

function notNow(row: LastingJob, event: JobEvent): Decision {
  if (isLate(row.state, event)) return { verdict: "late", reason: row.state.toLowerCase() };
  const allowed = eventsOf(row.state).join(", ");
  return {
    verdict: "refused",
    message: `"${event}" is not for a job that is ${row.state}; it may ${allowed}`,
  };
}

interface Effect {
  readonly set: LastingChange["set"];
  readonly remove?: LastingChange["remove"];
  /** In place of the event's own entry. */
  readonly entries?: readonly HistoryEntry[];
}

interface Situation {
  readonly row: LastingJob;
  readonly call: JobCall;
  readonly rules: AttemptRules;
  readonly now: number;
  readonly to: JobState;
  readonly entry: HistoryEntry;
}

/** Events that change more than the state. */
const EFFECTS: Partial<
  Record<JobEvent, (situation: Situation) => Effect | { readonly message: string } | undefined>
> = {
  run: ({ row, now, to }) => ({
    set: { state: to, ...(row.begunAt === undefined && { begunAt: isoTime(now) }) },
  }),
  finish: ({ row, call, now, to }) => {
    // Once more, of a job that has finished: it is noted, and its outputs are what they were.
    if (row.state === "FINISHED") return { set: { state: to } };
    if (hasToken(row) && !call.commit) return { message: "the job's outputs are not known" };
    return {
      set: {
        state: to,
        attempt: row.begun,
        ...(call.commit && { committed: call.commit }),
        durationMs: now - (row.begunAt === undefined ? now : Date.parse(row.begunAt)),
      },
      remove: ["error", "deadline"],
    };
  },
  fail: (situation) => {
    const { row, to } = situation;
    if (row.attempt >= row.begun) return { set: { state: to } };
    return hasToken(row)
      ? failAttempt(situation)
      : { set: { state: to, attempt: row.begun }, remove: ["deadline"] };
  },
  retire: ({ to }) => ({ set: { state: to }, remove: ["dead", "deadAt"] }),
  reset: ({ row, to }) =>
    hasToken(row) && (row.committed !== undefined || row.reason !== undefined)
      ? {
          message: row.committed
            ? "its outputs were passed on"
            : "it lies in the error bucket: retry it there",
        }
      : // The attempt is over: a callback of it comes too late from here on.
        {
          set: { state: to, attempt: row.begun },
          remove: ["committed", "begunAt", "deadline", "durationMs"],
        },
  ready: ({ row, rules, now, to }) => ({ set: { ...begin(row, row.attempt + 1, rules, now), state: to } }),
};

/** Another attempt while there are any; then, or when none can help, the error bucket. */
function failAttempt({ row, call, rules, now, entry }: Situation): Effect {
  const {
    reason,
    message,
    stack = "",
    isShared = false,
  } = call.failure ?? { reason: "reported", message: "no reason was given" };
  const attempt = row.begun;
  const error = { message, stack };
  // The next attempt has a pod for itself, and shows it.
  const attemptsForgiven = (row.attemptsForgiven ?? 0) + (isShared ? 1 : 0);
  const isLast = !REASONS[reason].retry || attempt - attemptsForgiven >= rules.maxAttempts;
  if (!isLast) {
    return {
      set: {
        ...begin(row, attempt + 1, rules, now),
        state: "CREATED",
        attempt,
        error,
        ...(isShared && { attemptsForgiven }),
      },
      remove: ["begunAt"],
      entries: [{ ...entry, event: "retry" }],
    };
  }
  const at = isoTime(now);
  return {
    set: { state: "FAILED", attempt, reason, error, ...deadKeyOf(row.pipeline, row.edge, at, row.id) },
    remove: ["begunAt", "deadline"],
  };
}

/** What is on the row of an attempt that begins. */
export function begin(
  row: Pick<LastingJob, "key">,
  attempt: number,
  { timeoutSeconds, pathOf }: AttemptRules,
  now: number,
): LastingChange["set"] {
  const deadline = timeoutSeconds === undefined ? undefined : now + timeoutSeconds * 1000;
  return {
    begun: attempt,
    path: pathOf(attempt),
    ...(deadline !== undefined && { deadline }),
    // A random key is of the attempt that it was made for, and ends when it said that it would.
    ...(row.key && isDerived(row.key) && { key: { ...row.key, exp: expiryFrom(now, deadline) } }),
  };
}

/** What an attempt reports when its time is over is still believed. */
const LAST_WORD_MS = 600_000;

/**
 * When a key that is made now ends: after 72 hours, but not before its attempt.
 *
 * @param deadline the attempt's, if it has one, in milliseconds
 * @returns seconds since 1970
 */
export const expiryFrom = (now: number, deadline = now): number =>
  Math.floor(Math.max(now + KEY_SECONDS * 1000, deadline + LAST_WORD_MS) / 1000);

/** A job that nothing has happened to is called off; afterwards it can only be failed. */
function cancel(row: LastingJob, call: JobCall, at: string): Decision {
  if (row.state === "CANCELLED") return { verdict: "late", reason: "cancelled" };
  const isUntouched = row.state === "CREATED" && row.moved + row.history.length === 1;
  if (!isUntouched)
    return {
      verdict: "refused",
      message: `it is ${row.state}, and something has happened to it: only an untouched job is cancelled; send "fail"`,
    };
  const entry: HistoryEntry = { ...entryOf(call, at), event: "cancel", attempt: row.begun };
  return {
    verdict: "apply",
    change: { entries: [entry], set: { state: "CANCELLED" }, remove: ["deadline"] },
  };
}
