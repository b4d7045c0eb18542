import type { JobEvent } from "./machine.ts";

/**
 * What other systems call the states of their jobs, and the event that each means to ours. The maps agree wherever two of
 * them know the same word, so that a caller need not say which it speaks; words are compared in upper case.
 */
type StatusMap = Readonly<Record<string, JobEvent>>;

/**
 * Agave (tenants.tacc.cloud), as PipelineJobs maps it, but for two: KILLED was `update`, which left a dead job RUNNING for
 * ever, and UPDATED an event that there is not.
 */
const AGAVE: StatusMap = {
  CREATED: "resource",
  PERMISSION_GRANT: "resource",
  PERMISSION_REVOKE: "resource",
  PENDING: "resource",
  STAGING_INPUTS: "resource",
  CLEANING_UP: "resource",
  ARCHIVING: "resource",
  STAGING_JOB: "resource",
  PAUSED: "resource",
  QUEUED: "resource",
  SUBMITTING: "resource",
  STAGED: "resource",
  PROCESSING_INPUTS: "resource",
  ARCHIVING_FINISHED: "resource",
  RUNNING: "run",
  FINISHED: "finish",
  FAILED: "fail",
  STOPPED: "fail",
  DELETED: "fail",
  ARCHIVING_FAILED: "fail",
  KILLED: "fail",
  HEARTBEAT: "update",
  UPDATED: "update",
};

/** Phases of a pod and conditions of a Job (kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle). */
const KUBERNETES: StatusMap = {
  PENDING: "resource",
  SUSPENDED: "resource",
  RUNNING: "run",
  SUCCESSCRITERIAMET: "update",
  SUCCEEDED: "finish",
  COMPLETE: "finish",
  FAILURETARGET: "update",
  FAILED: "fail",
  UNKNOWN: "update",
};

/** docs.aws.amazon.com/batch/latest/userguide/job_states.html */
const AWS_BATCH: StatusMap = {
  SUBMITTED: "resource",
  PENDING: "resource",
  RUNNABLE: "resource",
  STARTING: "resource",
  RUNNING: "run",
  SUCCEEDED: "finish",
  FAILED: "fail",
};

export const STATUS_MAPS = { agave: AGAVE, kubernetes: KUBERNETES, awsBatch: AWS_BATCH } as const;

const known = new Map(Object.values(STATUS_MAPS).flatMap((map) => Object.entries(map)));

/**
 * The event that a status means. A word that nobody knows is an `update`: it is kept, and moves nothing.
 *
 * @param own the definition's map, which goes before ours
 */
export function eventOfStatus(status: string, own: Readonly<Record<string, JobEvent>> = {}): JobEvent {
  const word = status.toUpperCase();
  const ours = Object.entries(own).find(([name]) => name.toUpperCase() === word);
  return ours?.[1] ?? known.get(word) ?? "update";
}
