import { REASONS, type Reason } from "../stage/failure.ts";
import { MAIN } from "./base-pod.ts";
import { isDenial } from "./cluster.ts";
import type { Condition, ObservedContainer, ObservedEvent, ObservedJob, ObservedPod } from "./observed.ts";

/**
 * What has become of an attempt, read off its Job, its pods and the events about it. Six common failures leave a Job
 * "active" for ever, without a condition: no callback and no watch of Jobs alone would ever tell of them.
 */
export type Verdict =
  | { readonly kind: "absent" }
  /** Deleted, and its pods are still ending. */
  | { readonly kind: "ending" }
  /** Nothing of it runs yet, and nothing says that it will not. */
  | { readonly kind: "waiting"; readonly since: number }
  | { readonly kind: "running"; readonly since: number; readonly evidence: Evidence }
  /** It does not get on. `isOverdue`: for so long that it should be ended. */
  | {
      readonly kind: "stuck";
      readonly reason: Reason;
      readonly message: string;
      readonly since: number;
      readonly isOverdue: boolean;
      readonly evidence: Evidence;
    }
  | { readonly kind: "succeeded"; readonly evidence: Evidence }
  | {
      readonly kind: "failed";
      readonly reason: Reason;
      readonly message: string;
      readonly evidence: Evidence;
    };

/** What the history of a job keeps of its pod. */
export interface Evidence {
  readonly pod?: string;
  readonly node?: string;
  readonly container?: string;
  readonly exitCode?: number;
  readonly startedAt?: number;
  readonly finishedAt?: number;
}

/** Seconds that a pod may be stuck before its attempt is ended. A cluster that grows needs minutes for a new machine. */
export const PATIENCE_SECONDS: Partial<Record<Reason, number>> = {
  image: 300,
  "container-config": 120,
  unschedulable: 900,
  quota: 900,
  refused: 0,
  // The Job replaces an evicted pod by itself, once it is gone.
  evicted: 300,
  "node-lost": 300,
};

/** Reasons for which a container waits that time alone does not mend (kubelet; the list that Nextflow and Airflow use). */
const WAITING: Readonly<Record<string, Reason>> = {
  ErrImagePull: "image",
  ImagePullBackOff: "image",
  ErrImageNeverPull: "image",
  InvalidImageName: "image",
  ImageInspectError: "image",
  RegistryUnavailable: "image",
  CreateContainerConfigError: "container-config",
  CreateContainerError: "container-config",
  RunContainerError: "container-config",
};

export function classify(
  job: ObservedJob | undefined,
  pods: readonly ObservedPod[],
  events: readonly ObservedEvent[],
  now: number,
): Verdict {
  if (!job) return { kind: "absent" };
  const pod = newest(pods);
  const evidence = evidenceOf(pod);
  if (job.deletingAt !== undefined) return { kind: "ending" };
  // Interim conditions come first, and stay alone when a node is gone: `Failed` waits for pods that cannot end.
  if (is(job.conditions, "Complete") || is(job.conditions, "SuccessCriteriaMet"))
    return { kind: "succeeded", evidence };
  const failure = is(job.conditions, "Failed") ?? is(job.conditions, "FailureTarget");
  if (failure) return { kind: "failed", ...causeOf(failure, pod, events, job, now), evidence };
  const trouble = troubleOf(job, pod, events);
  if (trouble) {
    const { patienceSeconds, ...told } = trouble;
    const patience = patienceSeconds ?? PATIENCE_SECONDS[trouble.reason] ?? 0;
    return { kind: "stuck", ...told, isOverdue: now - trouble.since >= patience * 1000, evidence };
  }
  const begun = pod?.containers.find(({ running, terminated }) => running ?? terminated);
  if (!pod || !begun) return { kind: "waiting", since: job.createdAt };
  return { kind: "running", since: evidence.startedAt ?? pod.createdAt, evidence };
}

interface Trouble {
  readonly reason: Reason;
  readonly message: string;
  readonly since: number;
  /** Where it is not that of the reason. */
  readonly patienceSeconds?: number;
}

/** Why an attempt that has not ended does not get on, if it does not. */
function troubleOf(
  job: ObservedJob,
  pod: ObservedPod | undefined,
  events: readonly ObservedEvent[],
): Trouble | undefined {
  if (!pod) return refusalOf(job, events);
  const lost = disruptionOf(pod);
  if (lost) return lost;
  // The first container's turn came when there was a machine for it, which may have taken a while.
  let since = is(pod.conditions, "PodScheduled")?.at || pod.createdAt;
  for (const { name, waiting, terminated } of pod.containers) {
    const reason = waiting && WAITING[waiting.reason];
    if (reason) return { reason, message: `${name}: ${shown(waiting)}`, since };
    // The next container's turn came when this one had ended.
    since = terminated?.finishedAt ?? since;
  }
  const unscheduled = pod.conditions.find(({ type, isTrue }) => type === "PodScheduled" && !isTrue);
  if (unscheduled?.reason !== "Unschedulable") return undefined;
  return { reason: "unschedulable", message: unscheduled.message, since: unscheduled.at };
}

