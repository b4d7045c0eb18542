/**
 * What is seen of a Job in the cluster, as far as anything here looks at it. Times are milliseconds since 1970. The adapter
 * (`cluster.k8s.ts`) makes these of the API's objects, which leave out every field that is empty.
 */

export interface ObservedJob {
  readonly name: string;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Ids of the jobs whose attempts run in it. */
  readonly jobs: readonly string[];
  readonly createdAt: number;
  /** It was deleted, and its pods are still ending. */
  readonly deletingAt?: number;
  readonly conditions: readonly Condition[];
}

export interface Condition {
  readonly type: string;
  readonly isTrue: boolean;
  readonly reason: string;
  readonly message: string;
  /** When it became what it is. */
  readonly at: number;
}

export interface ObservedPod {
  readonly name: string;
  readonly uid: string;
  readonly createdAt: number;
  readonly deletingAt?: number;
  readonly phase: string;
  /** Of the pod as a whole: `Evicted`, `DeadlineExceeded`. */
  readonly reason: string;
  readonly message: string;
  readonly node?: string;
  readonly conditions: readonly Condition[];
  /** In the order in which they run: init containers, then containers. */
  readonly containers: readonly ObservedContainer[];
}

export interface ObservedContainer {
  readonly name: string;
  readonly waiting?: { readonly reason: string; readonly message: string };
  readonly running?: { readonly startedAt: number };
  readonly terminated?: {
    readonly exitCode: number;
    readonly reason: string;
    readonly message: string;
    readonly startedAt: number;
    readonly finishedAt: number;
  };
}

export interface ObservedEvent {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly at: number;
}
