import { isOpen, type LastingJob } from "../job/lasting.ts";
import { clusterJobName } from "../plan/names.ts";
import type { ObservedJob } from "./observed.ts";

/**
 * Which Kubernetes Job runs an attempt. Its own, as a rule. Tokens of a stage with `batch` share one at their first attempt:
 * it has the name of one of them, the carrier. Each of them has its row, its key and its end for itself all the same. An
 * attempt after the first has a Job for itself, so that a token which breaks its pod does so to nobody else.
 */
type Carried = Pick<LastingJob, "id" | "begun" | "carrier" | "carried">;

export const SHARED_ATTEMPT = 1;

/** The name of the Job of an attempt of a job: the current one, if no other is asked for. */
export const clusterJobOf = ({ id, begun, carrier = id }: Carried, attempt = begun): string =>
  clusterJobName(attempt === SHARED_ATTEMPT ? carrier : id, attempt);

/**
 * Others may have run in the pod of its current attempt.
 *
 * @param job the attempt's, if it is there. What rows say was written before it was made, perhaps by somebody who did not
 *   make it; so of one that is gone nobody knows whose it was
 */
export const isShared = ({ begun, carrier }: Carried, job: Pick<ObservedJob, "jobs"> | undefined): boolean =>
  begun === SHARED_ATTEMPT && (job ? job.jobs.length > 1 : carrier !== undefined);

/** What a job's row says when it is to run in the Job of that name, and may still finish there. */
export const runsIn = (row: LastingJob, clusterJob: string): boolean =>
  isOpen(row) && clusterJobOf(row) === clusterJob;

/** Ids of all that a Job was to be made for, by the row of its carrier: what the Job itself says, if it is there, is truer. */
export const meantFor = (clusterJob: string, { id, carried }: Carried): readonly string[] =>
  clusterJob === clusterJobName(id, SHARED_ATTEMPT) && carried ? carried : [id];
