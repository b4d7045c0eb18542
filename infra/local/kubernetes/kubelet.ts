import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../../lib/clock.ts";
import type { ContainerLog } from "./container-log.ts";
import type { ProcessKeepers } from "./container-process.ts";
import type { ResolveImage } from "./container-run.ts";
import type { EventRecorder } from "./event-recorder.ts";
import { isTerminal, type Pod } from "./objects.ts";
import { PodRun } from "./pod-run.ts";
import { DEADLINE_EXCEEDED, type ProgressOf, podStatus } from "./pod-status.ts";
import type { Change, ObjectStore } from "./store.ts";

export interface KubeletOptions {
  readonly node: string;
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly events: EventRecorder;
  readonly keepers: ProcessKeepers;
  /** Has a folder for each pod, named by its uid. */
  readonly folder: string;
  readonly resolveImage: ResolveImage;
  readonly imageEnv: Readonly<Record<string, string>>;
}

interface Running {
  readonly run: PodRun;
  readonly logs: Map<string, ContainerLog>;
}

/** Runs the pods of one node as processes of this machine, and tells how they are. */
export class Kubelet {
  readonly #options: KubeletOptions;
  readonly #running = new Map<string, Running>();
  /** Uids of pods that were told to end. */
  readonly #ending = new Set<string>();
  #unsubscribe = (): void => {};
  /** Its word does not reach the others any more. */
  #isCutOff = false;

  constructor(options: KubeletOptions) {
    this.#options = options;
  }

  start(): void {
    this.#unsubscribe = this.#options.store.subscribe((change) => this.#follow(change));
  }

  /** The logs of a pod's containers that are running. */
  logs(uid: string): ReadonlyMap<string, ContainerLog> {
    return this.#running.get(uid)?.logs ?? new Map();
  }

  /**
   * From now on it neither hears nor tells anything: what is left of it when its node is lost. Its programs may go on,
   * which nobody will know.
   */
  cutOff({ kill }: { kill: boolean }): void {
    this.#isCutOff = true;
    this.#unsubscribe();
    if (kill) for (const { run } of this.#running.values()) run.kill();
  }

  /** Ends every program without a word: its pods are found on a node that is gone. */
  async stop(): Promise<void> {
    this.cutOff({ kill: true });
    await Promise.all([...this.#running.values()].map(({ run }) => run.done));
  }

  #follow({ type, resource, object }: Change): void {
    if (resource !== "pods") return;
    const pod = object as Pod;
    const { uid } = pod.metadata;
    const running = this.#running.get(uid);
    if (type === "DELETED") {
      running?.run.kill();
      if (!running) this.#clear(uid);
      return;
    }
    if (pod.spec.nodeName !== this.#options.node) return;
    if (pod.metadata.deletionTimestamp !== undefined) this.#end(pod);
    else if (!running && pod.status.phase === "Pending") this.#begin(pod);
  }

  #begin(pod: Pod): void {
    const { store, clock, events, keepers, folder, resolveImage, imageEnv, node } = this.#options;
    const { uid, namespace } = pod.metadata;
    const logs = new Map<string, ContainerLog>();
    const run = new PodRun({
      pod,
      folder: join(folder, uid),
      clock,
      keepers,
      resolveImage,
      imageEnv,
      logs,
      sources: { find: (resource, name) => store.get(resource, name, namespace) },
      tell: (happening) => {
        if (!this.#isCutOff) events.record(pod, `kubelet ${node}`, happening);
      },
      report: (phase, progress) => this.#report(pod, phase, progress),
    });
    this.#running.set(uid, { run, logs });
    const { activeDeadlineSeconds } = pod.spec;
    const cancel =
      activeDeadlineSeconds === undefined
        ? () => {}
        : clock.schedule(clock.now() + activeDeadlineSeconds * 1000, () => this.#expire(pod, run));
    void run.done.then(() => {
      cancel();
      this.#over(pod);
    });
  }

  /** Says why it fails, and ends it: it has failed from then on, whatever its programs say. */
  #expire({ metadata: { name, namespace, uid }, spec }: Pod, run: PodRun): void {
    const current = this.#options.store.get("pods", name, namespace);
    if (this.#isCutOff || current?.metadata.uid !== uid) return;
    const message = "Pod was active on the node longer than the specified deadline";
    const status = { ...current.status, reason: DEADLINE_EXCEEDED, message };
    this.#options.store.update("pods", { ...current, status });
    run.terminate(spec.terminationGracePeriodSeconds);
  }

  #report(pod: Pod, phase: Pod["status"]["phase"], progress: ProgressOf): void {
    if (this.#isCutOff) return;
    const { store, clock } = this.#options;
    const { name, namespace, uid } = pod.metadata;
    const current = store.get("pods", name, namespace);
    if (current?.metadata.uid !== uid) return;
    store.update("pods", { ...current, status: podStatus(current, progress, phase, clock.now()) });
  }

  #end(pod: Pod): void {
    const { uid, deletionGracePeriodSeconds = 0 } = pod.metadata;
    const running = this.#running.get(uid);
    if (!running || isTerminal(pod)) {
      this.#confirm(pod);
      return;
    }
    if (this.#ending.has(uid) && deletionGracePeriodSeconds > 0) return;
    this.#ending.add(uid);
    running.run.terminate(deletionGracePeriodSeconds);
  }

  #over(pod: Pod): void {
    const { uid, name, namespace } = pod.metadata;
    this.#running.delete(uid);
    this.#ending.delete(uid);
    if (this.#isCutOff) return;
    const current = this.#options.store.get("pods", name, namespace);
    if (current?.metadata.uid !== uid) this.#clear(uid);
    else if (current.metadata.deletionTimestamp !== undefined) this.#confirm(current);
  }

  /** Nothing of it runs any more. */
  #confirm(pod: Pod): void {
    if ((pod.metadata.deletionGracePeriodSeconds ?? 0) > 0) this.#options.store.delete("pods", pod, 0);
  }

  #clear(uid: string): void {
    rmSync(join(this.#options.folder, uid), { recursive: true, force: true });
  }
}

/** Removes what pods left behind that are no more. */
export function clearFolders(folder: string, store: ObjectStore): void {
  if (!existsSync(folder)) return;
  const alive = new Set([...store.values("pods")].map(({ metadata }) => metadata.uid));
  for (const uid of readdirSync(folder))
    if (!alive.has(uid)) rmSync(join(folder, uid), { recursive: true, force: true });
}
