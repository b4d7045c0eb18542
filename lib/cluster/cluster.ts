import type { JobManifest } from "./manifest.ts";
import type { ObservedEvent, ObservedJob, ObservedPod } from "./observed.ts";

/** A Kubernetes cluster, as dispatching and sweeping use it: one namespace of it, and in it only what is ours. */
export interface Cluster {
  /** Makes the Job of an attempt, or finds that it was made before. @throws ClusterError */
  ensureJob(manifest: JobManifest): Promise<Ensured>;
  getJob(name: string): Promise<ObservedJob | undefined>;
  /** Every Job of a deployment. */
  jobs(app: string): AsyncIterable<ObservedJob>;
  pods(job: string): Promise<ObservedPod[]>;
  /** Of every pod of a deployment, by the name of its Job: one request instead of one for each Job. */
  podsByJob(app: string): Promise<ReadonlyMap<string, readonly ObservedPod[]>>;
  /** Events about a Job itself. */
  events(job: string): Promise<ObservedEvent[]>;
  /** Deletes a Job with its pods. One that is gone, or was made anew since, is left alone. */
  deleteJob(job: Pick<ObservedJob, "name" | "uid">): Promise<void>;
  /** The last lines of a container's output, each with its time before it; undefined when there is none to be had. */
  logTail(pod: string, container: string, lines: number): Promise<string | undefined>;
}

export type Ensured =
  | { readonly kind: "made"; readonly warnings: readonly string[] }
  /** It was there. `isSame`: made from the same definition. */
  | { readonly kind: "adopted"; readonly job: ObservedJob; readonly isSame: boolean }
  /** It was there and is being deleted: only when it is gone can there be another. */
  | { readonly kind: "ending" }
  /** Somebody else's Job has its name. */
  | { readonly kind: "foreign"; readonly job: ObservedJob };

/** A request that the cluster did not carry out. */
export class ClusterError extends Error {
  override readonly name = "ClusterError";
  /** Of HTTP; 0 when nobody answered. */
  readonly status: number;
  /** Kubernetes' own: `Forbidden`, `AlreadyExists`. */
  readonly reason: string;

  constructor(status: number, reason: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.status = status;
    this.reason = reason;
  }

  /** The cluster has no room just now, or does not answer: the same request may succeed later. */
  get isBusy(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500 || this.isQuota;
  }

  /** It will never take this: a field that it does not know, or a policy of its own that says no. */
  get isRefusal(): boolean {
    return this.status === 400 || this.status === 422 || (this.status === 403 && isDenial(this.message));
  }

  /** It has not been done. After any other error it may have been. */
  get isCertain(): boolean {
    return this.status >= 400 && this.status < 500;
  }

  /** Kubernetes says "forbidden" also of what is allowed but too much. */
  get isQuota(): boolean {
    return this.status === 403 && /exceeded quota/.test(this.message);
  }
}

/** Admission says no: a webhook, a ValidatingAdmissionPolicy, Pod Security. Who merely lacks a right is not told so. */
export const isDenial = (message: string): boolean =>
  /denied (the )?request|violates PodSecurity/.test(message);
