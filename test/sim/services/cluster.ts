import { ClusterError, type Ensured } from "../../../lib/cluster/cluster.ts";
import { FETCH, JOBS_NOTE, type JobManifest, LABELS, PUBLISH } from "../../../lib/cluster/manifest.ts";
import type {
  Condition,
  ObservedContainer,
  ObservedJob,
  ObservedPod,
} from "../../../lib/cluster/observed.ts";
import { Sandbox } from "../world/sandbox.ts";
import type { World } from "../world/world.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** A pod: its process is a sandbox. One on a lost node is given up by the cluster, and may be alive all the same. */
export interface PodModel {
  readonly name: string;
  readonly uid: string;
  readonly job: JobModel;
  readonly createdAt: number;
  readonly process: Sandbox;
  state: "stuck" | "running" | "succeeded" | "failed" | "lost";
  startedAt: number;
  endedAt: number;
  exitCode: number;
  message: string;
}

export interface JobModel {
  readonly manifest: JobManifest;
  readonly uid: string;
  readonly createdAt: number;
  readonly pods: PodModel[];
  deletingAt: number | undefined;
  readonly conditions: Condition[];
}

export interface ClusterObserver {
  /** A Job was made. */
  made(job: JobModel, others: readonly JobModel[]): void;
  /** One of ours has deleted a Job. */
  deleted(job: JobModel): void;
}

/** What runs in a pod. It ends by {@link ClusterModel.ended}, or never. */
export type PodProgram = (pod: PodModel) => void;

/**
 * A model of a cluster's Jobs and pods, as far as `Cluster` looks at them: one pod at a time and no retries (`backoffLimit:
 * 0`), except that a pod which its node took along is replaced; a deadline; deletion in the background.
 */
export class ClusterModel {
  readonly #world: World;
  readonly #observer: ClusterObserver;
  readonly #jobs = new Map<string, JobModel>();
  /** Set when there is somebody to write programs. */
  program: PodProgram = () => {};
  /** Told of every Job that is made. */
  onMade: () => void = () => {};

  constructor(world: World, observer: ClusterObserver) {
    this.#world = world;
    this.#observer = observer;
  }

