import type { Reason } from "../stage/failure.ts";
import type { Payload, PayloadRef } from "../token/envelope.ts";
import type { Json } from "../token/json.ts";
import type { LastingFields } from "./lasting.ts";
import type { JobEvent, JobState } from "./machine.ts";

/**
 * The record of one stage working on one token: version 1. A light job costs one write, made when its outputs are
 * committed; a job that failed has its earlier attempts on record too. A light job has none of the lasting fields.
 *
 * Of a light job, CREATED means: taken out of the error bucket, to be worked again. RUNNING: an attempt has failed, another
 * is due. FINISHED: outputs committed. FAILED: in the error bucket. RETIRED: given up.
 */
export interface JobRecord extends Partial<LastingFields> {
  readonly v: 1;
  readonly id: string;
  readonly pipeline: string;
  readonly stage: string;
  /** Id of the edge that the token came by. */
  readonly edge: string;
  readonly token: string;
  readonly run: string;
  /** The job that emitted the token. */
  readonly parent?: string;
  readonly state: JobState;
  /** Attempts that have ended. Only a greater one may fail the job: an attempt that was overtaken cannot. */
  readonly attempt: number;
  /** The attempt that was last begun alone, after a redelivery. Greater than `attempt`: it has not ended. */
  readonly begun?: number;
  /** Who began it, on which message, and when: only a redelivery of that message tells that it died. */
  readonly begunBy?: string;
  readonly begunFor?: string;
  readonly begunAt?: string;
  /** Attempts that do not count: before the job was last taken out of the error bucket, or lost with a pod that it shared. */
  readonly attemptsForgiven?: number;
  /** Ordered. Bounded by the attempts that an edge allows; cut to {@link HISTORY_KEPT} when the job is reopened. */
  readonly history: readonly HistoryEntry[];
  readonly committed?: Commit;
  /** So many of the committed outputs are known to have been sent; absent for short lists. */
  readonly sent?: number;
  readonly durationMs?: number;
  readonly log?: readonly LogLine[];
  /** Present while the job lies in the error bucket, and after it was given up. */
  readonly reason?: Reason;
  readonly error?: { readonly message: string; readonly stack: string };
  /** The message as it was received, so that the job can be taken up again. */
  readonly body?: string;
  /** Sparse index of the error bucket. */
  readonly dead?: string;
  readonly deadAt?: string;
  /** How often it was taken out of the error bucket. */
  readonly retries?: number;
}

export interface HistoryEntry {
  /** `retry`: an attempt failed and another is due. `reopen`: taken out of the error bucket. */
  readonly event: JobEvent | "retry" | "reopen" | "cancel";
  /** ISO 8601. */
  readonly at: string;
  readonly attempt?: number;
  readonly data?: Json;
  /** Where the data lies, when they are too large for a row. */
  readonly ref?: PayloadRef;
  /** Of a callback: the same event is taken once. */
  readonly eventId?: string;
}

/** Entries that a job takes along out of the error bucket: an update bills the whole item, and an item ends at 400 KB. */
export const HISTORY_KEPT = 16;

/**
 * What a job has put out, decided once and for ever. The row that holds it is the outbox: messages are made from it, by
 * whoever comes first and as often as needed, and are the same each time.
 */
export interface Commit {
  /** The attempt whose objects these are. */
  readonly attempt: string;
  /** Outputs. */
  readonly count: number;
  /** Tokens that they become: an output is one token on each edge that it goes to. */
  readonly tokens: number;
  /** Edges that every output goes to, unless it says otherwise. */
  readonly to: readonly string[];
  readonly outputs?: readonly CommittedOutput[] | undefined;
  /** The outputs as a list in the bucket, when they are too many for the row. */
  readonly manifest?: PayloadRef;
}

export interface CommittedOutput {
  readonly payload: Payload | PayloadRef;
  readonly to?: readonly string[];
}

export interface LogLine {
  readonly at: string;
  readonly level: LogLevel;
  readonly message: string;
}
export type LogLevel = "debug" | "info" | "warn" | "error";

/** What names a job, and where its token came from. */
export type JobIdentity = Pick<JobRecord, "id" | "pipeline" | "stage" | "edge" | "token" | "run" | "parent">;

export interface FinishedJob {
  readonly attempt: number;
  readonly committed: Commit;
  readonly history: readonly HistoryEntry[];
  readonly durationMs: number;
  readonly log: readonly LogLine[];
}

export interface BegunJob {
  readonly attempt: number;
  readonly ended: number;
  /** How many had ended by the row that all this was decided on. Should it say more by now, it is not written. */
  readonly endedBefore: number;
  readonly by: string;
  /** The message's id. */
  readonly for: string;
  readonly at: string;
  readonly history: readonly HistoryEntry[];
}

export interface FailedJob {
  readonly attempt: number;
  readonly reason: Reason;
  readonly error: { readonly message: string; readonly stack: string };
  readonly history: readonly HistoryEntry[];
  readonly log: readonly LogLine[];
  readonly body: string;
  /** Who began the attempt, when it was begun alone: nobody else may end what somebody is still working on. */
  readonly begunBy?: string;
}

/** A token that came from outside: the beginning of a run. */
export interface Arrival {
  readonly v: 1;
  readonly token: string;
  readonly pipeline: string;
  readonly input: string;
  readonly at: string;
  /** `s3://bucket/key`, or the key that a put carried. */
  readonly source?: string;
}

/**
 * The job table, as the stages use it. Every write is one conditional write of one row; what it answers when the
 * condition did not hold is the row that stood in its way.
 */
export interface JobStore {
  get(pipeline: string, id: string): Promise<JobRecord | undefined>;
  /** The only point at which a job's outputs are decided: succeeds once for each job. */
  commit(job: JobIdentity, finished: FinishedJob): Promise<JobRecord | undefined>;
  /** Notes how many of the committed outputs have been sent. */
  noteSent(job: JobIdentity, count: number): Promise<void>;
  /** Notes that an attempt begins, after `ended` have ended. */
  noteBegun(job: JobIdentity, begun: BegunJob): Promise<JobRecord | undefined>;
  /** Takes it back: a service failed before the attempt came to an end, and nothing counts. */
  takeBack(job: JobIdentity, by: string): Promise<void>;
  /** Notes that an attempt failed and another is due. */
  noteRetry(job: JobIdentity, failed: FailedJob): Promise<JobRecord | undefined>;
  /** Puts the job into the error bucket. */
  park(job: JobIdentity, failed: FailedJob, at: string): Promise<JobRecord | undefined>;
  /** True when the arrival is new. */
  arrive(arrival: Arrival): Promise<boolean>;
}
