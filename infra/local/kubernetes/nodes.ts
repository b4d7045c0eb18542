import { randomUUID } from "node:crypto";
import type { Clock } from "../../../lib/clock.ts";
import type { Database } from "./database.ts";
import { tolerates } from "./defaults.ts";
import { deletePod } from "./deletion.ts";
import { type Condition, disrupted, isTerminal, kubeTime, type Pod, withCondition } from "./objects.ts";
import { CAPACITY } from "./scheduler.ts";
import type { ObjectStore } from "./store.ts";

/** A node that is lost has this taint, which a pod tolerates for a time, or, when it names none, for ever. */
const UNREACHABLE = "node.kubernetes.io/unreachable";

/**
 * The nodes. This process is one, with a name that no other process had: when it dies, however it dies, the next finds
 * pods of a node that is gone, and says so.
 */
export class Nodes {
  readonly #store: ObjectStore;
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #cancels = new Set<() => void>();
  #current = "";

  constructor(store: ObjectStore, database: Database, clock: Clock) {
    this.#store = store;
    this.#database = database;
    this.#clock = clock;
  }

  /** The node that takes new pods. */
  get current(): string {
    return this.#current;
  }

  /** Removes the nodes of processes before this one, and what ran there. */
  start(): string {
    for (const { metadata } of this.#store.list("nodes")) this.remove(metadata.name);
    for (const pod of this.#store.list("pods")) if (this.#isLost(pod)) this.#collect(pod);
    return this.add();
  }

  stop(): void {
    for (const cancel of this.#cancels) cancel();
  }

  add(): string {
    const number = this.#database.counter("node") + 1;
    this.#database.setCounter("node", number);
    this.#current = `local-${number}`;
    const time = kubeTime(this.#clock.now());
    this.#store.create("nodes", {
      apiVersion: "v1",
      kind: "Node",
      metadata: {
        name: this.#current,
        uid: randomUUID(),
        resourceVersion: "",
        creationTimestamp: time,
        labels: { "kubernetes.io/hostname": this.#current, "kubernetes.io/os": process.platform },
      },
      spec: {},
      status: {
        capacity: CAPACITY,
        allocatable: CAPACITY,
        conditions: [ready("True", "KubeletReady", time)],
        addresses: [{ type: "InternalIP", address: "127.0.0.1" }],
      },
    });
    return this.#current;
  }

  /** The node does not answer; its pods are told to go when they no longer tolerate that. */
  lose(name: string): void {
    const node = this.#store.get("nodes", name);
    if (!node) return;
    const status = node["status"] as { conditions: Condition[] };
    const now = this.#clock.now();
    const conditions = withCondition(status.conditions, ready("Unknown", "NodeStatusUnknown", kubeTime(now)));
    const taints = [{ key: UNREACHABLE, effect: "NoExecute", timeAdded: kubeTime(now) }];
    this.#store.update("nodes", { ...node, spec: { taints }, status: { ...status, conditions } });
    for (const pod of this.#store.list("pods").filter(({ spec }) => spec.nodeName === name)) {
      const seconds = pod.spec.tolerations?.find(tolerates(UNREACHABLE))?.tolerationSeconds;
      if (seconds !== undefined)
        this.#cancels.add(this.#clock.schedule(now + seconds * 1000, () => this.#evict(pod)));
    }
  }

  /** The node is taken out of the cluster: nothing of it can come back. */
  remove(name: string): void {
    const node = this.#store.get("nodes", name);
    if (node) this.#store.delete("nodes", node);
    for (const pod of this.#store.list("pods")) if (pod.spec.nodeName === name) this.#collect(pod);
  }

  #isLost({ spec: { nodeName } }: Pod): boolean {
    return nodeName !== undefined && this.#store.get("nodes", nodeName) === undefined;
  }

  #evict({ metadata: { name, namespace, uid } }: Pod): void {
    const pod = this.#store.get("pods", name, namespace);
    if (pod?.metadata.uid !== uid || pod.metadata.deletionTimestamp !== undefined || isTerminal(pod)) return;
    const message = "Taint manager: deleting due to NoExecute taint";
    deletePod(this.#store, disrupted(pod, "DeletionByTaintManager", message, this.#clock.now()));
  }

  /** As a cluster's garbage collector, but what had ended before stays: its log is on this disk, too. */
  #collect(pod: Pod): void {
    if (isTerminal(pod)) {
      if (pod.metadata.deletionTimestamp !== undefined) deletePod(this.#store, pod);
      return;
    }
    const lost = disrupted(pod, "DeletionByPodGC", "PodGC: node no longer exists", this.#clock.now());
    deletePod(
      this.#store,
      this.#store.update("pods", { ...lost, status: { ...lost.status, phase: "Failed" } }),
    );
  }
}

const ready = (status: Condition["status"], reason: string, lastTransitionTime: string): Condition => ({
  type: "Ready",
  status,
  reason,
  lastTransitionTime,
});
