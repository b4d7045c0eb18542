import { isDeepStrictEqual } from "node:util";
import type { JobRecord } from "../../../lib/job/record.ts";
import { edgeOf } from "../../../lib/plan/find.ts";
import { jobId } from "../../../lib/token/ids.ts";
import { PIPELINE } from "../scenario/pipeline.ts";
import type { JobTruth, Truth } from "./truth.ts";

/** One write of a job's row, with what was true before it. */
export interface RowChange {
  readonly before: JobRecord | undefined;
  readonly after: JobRecord;
  readonly job: JobTruth;
}

/** What must hold of every single write of a job's row. */
export const ROW_RULES: readonly {
  readonly says: string;
  holds(change: RowChange, truth: Truth): boolean;
}[] = [
  {
    says: "a job belongs to a token that was put out or entered, or to a message that is none",
    holds: ({ after }, { tokens, strays }) =>
      after.id === jobId(PIPELINE.id, after.stage, after.token) &&
      (tokens.get(after.token)?.edge === after.edge || strays.has(after.id)),
  },
  {
    says: "what was committed never changes",
    holds: ({ before, after }) =>
      before?.committed === undefined || isDeepStrictEqual(before.committed, after.committed),
  },
  {
    says: "no job is finished and in the error bucket",
    holds: ({ after }) => after.committed === undefined || after.reason === undefined,
  },
  {
    says: "a job in the error bucket has a reason, an error, its message and a place in the index",
    holds: ({ after }) =>
      after.state !== "FAILED" ||
      (after.reason !== undefined &&
        after.error !== undefined &&
        (after.body ?? "") !== "" &&
        after.dead === PIPELINE.id &&
        after.deadAt?.endsWith(after.id) === true),
  },
  {
    says: "a job that was given up is not in the index of the error bucket; a finished one only by an unfinished retry",
    holds: ({ after, job }) =>
      after.dead === undefined ||
      (after.state !== "RETIRED" && (after.state !== "FINISHED" || job.openings > 0)),
  },
  {
    says: "FINISHED and RETIRED are final",
    holds: ({ before, after }) =>
      (before?.state !== "FINISHED" && before?.state !== "RETIRED") || before.state === after.state,
  },
  {
    says: "an attempt that was overtaken fails nothing",
    holds: ({ before, after }) => !isFailure(before, after) || after.attempt > (before?.attempt ?? 0),
  },
  {
    says: "a job is not tried more often than its edge allows, but for a first attempt that was to have company",
    holds: ({ before, after, job }) => {
      const free = after.carrier !== undefined && job.openings === 0 ? 1 : 0;
      return !isFailure(before, after) || after.attempt - job.attemptAtOpening - free <= maxAttempts(after);
    },
  },
  {
    says: "a job is not given up before its attempts are spent, of which one that had company is none",
    holds: ({ before, after, job }) =>
      !isFailure(before, after) ||
      after.state !== "FAILED" ||
      !RETRYABLE.has(after.reason ?? "") ||
      after.attempt - job.attemptAtOpening - (isForgiven(job) ? 1 : 0) >= maxAttempts(after),
  },
  {
    says: "of a lasting job, only the current attempt changes anything",
    holds: ({ before, after }) =>
      before?.rev === undefined ||
      newEntries(before, after).every(({ attempt }) => attempt === undefined || attempt === before.begun),
  },
  {
    says: "of a lasting job, what the current attempt put out is committed",
    holds: ({ before, after }) =>
      after.rev === undefined ||
      before?.committed !== undefined ||
      after.committed === undefined ||
      (after.committed.attempt === String(after.begun) && after.attempt === after.begun),
  },
  {
    says: "outputs that are noted as sent have been sent",
    holds: ({ after: { sent = 0 }, job }) =>
      sent === 0 || job.children?.every(({ place, isSent }) => place >= sent || isSent) === true,
  },
];

/** Its pod was lost with others in it. */
const isForgiven = ({ hadCompany, openings, entries }: JobTruth): boolean =>
  hadCompany && openings === 0 && !entries.some(isOwnFailure);

/** The program reported it, by an event whose id begins with the attempt; or has ended well, and said nothing of this token. */
const isOwnFailure = ({ event, attempt, eventId = "", data }: JobRecord["history"][number]): boolean =>
  event === "retry" &&
  attempt === 1 &&
  (/^\d/.test(eventId) || (data as { reason?: string } | undefined)?.reason === "output-missing");

const RETRYABLE: ReadonlySet<string> = new Set([
  "error",
  "timeout",
  "output-invalid",
  "crash",
  "reported",
  "exit",
  "vanished",
  "agent",
  "image",
  "node-lost",
  "output-missing",
]);

const maxAttempts = ({ edge }: JobRecord): number => edgeOf(PIPELINE, edge).maxAttempts;

/** The write says that an attempt failed, for now or for good. */
export function isFailure(before: JobRecord | undefined, after: JobRecord): boolean {
  const last = newEntries(before, after).at(-1)?.event;
  return last === "retry" || last === "fail";
}

/** What a write has added to the history, of which the oldest entries may have gone elsewhere. */
export const newEntries = (before: JobRecord | undefined, after: JobRecord): JobRecord["history"] => {
  const added = lengthOf(after) - (before ? lengthOf(before) : 0);
  return added > 0 ? after.history.slice(-added) : [];
};

const lengthOf = ({ history, moved = 0 }: JobRecord): number => moved + history.length;
