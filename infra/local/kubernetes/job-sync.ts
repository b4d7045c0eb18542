import { TRACKING } from "./defaults.ts";
import { failurePolicy } from "./failure-policy.ts";
import {
  type Condition,
  hasCondition,
  isTerminal,
  type Job,
  type JobStatus,
  kubeTime,
  type Pod,
  withCondition,
} from "./objects.ts";

/** What the Job controller does at one moment. */
export interface JobSync {
  readonly status: JobStatus;
  /** So many new pods. */
  readonly create: number;
  /** Pods to be ended. */
  readonly remove: readonly Pod[];
  /** Pods that have been counted: the Job lets go of them. */
  readonly release: readonly Pod[];
  readonly events: readonly { type: "Normal" | "Warning"; reason: string; message: string }[];
  /** Look again then, in milliseconds since 1970, whatever happens meanwhile. */
  readonly again?: number;
  /** Its time after the end is over. */
  readonly expired?: boolean;
}

export const isFinished = ({ status }: Job): boolean =>
  hasCondition(status.conditions, "Complete") || hasCondition(status.conditions, "Failed");

/** How a failed pod's replacement is delayed: doubled with each failure, at most ten minutes. */
const LONGEST_RETRY_MS = 600_000;

/**
 * The Job controller as a function of what it sees, in the steps of
 * https://github.com/kubernetes/kubernetes/blob/v1.36.0/pkg/controller/job/job_controller.go: a result is first announced
 * (`SuccessCriteriaMet`, `FailureTarget`), then all pods end, then it is final (`Complete`, `Failed`).
 *
 * @param pods all pods that the Job controls
 * @param retryDelayMs before the replacement of the first failed pod
 */
export function syncJob(job: Job, pods: readonly Pod[], now: number, retryDelayMs: number): JobSync {
  if (isFinished(job)) return afterEnd(job, pods, now);
  const view = look(job, pods, now, retryDelayMs);
  const interim = interimOf(job.status);
  if (interim) return finish(view, interim);
  const result = resultOf(view);
  if (result) return announce(view, result);
  return job.spec.suspend ? suspend(view) : run(view);
}

interface View {
  readonly job: Job;
  readonly now: number;
  readonly retryDelayMs: number;
  readonly pods: readonly Pod[];
  /** Neither ended nor being deleted. */
  readonly active: readonly Pod[];
  readonly terminating: readonly Pod[];
  /** Ended, and not yet in the counts of the Job's status. */
  readonly succeeded: readonly Pod[];
  readonly failed: readonly Pod[];
  /** Failed in a way that the Job does not mind. */
  readonly ignored: readonly Pod[];
  /** Why one pod is enough for the Job to fail. */
  readonly fatal: string | undefined;
}

function look(job: Job, pods: readonly Pod[], now: number, retryDelayMs: number): View {
  const uncounted = pods.filter(({ metadata }) => metadata.finalizers?.includes(TRACKING));
  const ended = uncounted.filter((pod) => hasFailed(pod, job));
  const verdicts = new Map(ended.map((pod) => [pod, failurePolicy(job.spec.podFailurePolicy?.rules, pod)]));
  return {
    job,
    now,
    retryDelayMs,
    pods,
    active: pods.filter((pod) => !isTerminal(pod) && !isDeleting(pod)),
    terminating: pods.filter((pod) => !isTerminal(pod) && isDeleting(pod)),
    succeeded: uncounted.filter(({ status }) => status.phase === "Succeeded"),
    failed: ended.filter((pod) => verdicts.get(pod)?.action !== "Ignore"),
    ignored: ended.filter((pod) => verdicts.get(pod)?.action === "Ignore"),
    fatal: [...verdicts.values()].find((verdict) => verdict?.action === "FailJob")?.message,
  };
}

const isDeleting = ({ metadata }: Pod): boolean => metadata.deletionTimestamp !== undefined;

/** A pod that is being deleted counts as failed at once, unless its replacement must wait for its end. */
function hasFailed(pod: Pod, job: Job): boolean {
  if (pod.status.phase === "Failed") return true;
  const mustEnd = job.spec.podReplacementPolicy === "Failed" || job.spec.podFailurePolicy !== undefined;
  return !mustEnd && isDeleting(pod) && pod.status.phase !== "Succeeded";
}

