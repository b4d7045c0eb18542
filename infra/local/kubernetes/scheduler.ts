import type { Clock } from "../../../lib/clock.ts";
import type { EventRecorder } from "./event-recorder.ts";
import type { KubeFaults } from "./faults.ts";
import { type Condition, isTerminal, kubeTime, type Pod, withCondition } from "./objects.ts";
import { podAmount } from "./pod-resources.ts";
import { quantity } from "./quantities.ts";
import type { Change, ObjectStore } from "./store.ts";

/**
 * What a node is said to have. Far more than a laptop, on purpose: a definition is made for a cluster, and here it is to
 * run, not to be refused. How much runs at once is for the definition's `concurrency` to say.
 */
export const CAPACITY = { cpu: "128", memory: "1Ti", pods: "110", "ephemeral-storage": "1Ti" } as const;

export interface SchedulerOptions {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly events: EventRecorder;
  readonly faults: () => KubeFaults;
  /** The node that takes new pods. */
  readonly node: () => string;
}

/**
 * Gives pods to the node while it has room for what they ask. Node selectors, affinities and resources other than cpu and
 * memory (a GPU) are taken to be met: the one node stands in for all nodes of a cluster.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  #cancel: (() => void) | undefined;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#options.store.subscribe((change) => this.#follow(change));
    this.again();
  }

  stop(): void {
    this.#cancel?.();
    // Nothing is scheduled after this.
    this.#cancel = () => {};
  }

  /** Looks at everything that waits for a node. */
  again(): void {
    const { clock } = this.#options;
    this.#cancel ??= clock.schedule(clock.now(), () => {
      this.#cancel = undefined;
      for (const pod of [...this.#options.store.values("pods")]) this.#place(pod);
    });
  }

  #follow({ resource, type, object }: Change): void {
    if (resource !== "pods") return;
    const pod = object as Pod;
    const hasMadeRoom = type === "DELETED" || isTerminal(pod);
    if (hasMadeRoom || pod.spec.nodeName === undefined) this.again();
  }

  #place(pod: Pod): void {
    if (pod.spec.nodeName !== undefined || pod.metadata.deletionTimestamp !== undefined) return;
    const { store, clock, events, faults, node } = this.#options;
    const obstacle = faults().unschedulable || this.#lacking(pod);
    const condition: Condition = {
      type: "PodScheduled",
      status: obstacle === undefined ? "True" : "False",
      ...(obstacle !== undefined && { reason: "Unschedulable", message: obstacle }),
      lastProbeTime: null,
      lastTransitionTime: kubeTime(clock.now()),
    };
    const status = { ...pod.status, conditions: withCondition(pod.status.conditions, condition) };
    if (obstacle !== undefined) {
      if (store.update("pods", { ...pod, status }) !== pod)
        events.record(pod, "default-scheduler", {
          type: "Warning",
          reason: "FailedScheduling",
          message: obstacle,
        });
      return;
    }
    const { name, namespace } = pod.metadata;
    events.record(pod, "default-scheduler", {
      type: "Normal",
      reason: "Scheduled",
      message: `Successfully assigned ${namespace}/${name} to ${node()}`,
    });
    store.update("pods", { ...pod, spec: { ...pod.spec, nodeName: node() }, status });
  }

  /** Why the node cannot take a pod, in a scheduler's words. */
  #lacking(pod: Pod): string | undefined {
    const { store, node } = this.#options;
    const others = [...store.values("pods")].filter(
      (each) => each.spec.nodeName === node() && !isTerminal(each),
    );
    const requested = ({ spec }: Pod, name: string): number => podAmount(spec, "requests", name);
    const used = (name: string): number => others.reduce((sum, each) => sum + requested(each, name), 0);
    const short = (["cpu", "memory"] as const).filter(
      (name) => requested(pod, name) > 0 && used(name) + requested(pod, name) > quantity(CAPACITY[name]),
    );
    const reasons = short.map((name) => `1 Insufficient ${name}`);
    if (others.length >= Number(CAPACITY.pods)) reasons.unshift("1 Too many pods");
    if (reasons.length === 0) return undefined;
    return `0/1 nodes are available: ${reasons.join(", ")}. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.`;
  }
}
