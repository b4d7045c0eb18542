/**
 * Branches that must be reached sometimes: a run over many seeds in which one of them never was has not tested what it
 * claims to test. L0 to L9 are the points at which a light stage can die, or lose an answer, in the order of its steps.
 */
export const PROBES = {
  "L0-received": "died after the receive, before any request",
  "L1-begun": "died when an attempt was begun alone, and nothing was stored",
  "L2-stored": "died when outputs were stored and nothing was committed",
  "L3-own-commit": "a commit was refused because the same commit, its answer lost, stood there already",
  "L4-committed": "died after the commit, before the first message",
  "L5-some-sent": "died when some of the messages were sent",
  "L6-all-sent": "died after the last message, before the acknowledgement",
  "L7-not-deleted": "a message of a finished job was not deleted, came back, and was deleted",
  "L8-loser-emits": "an attempt lost against another's commit and sent the winner's messages",
  "L9-parked": "died when the job was in the error bucket, before the acknowledgement",
  "timeout-while-emitting": "a function ran out of time between its commit and its last message",
  "commit-refused-in-bucket": "an attempt succeeded after its job had been put into the error bucket",
  "stale-attempt-refused": "the failure of an attempt was refused because a later one had ended",
  "beginning-refused": "two began to work alone on one token, and one was refused",
  "own-beginning-recognised":
    "a beginning was refused because the same, its answer lost, stood there already",
  "beginning-taken-back": "an attempt that a service had put an end to was not counted",
  "left-to-another-copy": "a copy of a message came back while the attempt of another was not over",
  "failure-refused-finished": "the failure of an attempt was refused because the job was finished",
  "own-failure-recognised": "a failure was refused because the same, its answer lost, stood there already",
  "redriven-unemitted": "a dead-letter queue delivered a message whose job was committed and not all sent",
  "redriven-finished": "a job was finished by a message that came out of a dead-letter queue",
  "neighbour-finished": "a job was finished after a neighbour's poison had killed its function",
  "duplicate-of-done": "a copy of a message came for the first time when its job was done with",
  "sent-afresh": "a message that was getting old was replaced by a new one",
  "entry-sent-again": "an entry that SendMessageBatch had refused was sent after all",
  "several-batches": "a job put out more messages than one batch holds",
  "sending-resumed": "sending went on at the place that somebody who died had noted",
  "spilled-payload": "a payload was too large for its envelope",
  "spilled-arrival": "a put was too large for its envelope",
  "spilled-manifest": "a list of outputs was too large for its row",
  "spilled-manifest-resent": "messages were sent again from a list that lies in the bucket",
  "release-refused": "a claim could not be given back because it had run out",
  "arrival-known": "a token was sent again because its arrival was on record",
  "arrival-unsent": "the intake died between the record of an arrival and its token",
  "reason-error": "a job failed for good: error",
  "reason-timeout": "a job failed for good: timeout",
  "reason-output-invalid": "a job failed for good: output-invalid",
  "reason-input-invalid": "a job failed for good: input-invalid",
  "reason-rejected": "a job failed for good: rejected",
  "reason-object-missing": "a job failed for good: object-missing",
  "reason-malformed": "a message that was none went to the error bucket",
  "reason-crash": "a job failed for good: crash",
  "reopened-finished": "a job was taken out of the error bucket and finished",
  "reopened-failed-again": "a job was taken out of the error bucket and went back into it",
  "retry-unsent": "a retry died when the job was open again and nothing was sent",
  "retry-not-left": "a retry died when the message was sent and the job still in the bucket's index",
  "retry-finished-by-another": "a retry that had died was finished by the next one",
  "retry-refused": "two retried one job, and one was refused",
  "leave-refused": "a job was not taken out of the index because it had failed again",
  retired: "a job was given up by hand",
  "own-result-recognised": "a published result was found to be the job's own",
  "H1-row": "died when a lasting job had its row, before its message was parked",
  "H6-committed": "died when a lasting job was committed, before its last message",
  "H7-sent": "died after a lasting job's last message, before it was noted",
  "H8-settled": "died when nothing was left to do for a lasting job, before its message was ended",
  "lasting-overtaken": "a lasting job's row was written by another meanwhile",
  "history-moved": "a lasting job's history was too long for its row",
  "lasting-finished": "a lasting job was finished",
  "reason-reported": "a job failed for good: reported",
  "report-duplicate": "a report came twice and was taken once",
  "report-stale": "a report spoke of an attempt that was over",
  "report-after-end": "a report came when its job was over",
  "report-forbidden": "a report came with a key that was renewed",
  "report-refused": "a report named outputs that are not there",
  "long-job": "a Job that ran for longer than a claim may last was finished",
  "shared-pod": "a pod worked on several tokens",
  "poison-in-shared-pod": "a token broke a pod that others were worked on in",
  "finished-by-callback": "a program in a pod reported its own end",
  "job-replaced": "the next attempt was made after a Job had failed",
  "zombie-manifest": "a pod of an attempt that was over left its manifest all the same",
  "cluster-full": "there was no place in the cluster",
  "stale-index": "the error bucket's index answered what was not true any more",
  "late-request-executed": "a request was executed after its sender had given it up",
  thawed: "a sandbox went on with what an earlier invocation had left behind",
} as const satisfies Record<string, string>;

export type Probe = keyof typeof PROBES;
export const PROBE_NAMES = Object.keys(PROBES) as Probe[];

/** Which probes a world has reached, with what must be remembered to tell. */
export class Probes {
  readonly reached = new Set<Probe>();
  readonly #refused = new Set<string>();
  readonly #notDeleted = new Set<string>();

  reach(probe: Probe): void {
    this.reached.add(probe);
  }

  reachIf(condition: boolean, probe: Probe): void {
    if (condition) this.reached.add(probe);
  }

  /** An entry was refused by SendMessageBatch. */
  noteRefused(body: string): void {
    this.#refused.add(body);
  }

  noteSent(body: string): void {
    this.reachIf(this.#refused.has(body), "entry-sent-again");
  }

  /** The event source could not delete a message. */
  noteDeleteLost(messageId: string): void {
    this.#notDeleted.add(messageId);
  }

  wasDeleteLost(messageId: string): boolean {
    return this.#notDeleted.has(messageId);
  }
}
