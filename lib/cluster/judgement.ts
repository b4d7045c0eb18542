import { isoTime } from "../clock.ts";
import { type JobCall, reportedId } from "../job/decide.ts";
import type { LastingJob } from "../job/lasting.ts";
import type { Reason } from "../stage/failure.ts";
import type { Json } from "../token/json.ts";
import type { Evidence, Verdict } from "./classify.ts";

/**
 * What is to be done about an attempt, by its job's row and what was seen of it: a pure function, the same for whoever looks,
 * the dispatcher or the sweep. A callback is only a hint, and may be lost; what counts is the manifest in the bucket, and
 * then the Job.
 */
export type Judgement =
  /** Nothing has been started, or nobody can have seen it run. */
  | { readonly kind: "make" }
  | { readonly kind: "leave"; readonly againSeconds?: number }
  | { readonly kind: "call"; readonly call: JobCall };

/** What is known of an attempt besides what has become of its Job. */
export interface Known {
  /** It has left its manifest. */
  readonly hasManifest: boolean;
  /** Others may have run in its pod: nobody knows who broke it. */
  readonly isShared: boolean;
}

const UNHEARD_MS = 60_000;
/** The Job is being deleted: soon its name is free. */
const ENDING_SECONDS = 5;

export function judge(
  row: LastingJob,
  verdict: Verdict,
  { hasManifest, isShared }: Known,
  now: number,
): Judgement {
  if (hasManifest && ENDED.has(verdict.kind)) return finish(row, verdict);
  /** The end of the pod, and so of every attempt in it. */
  const lost = (reason: Reason, message: string, evidence: Evidence = {}): Judgement => {
    const call = failed(row, reason, message, evidence);
    return { kind: "call", call: { ...call, failure: { reason, message, isShared } } };
  };
  switch (verdict.kind) {
    case "absent":
      if (row.state === "CREATED") return { kind: "make" };
      return lost("vanished", "the Job is gone, and has left no manifest");
    case "ending":
      // Its pod may be on a machine that is gone, and end never. The next attempt has another name.
      if (isOver(row, now)) return lost("vanished", "the Job was deleted, and does not end");
      return { kind: "leave", againSeconds: ENDING_SECONDS };
    case "succeeded":
      return {
        kind: "call",
        call: failed(
          row,
          "output-missing",
          "the Job has ended well, and has neither left a manifest nor reported",
          verdict.evidence,
        ),
      };
    case "failed":
      return lost(verdict.reason, verdict.message, verdict.evidence);
    case "stuck":
      if (verdict.isOverdue || isOver(row, now))
        return lost(verdict.reason, verdict.message, verdict.evidence);
      return note(row, `stuck-${row.begun}-${verdict.reason}`, {
        stuck: verdict.reason,
        message: verdict.message,
        since: isoTime(verdict.since),
      });
    case "waiting":
    case "running":
      if (isOver(row, now))
        return lost("timeout", "the time of the attempt is over, and the cluster has not ended it");
      // The pod says so itself; only when that is long overdue it was lost.
      if (verdict.kind === "running" && row.state === "CREATED" && now - verdict.since >= UNHEARD_MS)
        return ran(row, verdict.evidence);
      return { kind: "leave" };
  }
}

/** Nothing more comes of the attempt. */
const ENDED: ReadonlySet<Verdict["kind"]> = new Set(["absent", "succeeded", "failed"]);

const isOver = ({ deadline }: LastingJob, now: number): boolean => deadline !== undefined && now >= deadline;

const finish = (row: LastingJob, verdict: Verdict): Judgement => ({
  kind: "call",
  call: {
    event: "finish",
    attempt: row.begun,
    // The agent's own, so that the two are one.
    eventId: reportedId(row.begun, `finish-${row.begun}`),
    ...("evidence" in verdict && { data: shown(verdict.evidence) }),
  },
});

/** The end of an attempt, as one who looks on reports it. */
export const failed = (
  { begun }: Pick<LastingJob, "begun">,
  reason: Reason,
  message: string,
  evidence: Evidence,
): JobCall => ({
  event: "fail",
  attempt: begun,
  eventId: `seen-${begun}`,
  data: { reason, message, ...shown(evidence) },
  failure: { reason, message },
});

const note = (row: LastingJob, eventId: string, data: Json): Judgement => ({
  kind: "call",
  call: { event: "update", attempt: row.begun, eventId, data },
});

/** The pod's own word was lost. */
const ran = (row: LastingJob, evidence: Evidence): Judgement => ({
  kind: "call",
  call: { event: "run", attempt: row.begun, eventId: `seen-running-${row.begun}`, data: shown(evidence) },
});

function shown({ startedAt, finishedAt, ...rest }: Evidence): { [key: string]: Json } {
  return {
    ...rest,
    ...(startedAt !== undefined && { startedAt: isoTime(startedAt) }),
    ...(finishedAt !== undefined && { finishedAt: isoTime(finishedAt) }),
  };
}
