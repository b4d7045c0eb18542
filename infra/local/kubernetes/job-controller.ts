import { randomInt } from "node:crypto";
import type { Clock } from "../../../lib/clock.ts";
import { CONTROLLER_UID, JOB_NAME, TRACKING } from "./defaults.ts";
import { deleteObject, deletePod } from "./deletion.ts";
import type { EventRecorder } from "./event-recorder.ts";
import { type JobSync, syncJob } from "./job-sync.ts";
import type { Job, KubeObject, Pod } from "./objects.ts";
import type { Owners } from "./owners.ts";
import { KubeError } from "./status.ts";
import type { Change, ObjectStore } from "./store.ts";

const COMPONENT = "job-controller";
/** Between a change and the look at it. A cluster takes a second, in which what has changed together is seen together. */
const SYNC_DELAY_MS = 10;
/** A pod that is refused is tried again, later each time. */
const REFUSED_MS = { first: 1000, longest: 60_000 };

export interface JobControllerOptions {
  readonly store: ObjectStore;
  readonly owners: Owners;
  readonly clock: Clock;
  readonly events: EventRecorder;
  /** Through the same admission as a client's. */
  readonly createPod: (pod: KubeObject) => Pod;
  readonly retryDelayMs: number;
}

/** Brings every Job's pods and status to what its `spec` asks for. What it does is decided by syncJob. */
export class JobController {
  readonly #options: JobControllerOptions;
  /** By uid: when a Job is looked at next. */
  readonly #due = new Map<string, { at: number; cancel: () => void }>();
  readonly #refusals = new Map<string, number>();
  #unsubscribe = (): void => {};

  constructor(options: JobControllerOptions) {
    this.#options = options;
  }

  start(): void {
    const { store, clock } = this.#options;
    for (const job of store.values("jobs")) this.#lookAt(job.metadata.uid, job, clock.now());
    this.#unsubscribe = store.subscribe((change) => this.#follow(change));
  }

  stop(): void {
    this.#unsubscribe();
    for (const { cancel } of this.#due.values()) cancel();
    this.#due.clear();
  }

  #follow({ type, resource, object }: Change): void {
    const soon = this.#options.clock.now() + SYNC_DELAY_MS;
    if (resource === "jobs") {
      if (type === "DELETED") this.#forget(object.metadata.uid);
      else this.#lookAt(object.metadata.uid, object, soon);
    }
    if (resource !== "pods") return;
    for (const { kind, name, uid } of object.metadata.ownerReferences ?? [])
      if (kind === "Job") this.#lookAt(uid, { metadata: { ...object.metadata, name } }, soon);
  }

  #lookAt(uid: string, { metadata: { name, namespace } }: Pick<KubeObject, "metadata">, at: number): void {
    const due = this.#due.get(uid);
    if (due && due.at <= at) return;
    due?.cancel();
    const cancel = this.#options.clock.schedule(at, () => {
      this.#due.delete(uid);
      const job = this.#options.store.get("jobs", name, namespace);
      if (job?.metadata.uid === uid) this.#sync(job);
    });
    this.#due.set(uid, { at, cancel });
  }

  #forget(uid: string): void {
    this.#due.get(uid)?.cancel();
    this.#due.delete(uid);
    this.#refusals.delete(uid);
  }

  #sync(job: Job): void {
    const { store, owners, clock, retryDelayMs } = this.#options;
    if (job.metadata.deletionTimestamp !== undefined) return;
    const pods = owners
      .dependents(job.metadata.uid)
      .flatMap(({ resource, object }) => (resource === "pods" ? [object as Pod] : []));
    const sync = syncJob(job, pods, clock.now(), retryDelayMs);
    if (sync.expired) {
      deleteObject(store, "jobs", job, { propagation: "Foreground" });
      return;
    }
    let retryAt: number | undefined;
    store.together(() => {
      for (const pod of sync.release) release(store, pod);
      for (const { metadata } of sync.remove) {
        const pod = store.get("pods", metadata.name, metadata.namespace);
        if (pod && pod.metadata.deletionTimestamp === undefined) deletePod(store, pod);
      }
      const refused = this.#createPods(job, sync.create);
      retryAt = refused > 0 ? this.#refusedUntil(job.metadata.uid) : undefined;
      store.update("jobs", { ...job, status: withoutRefused(sync, refused) });
      for (const event of sync.events) this.#options.events.record(job, COMPONENT, event);
    });
    const again = Math.min(...[sync.again, retryAt].filter((at) => at !== undefined));
    if (Number.isFinite(again)) this.#lookAt(job.metadata.uid, job, again);
  }

  /** @returns how many were refused */
  #createPods(job: Job, count: number): number {
    for (let made = 0; made < count; made += 1) {
      try {
        const { metadata } = this.#options.createPod(podOf(job));
        this.#refusals.delete(job.metadata.uid);
        this.#tell(job, "Normal", "SuccessfulCreate", `Created pod: ${metadata.name}`);
      } catch (error) {
        if (!(error instanceof KubeError)) throw error;
        this.#tell(job, "Warning", "FailedCreate", `Error creating: ${error.message}`);
        return count - made;
      }
    }
    return 0;
  }

  #refusedUntil(uid: string): number {
    const times = this.#refusals.get(uid) ?? 0;
    this.#refusals.set(uid, times + 1);
    return this.#options.clock.now() + Math.min(REFUSED_MS.longest, REFUSED_MS.first * 2 ** times);
  }

  #tell(job: Job, type: "Normal" | "Warning", reason: string, message: string): void {
    this.#options.events.record(job, COMPONENT, { type, reason, message });
  }
}

function release(store: ObjectStore, { metadata: { name, namespace } }: Pod): void {
  const pod = store.get("pods", name, namespace);
  const finalizers = pod?.metadata.finalizers?.filter((each) => each !== TRACKING);
  if (pod && finalizers) store.update("pods", { ...pod, metadata: { ...pod.metadata, finalizers } });
}

/** A pod that is not there is not active: with none, the field is absent. */
function withoutRefused({ status }: JobSync, refused: number): Job["status"] {
  const { active = 0, ...rest } = status;
  const left = active - refused;
  return left > 0 ? { ...rest, active: left } : rest;
}

/** No vowels: no words come out by chance. */
const LETTERS = "bcdfghjklmnpqrstvwxz2456789";
const NAME_MAX = 63;

function podOf(job: Job): KubeObject {
  const { template } = job.spec;
  const { name, namespace, uid } = job.metadata;
  const suffix = Array.from({ length: 5 }, () => LETTERS[randomInt(LETTERS.length)]).join("");
  const generateName = `${name.slice(0, NAME_MAX - 6)}-`;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: `${generateName}${suffix}`,
      generateName,
      namespace: namespace ?? "default",
      uid: "",
      resourceVersion: "",
      creationTimestamp: "",
      labels: { ...template.metadata?.labels, [JOB_NAME]: name, [CONTROLLER_UID]: uid },
      ...(template.metadata?.annotations && { annotations: template.metadata.annotations }),
      ownerReferences: [
        { apiVersion: "batch/v1", kind: "Job", name, uid, controller: true, blockOwnerDeletion: true },
      ],
      finalizers: [TRACKING],
    },
    spec: structuredClone(template.spec),
  };
}