/** No pod: only events say why the cluster does not make one, and they stay for an hour, also when it has made one since. */
function refusalOf(job: ObservedJob, events: readonly ObservedEvent[]): Trouble | undefined {
  const made = events.findLast(({ reason }) => reason === "SuccessfulCreate");
  const refused = events.findLast(({ reason, at }) => reason === "FailedCreate" && !(made && at <= made.at));
  if (!refused) return undefined;
  const { message } = refused;
  const since = made?.at ?? job.createdAt;
  if (/exceeded quota|must specify (limits|requests)/i.test(message))
    return { reason: "quota", message, since };
  const trouble: Trouble = { reason: "refused", message, since };
  // A webhook that does not answer, an account that is not there yet: the cluster goes on trying.
  return isDenial(message) ? trouble : { ...trouble, patienceSeconds: 300 };
}

/** A pod that is being taken away: its machine is lost, or somebody needs the room. */
function disruptionOf(pod: ObservedPod): Trouble | undefined {
  const target = is(pod.conditions, "DisruptionTarget");
  if (!target) return undefined;
  const isLost = LOST_NODE.has(target.reason);
  const where = pod.node === undefined ? "" : ` on ${pod.node}`;
  const message = `the pod${where}: ${target.message || target.reason}`;
  return { reason: isLost ? "node-lost" : "evicted", message, since: target.at };
}

const LOST_NODE = new Set(["DeletionByTaintManager", "DeletionByPodGC"]);

/** Why an attempt that has ended failed. */
function causeOf(
  { reason, message }: Condition,
  pod: ObservedPod | undefined,
  events: readonly ObservedEvent[],
  job: ObservedJob,
  now: number,
): { reason: Reason; message: string } {
  if (reason === "DeadlineExceeded") {
    // It may never have begun; then that is the reason, and not the time.
    const trouble = troubleOf(job, pod, events);
    if (trouble) return { reason: trouble.reason, message: trouble.message };
    const seconds = Math.round((now - job.createdAt) / 1000);
    return {
      reason: "timeout",
      message: `the attempt was ended after its time was over, ${seconds} s after it began`,
    };
  }
  if (!pod) return { reason: "vanished", message: `the pod was deleted: ${message}` };
  const ended = pod.containers.find(({ terminated }) => terminated && terminated.exitCode !== 0);
  if (pod.reason === "Evicted") return { reason: "evicted", message: pod.message };
  const disruption = disruptionOf(pod);
  if (disruption) return { reason: disruption.reason, message: disruption.message };
  return ended ? endOf(ended) : { reason: "vanished", message: `${reason}: ${message}` };
}

const SIGKILL = 137;

/** How a container ended that did not end well. The agent's containers say their own reason. */
function endOf({ name, terminated }: ObservedContainer): { reason: Reason; message: string } {
  const { exitCode = 0, reason = "", message = "" } = terminated ?? {};
  if (reason === "OOMKilled") return { reason: "oom", message: `${name} ran out of memory` };
  if (name !== MAIN)
    return agentFailure(message) ?? { reason: "agent", message: `${name}: ${message || reason}` };
  const how = exitCode === SIGKILL ? "was killed" : `ended with exit code ${exitCode}`;
  return { reason: "exit", message: `the container ${how}${message === "" ? "" : `: ${message.trim()}`}` };
}

/** What the agent leaves as its termination message: `reason: message`, with a reason of ours. */
function agentFailure(text: string): { reason: Reason; message: string } | undefined {
  const [, reason, message] = /^([a-z-]+): ([\s\S]*)$/.exec(text) ?? [];
  if (reason === undefined || message === undefined || !Object.hasOwn(REASONS, reason)) return undefined;
  return { reason: reason as Reason, message: message.trim() };
}

const is = (conditions: readonly Condition[], wanted: string): Condition | undefined =>
  conditions.find(({ type, isTrue }) => type === wanted && isTrue);

const shown = ({ reason, message }: { reason: string; message: string }): string =>
  message === "" ? reason : `${reason}: ${message}`;

/** A Job may have had several pods: one that was evicted is replaced. */
export const newest = (pods: readonly ObservedPod[]): ObservedPod | undefined =>
  pods.toSorted((a, b) => a.createdAt - b.createdAt).at(-1);

function evidenceOf(pod: ObservedPod | undefined): Evidence {
  if (!pod) return {};
  // What failed is of more interest than what the user's container did before.
  const failed = pod.containers.find(({ terminated }) => terminated && terminated.exitCode !== 0);
  const shown = failed ?? pod.containers.find(({ name }) => name === MAIN);
  const { terminated, running } = shown ?? {};
  const startedAt = terminated?.startedAt ?? running?.startedAt;
  return {
    pod: pod.name,
    ...(pod.node !== undefined && { node: pod.node }),
    ...(shown && (terminated || running) && { container: shown.name }),
    ...(terminated && { exitCode: terminated.exitCode, finishedAt: terminated.finishedAt }),
    ...(startedAt !== undefined && { startedAt }),
  };
}
