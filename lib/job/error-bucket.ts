import { type Clock, isoTime } from "../clock.ts";
import { edgeOf } from "../plan/find.ts";
import type { PipelinePlan } from "../plan/plan.ts";
import type { Sender } from "../queue/sender.ts";
import { decodeEnvelope, encodeEnvelope } from "../token/envelope.ts";
import type { JobRecord } from "./record.ts";

/**
 * The error bucket: jobs that failed for good, each with its reason and its message. A job is taken up again in three
 * steps: its row is opened (which forgives the attempts so far), its message is sent, and only then does the row leave
 * the bucket. Whatever dies in between leaves a row in the bucket that shows an unfinished retry; retrying once more
 * finishes it, and the token's id makes sure that it takes effect once.
 */
export interface ErrorBucketStore {
  /** FAILED → CREATED. False when somebody else was first. */
  reopen(row: JobRecord, at: string): Promise<boolean>;
  /**
   * Takes a reopened job out of the index of the bucket, unless it failed or was reopened again meanwhile.
   *
   * @param opening which of its retries this is: the one whose message has been sent
   */
  leaveBucket(row: JobRecord, opening: number): Promise<void>;
  /** FAILED → RETIRED. False when somebody else was first. */
  retire(row: JobRecord, at: string): Promise<boolean>;
}

/** What to pick from the bucket. All that are given must hold. */
export interface DeadFilter {
  readonly ids?: readonly string[] | undefined;
  readonly stage?: string | undefined;
  readonly reason?: string | undefined;
  /** A part of the error's message. */
  readonly message?: string | undefined;
}

export const matches = (row: JobRecord, { ids, stage, reason, message }: DeadFilter): boolean =>
  (ids === undefined || ids.includes(row.id) || ids.includes(row.token)) &&
  (stage === undefined || row.stage === stage) &&
  (reason === undefined || row.reason === reason) &&
  (message === undefined || (row.error?.message.includes(message) ?? false));

/**
 * What became of one job: `changed` when somebody else was first, `not-retryable` when it would be as unreadable as before,
 * `unfinished` when a retry was begun and has to be finished by another before the job can be skipped.
 */
export type DeadOutcome = "retried" | "skipped" | "changed" | "not-retryable" | "unfinished";

export interface ErrorBucketDependencies {
  readonly store: ErrorBucketStore;
  readonly sender: Sender;
  readonly clock: Clock;
}

/** A retry of it was begun, and died before its message was known to be sent. */
const isUnfinished = (row: JobRecord): boolean => row.reason === undefined;

export const canRetry = (row: JobRecord): boolean => row.reason !== "malformed" && row.body !== undefined;
export const canSkip = (row: JobRecord): boolean => !isUnfinished(row);

export async function retryDead(
  row: JobRecord,
  pipeline: PipelinePlan,
  { store, sender, clock }: ErrorBucketDependencies,
): Promise<DeadOutcome> {
  if (!canRetry(row) || row.body === undefined) return "not-retryable";
  // Whatever cannot be sent fails here, while the row is as it was and can still be skipped.
  const { queue } = edgeOf(pipeline, row.edge);
  const envelope = { ...decodeEnvelope(row.body), resend: true as const, enqueuedAt: clock.now() };
  const opening = (row.retries ?? 0) + (isUnfinished(row) ? 0 : 1);
  if (!isUnfinished(row) && !(await store.reopen(row, isoTime(clock.now())))) return "changed";
  await sender.send(queue.name, encodeEnvelope(envelope));
  await store.leaveBucket(row, opening);
  return "retried";
}

export async function skipDead(
  row: JobRecord,
  { store, clock }: Pick<ErrorBucketDependencies, "store" | "clock">,
): Promise<DeadOutcome> {
  if (!canSkip(row)) return "unfinished";
  return (await store.retire(row, isoTime(clock.now()))) ? "skipped" : "changed";
}