const INTERIM = { SuccessCriteriaMet: "Complete", FailureTarget: "Failed" } as const;

const interimOf = ({ conditions }: JobStatus): Condition | undefined =>
  conditions?.find(({ type, status }) => type in INTERIM && status === "True");

type Result = Pick<Condition, "type" | "reason" | "message">;

function resultOf(view: View): Result | undefined {
  const { spec, status } = view.job;
  const failed = (status.failed ?? 0) + view.failed.length;
  const succeeded = (status.succeeded ?? 0) + view.succeeded.length;
  if (view.fatal !== undefined) return failure("PodFailurePolicy", view.fatal);
  if (failed > spec.backoffLimit)
    return failure("BackoffLimitExceeded", "Job has reached the specified backoff limit");
  if (!spec.suspend && (deadlineOf(view.job) ?? Number.POSITIVE_INFINITY) <= view.now)
    return failure("DeadlineExceeded", "Job was active longer than specified deadline");
  const isDone =
    spec.completions === undefined
      ? succeeded > 0 && view.active.length === 0
      : succeeded >= spec.completions && (succeeded > 0 || !spec.suspend);
  if (!isDone) return undefined;
  return {
    type: "SuccessCriteriaMet",
    reason: "CompletionsReached",
    message: "Reached expected number of succeeded pods",
  };
}

const failure = (reason: string, message: string): Result => ({ type: "FailureTarget", reason, message });

function deadlineOf({ spec, status }: Job): number | undefined {
  if (spec.activeDeadlineSeconds === undefined || status.startTime === undefined) return undefined;
  return Date.parse(status.startTime) + spec.activeDeadlineSeconds * 1000;
}

const condition = (result: Result, now: number): Condition => ({
  ...result,
  status: "True",
  lastProbeTime: kubeTime(now),
  lastTransitionTime: kubeTime(now),
});

/** The first of two writes: what the result will be, and who has yet to be counted. */
function announce(view: View, result: Result): JobSync {
  const uids = (pods: readonly Pod[]) => pods.map(({ metadata }) => metadata.uid);
  return {
    ...nothing,
    status: {
      ...counts(view, 0, view.terminating.length + view.active.length),
      uncountedTerminatedPods: {
        ...(view.succeeded.length > 0 && { succeeded: uids(view.succeeded) }),
        ...(view.failed.length > 0 && { failed: uids(view.failed) }),
      },
      conditions: withCondition(view.job.status.conditions, condition(result, view.now)),
    },
    remove: view.active,
    events: deletions(view.active),
    again: view.now,
  };
}

/** The second: everybody is counted; final once every pod has really ended. */
function finish(view: View, interim: Condition): JobSync {
  const status = counted(view, 0);
  const isOver = view.active.length === 0 && view.pods.every((pod) => !isDeleting(pod));
  if (!isOver) return { ...nothing, status, release: ended(view), remove: view.active };
  const type = INTERIM[interim.type as keyof typeof INTERIM];
  const { reason = "", message = "" } = interim;
  return {
    ...nothing,
    status: {
      ...status,
      ...(type === "Complete" && { completionTime: kubeTime(view.now) }),
      conditions: withCondition(status.conditions, condition({ type, reason, message }, view.now)),
    },
    release: ended(view),
    events: [
      type === "Complete"
        ? { type: "Normal", reason: "Completed", message: "Job completed" }
        : { type: "Warning", reason, message },
    ],
    again: view.now,
  };
}