  get jobs(): readonly JobModel[] {
    return [...this.#jobs.values()];
  }

  ensure(manifest: JobManifest): Ensured {
    const { name, labels } = manifest.metadata;
    const found = this.#jobs.get(name);
    if (found) {
      if (found.deletingAt !== undefined) return { kind: "ending" };
      const isSame = found.manifest.metadata.labels[LABELS.spec] === labels[LABELS.spec];
      return { kind: "adopted", job: observedJob(found), isSame };
    }
    const { timeline, prng } = this.#world;
    const job: JobModel = {
      manifest,
      uid: prng.uuid(),
      createdAt: timeline.now(),
      pods: [],
      deletingAt: undefined,
      conditions: [],
    };
    this.#jobs.set(name, job);
    this.#observer.made(job, this.jobs);
    this.onMade();
    timeline.after(prng.between(SECOND, 20 * SECOND), () => this.#startPod(job));
    timeline.after(manifest.spec.activeDeadlineSeconds * SECOND, () => this.#overdue(job));
    return { kind: "made", warnings: [] };
  }

  get(name: string): JobModel | undefined {
    return this.#jobs.get(name);
  }

  /** @throws ClusterError when the Job of that name is another one by now */
  delete(name: string, uid: string): void {
    const job = this.#jobs.get(name);
    if (!job) throw new ClusterError(404, "NotFound", name);
    if (job.uid !== uid) throw new ClusterError(409, "Conflict", name);
    if (job.deletingAt !== undefined) return;
    this.#observer.deleted(job);
    this.#end(job);
  }

  /** Somebody deletes a Job by hand. */
  remove(name: string, uid: string): void {
    const job = this.#jobs.get(name);
    if (job?.uid === uid && job.deletingAt === undefined) this.#end(job);
  }

  #end(job: JobModel): void {
    const { timeline, prng } = this.#world;
    job.deletingAt = timeline.now();
    for (const pod of job.pods) this.#kill(pod);
    timeline.after(prng.between(SECOND, MINUTE), () => this.#jobs.delete(job.manifest.metadata.name));
  }

  /** A pod's process has ended. */
  ended(pod: PodModel, exitCode: number, message = ""): void {
    if (pod.state === "running") {
      const { job } = pod;
      pod.state = exitCode === 0 ? "succeeded" : "failed";
      Object.assign(pod, { exitCode, message, endedAt: this.#world.timeline.now() });
      if (exitCode === 0) this.#conclude(job, "Complete", "CompletionsReached");
      else this.#conclude(job, "Failed", "BackoffLimitExceeded");
    }
    pod.process.kill("crash");
  }

  /** The machine that a pod runs on is not heard of any more; the pod is replaced, whether it is dead or not. */
  loseNode(pod: PodModel): void {
    if (pod.state !== "running") return;
    const { timeline, prng } = this.#world;
    pod.state = "lost";
    pod.endedAt = timeline.now();
    timeline.after(prng.between(MINUTE, 6 * MINUTE), () => this.#startPod(pod.job));
  }

  #startPod(job: JobModel): void {
    if (job.deletingAt !== undefined || job.conditions.length > 0) return;
    const { timeline, prng, faults } = this.#world;
    const now = timeline.now();
    const uid = prng.uuid();
    const name = `pod-${uid.slice(0, 8)}`;
    const isStuck = faults.strikes("pod-stuck");
    const pod: PodModel = {
      name,
      uid,
      job,
      createdAt: now,
      process: new Sandbox(name, timeline),
      state: isStuck ? "stuck" : "running",
      startedAt: now,
      endedAt: 0,
      exitCode: 0,
      message: "",
    };
    job.pods.push(pod);
    if (!isStuck) this.program(pod);
  }

  #overdue(job: JobModel): void {
    if (job.conditions.length > 0 || job.deletingAt !== undefined) return;
    for (const pod of job.pods) this.#kill(pod);
    this.#conclude(job, "Failed", "DeadlineExceeded");
  }

  #kill(pod: PodModel): void {
    if (pod.state === "running" || pod.state === "stuck") pod.state = "failed";
    // Nobody reaches a process on a lost node.
    if (pod.state !== "lost") pod.process.kill("crash");
  }

  #conclude(job: JobModel, type: "Complete" | "Failed", reason: string): void {
    const at = this.#world.timeline.now();
    job.conditions.push({ type, isTrue: true, reason, message: "", at });
  }
}

export const observedJob = ({ manifest, uid, createdAt, deletingAt, conditions }: JobModel): ObservedJob => ({
  name: manifest.metadata.name,
  uid,
  labels: manifest.metadata.labels,
  jobs: manifest.metadata.annotations[JOBS_NOTE].split(" "),
  createdAt,
  conditions: [...conditions],
  ...(deletingAt !== undefined && { deletingAt }),
});

const PHASES: Readonly<Record<PodModel["state"], string>> = {
  stuck: "Pending",
  running: "Running",
  succeeded: "Succeeded",
  failed: "Failed",
  lost: "Running",
};

export const observedPod = (pod: PodModel): ObservedPod => ({
  name: pod.name,
  uid: pod.uid,
  createdAt: pod.createdAt,
  phase: PHASES[pod.state],
  reason: "",
  message: "",
  node: "node",
  conditions:
    pod.state === "lost"
      ? [
          {
            type: "DisruptionTarget",
            isTrue: true,
            reason: "DeletionByTaintManager",
            message: "",
            at: pod.endedAt,
          },
        ]
      : [],
  containers: containersOf(pod),
});

function containersOf({ state, startedAt, endedAt, exitCode, message }: PodModel): ObservedContainer[] {
  if (state === "stuck") return [{ name: FETCH, waiting: { reason: "ImagePullBackOff", message: "" } }];
  if (state === "running" || state === "lost") return [{ name: "main", running: { startedAt } }];
  const reason = exitCode === 0 ? "Completed" : "Error";
  const name = exitCode === 0 ? PUBLISH : "main";
  return [{ name, terminated: { exitCode, reason, message, startedAt, finishedAt: endedAt } }];
}
