import { resolve } from "node:path";
import type { Clock } from "../../../lib/clock.ts";
import { Api } from "./api.ts";
import type { ContainerLog } from "./container-log.ts";
import type { ProcessKeepers } from "./container-process.ts";
import type { ResolveImage } from "./container-run.ts";
import type { Database } from "./database.ts";
import { GarbageCollector } from "./deletion.ts";
import { EventRecorder } from "./event-recorder.ts";
import type { KubeFaults } from "./faults.ts";
import { JobController } from "./job-controller.ts";
import { clearFolders, Kubelet } from "./kubelet.ts";
import { MemoryWatch } from "./memory-watch.ts";
import { Nodes } from "./nodes.ts";
import { Owners } from "./owners.ts";
import { killMarked } from "./process-table.ts";
import { Scheduler } from "./scheduler.ts";
import { ObjectStore } from "./store.ts";
import { Watchdog } from "./watchdog.ts";

export interface ControlPlaneOptions {
  readonly database: Database;
  readonly directory: string;
  readonly clock: Clock;
  readonly resolveImage: ResolveImage;
  readonly imageEnv: Readonly<Record<string, string>>;
  readonly retryDelayMs: number;
  readonly faults: () => KubeFaults;
}

/** Everything behind the API: the objects, the controllers that act on them, and the node that runs pods. */
export class ControlPlane {
  readonly store: ObjectStore;
  readonly api: Api;
  readonly scheduler: Scheduler;
  readonly nodes: Nodes;
  /** Has a folder for each pod, named by its uid. */
  readonly podsFolder: string;
  readonly #options: ControlPlaneOptions;
  readonly #jobs: JobController;
  readonly #garbage: GarbageCollector;
  readonly #events: EventRecorder;
  readonly #keepers: ProcessKeepers & { watchdog: Watchdog };
  #kubelet: Kubelet | undefined;
  /** Of nodes that are lost: their programs may still run. */
  readonly #lost: Kubelet[] = [];

  constructor(options: ControlPlaneOptions) {
    const { database, directory, clock, retryDelayMs, faults } = options;
    this.#options = options;
    this.podsFolder = resolve(directory, "pods");
    this.store = new ObjectStore(database, clock);
    this.api = new Api(this.store, clock);
    this.nodes = new Nodes(this.store, database, clock);
    this.#keepers = { watchdog: new Watchdog(this.podsFolder), memory: new MemoryWatch(clock), clock };
    this.#events = new EventRecorder(this.store, clock);
    const owners = new Owners(this.store);
    const { store } = this;
    this.#garbage = new GarbageCollector(store, owners);
    this.#jobs = new JobController({
      store,
      owners,
      clock,
      events: this.#events,
      createPod: (pod) => this.api.createPod(pod),
      retryDelayMs,
    });
    this.scheduler = new Scheduler({
      store,
      clock,
      events: this.#events,
      faults,
      node: () => this.nodes.current,
    });
  }

  start(): void {
    // What a process before this one and its watchdog, both killed, have left.
    killMarked(this.podsFolder);
    clearFolders(this.podsFolder, this.store);
    this.#startKubelet(this.nodes.start());
    this.#garbage.start();
    this.#jobs.start();
    this.scheduler.start();
    if (!this.store.get("namespaces", "default")) {
      const body = { metadata: { name: "default" } };
      this.api.create({ resource: "namespaces" }, body, new URLSearchParams());
    }
  }

  /** Of the containers of a pod that are running. */
  logs(uid: string): ReadonlyMap<string, ContainerLog> {
    return this.#kubelet?.logs(uid) ?? new Map();
  }

  /** The node that takes pods does not answer any more, and another takes its place. @returns its name */
  loseNode(kill: boolean): string {
    const name = this.nodes.current;
    this.#kubelet?.cutOff({ kill });
    if (this.#kubelet) this.#lost.push(this.#kubelet);
    this.#startKubelet(this.nodes.add());
    this.nodes.lose(name);
    return name;
  }

  /** What runs is ended without a word, as by the death of this process. */
  async stop(): Promise<void> {
    this.scheduler.stop();
    this.#jobs.stop();
    this.nodes.stop();
    await Promise.all([this.#kubelet, ...this.#lost].map((kubelet) => kubelet?.stop()));
    this.#keepers.watchdog.close();
  }

  #startKubelet(node: string): void {
    const { clock, resolveImage, imageEnv } = this.#options;
    this.#kubelet = new Kubelet({
      node,
      store: this.store,
      clock,
      events: this.#events,
      keepers: this.#keepers,
      folder: this.podsFolder,
      resolveImage,
      imageEnv,
    });
    this.#kubelet.start();
  }
}