function run(view: View): JobSync {
  const { job, now, active, terminating } = view;
  const { spec } = job;
  const succeeded = (job.status.succeeded ?? 0) + view.succeeded.length;
  const wanted =
    spec.completions === undefined
      ? succeeded > 0
        ? active.length
        : spec.parallelism
      : Math.min(spec.parallelism, spec.completions - succeeded);
  const waitsForEnd = spec.podReplacementPolicy === "Failed" ? terminating.length : 0;
  const missing = Math.max(0, wanted - active.length - waitsForEnd);
  const retryAt = missing > 0 ? retryTime(view) : 0;
  const create = retryAt <= now ? missing : 0;
  const surplus = active.slice(Math.max(0, wanted));
  const deadline = deadlineOf(job) ?? (spec.activeDeadlineSeconds ?? Number.POSITIVE_INFINITY) * 1000 + now;
  const again = Math.min(deadline, create < missing ? retryAt : Number.POSITIVE_INFINITY);
  const resumed = hasCondition(job.status.conditions, "Suspended");
  return {
    ...nothing,
    status: {
      ...counted(view, active.length - surplus.length + create),
      startTime: job.status.startTime ?? kubeTime(now),
      ...(resumed && { conditions: suspended(view, "False") }),
    },
    create,
    remove: surplus,
    release: [...ended(view), ...surplus],
    events: resumed ? [{ type: "Normal", reason: "Resumed", message: "Job resumed" }] : [],
    ...(Number.isFinite(again) && { again }),
  };
}

/** A pod that is ended because its Job is suspended is not counted: the Job lets go of it first. */
function suspend(view: View): JobSync {
  const { startTime: _startTime, ...status } = counted(view, 0);
  const isNew = !hasCondition(view.job.status.conditions, "Suspended");
  return {
    ...nothing,
    status: { ...status, conditions: suspended(view, "True") },
    remove: view.active,
    release: [...ended(view), ...view.active],
    events: isNew ? [{ type: "Normal", reason: "Suspended", message: "Job suspended" }] : [],
  };
}

const suspended = ({ job, now }: View, status: "True" | "False"): Condition[] =>
  withCondition(job.status.conditions, {
    ...condition(
      status === "True"
        ? { type: "Suspended", reason: "JobSuspended", message: "Job suspended" }
        : { type: "Suspended", reason: "JobResumed", message: "Job resumed" },
      now,
    ),
    status,
  });

/** When the next pod may take the place of one that failed. */
function retryTime({ pods, retryDelayMs }: View): number {
  const ends = pods
    .filter(({ status }) => status.phase === "Failed")
    .map(({ status, metadata }) => {
      const finished = (status.containerStatuses ?? []).flatMap(({ state }) =>
        "terminated" in state && state.terminated.finishedAt ? [Date.parse(state.terminated.finishedAt)] : [],
      );
      return Math.max(Date.parse(metadata.creationTimestamp), ...finished);
    });
  if (ends.length === 0) return 0;
  return Math.max(...ends) + Math.min(LONGEST_RETRY_MS, retryDelayMs * 2 ** (ends.length - 1));
}

function afterEnd(job: Job, pods: readonly Pod[], now: number): JobSync {
  const release = pods.filter(({ metadata }) => metadata.finalizers?.includes(TRACKING));
  const still = { ...nothing, status: job.status, release };
  if (job.spec.ttlSecondsAfterFinished === undefined) return still;
  const final = job.status.conditions?.find(({ type }) => type === "Complete" || type === "Failed");
  const end = Date.parse(final?.lastTransitionTime ?? "") + job.spec.ttlSecondsAfterFinished * 1000;
  return end <= now ? { ...still, expired: true } : { ...still, again: end };
}

const nothing = { create: 0, remove: [], release: [], events: [] } as const;

const ended = (view: View): Pod[] => [...view.succeeded, ...view.failed, ...view.ignored];

/** The status with those counted who have ended. */
function counted(view: View, active: number): JobStatus {
  const { succeeded = 0, failed = 0 } = view.job.status;
  return {
    ...counts(view, active, view.terminating.length),
    ...(succeeded + view.succeeded.length > 0 && { succeeded: succeeded + view.succeeded.length }),
    ...(failed + view.failed.length > 0 && { failed: failed + view.failed.length }),
    uncountedTerminatedPods: {},
  };
}

function counts(view: View, active: number, terminating: number): JobStatus {
  const { active: _active, ...status } = view.job.status;
  const ready = view.active.filter((pod) => hasCondition(pod.status.conditions, "Ready")).length;
  return { ...status, ...(active > 0 && { active }), ready: Math.min(active, ready), terminating };
}

const deletions = (pods: readonly Pod[]): JobSync["events"] =>
  pods.map(({ metadata }) => ({
    type: "Normal",
    reason: "SuccessfulDelete",
    message: `Deleted pod: ${metadata.name}`,
  }));
