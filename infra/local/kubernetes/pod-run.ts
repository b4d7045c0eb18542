import { mkdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { sleep } from "../../../lib/clock.ts";
import { ContainerRun, type PodContext, volumesOf } from "./container-run.ts";
import type { Container, Pod, PodPhase, Terminated } from "./objects.ts";
import { finalPhase, isSidecar, type Progress, type ProgressOf } from "./pod-status.ts";
import { makeVolumes } from "./volumes.ts";

/** A sidecar that ends too early is started again, later each time. */
const RESTART_MS = { first: 10_000, longest: 300_000 };

export type PodRunOptions = Omit<PodContext, "progress" | "stop"> & {
  readonly report: (phase: PodPhase, progress: ProgressOf) => void;
};

/** One pod on its way: init containers in order, then all containers, then the sidecars' end. */
export class PodRun {
  readonly #pod: Pod;
  readonly #options: PodRunOptions;
  readonly #inits: ContainerRun[];
  readonly #mains: ContainerRun[];
  readonly #progress = new Map<string, Progress>();
  readonly #sidecars: { run: ContainerRun; done: Promise<void> }[] = [];
  readonly #stop = new AbortController();
  readonly #stopSidecars = new AbortController();
  /** Resolves when no process of the pod is left and its last status has been reported. Never rejects. */
  readonly done: Promise<void>;

  constructor(options: PodRunOptions) {
    this.#options = options;
    this.#pod = options.pod;
    const context: PodContext = {
      ...options,
      stop: this.#stop.signal,
      progress: (container, progress) => this.#note(container, progress),
    };
    const runs = (containers: readonly Container[] = []): ContainerRun[] =>
      containers.map((container) => new ContainerRun(container, context));
    this.#inits = runs(this.#pod.spec.initContainers);
    this.#mains = runs(this.#pod.spec.containers);
    this.done = this.#run();
  }

  /** Asks the programs to end, and makes them after the grace. Sidecars are asked when the containers have ended. */
  terminate(graceSeconds: number): void {
    const { clock, tell } = this.#options;
    if (!this.#stop.signal.aborted)
      tell({ type: "Normal", reason: "Killing", message: "Stopping the pod's containers" });
    this.#stop.abort(new Error("the pod is ending"));
    const running = this.#mains.some(({ isRunning }) => isRunning) ? this.#mains : this.#inits;
    if (graceSeconds > 0) for (const run of running) run.terminate();
    const cancel = clock.schedule(clock.now() + graceSeconds * 1000, () => this.kill());
    void this.done.then(cancel);
  }

  /** Ends every program at once. */
  kill(): void {
    this.#stop.abort(new Error("the pod is killed"));
    this.#stopSidecars.abort(new Error("the pod is killed"));
    for (const run of [...this.#inits, ...this.#mains]) run.kill();
  }

  async #run(): Promise<void> {
    const { folder, tell, report } = this.#options;
    try {
      await this.#mount();
      if (await this.#initialize()) await this.#runMains();
    } catch (error) {
      if (!this.#stop.signal.aborted) {
        tell({ type: "Warning", reason: "Failed", message: `Error: ${(error as Error).message}` });
        this.kill();
      }
    }
    await this.#endSidecars();
    report(finalPhase(this.#pod, this.#progress), this.#progress);
    // What a program left may refuse to go; the pod is over all the same.
    await rm(volumesOf(folder), { recursive: true, force: true }).catch(() => {});
  }

  async #mount(): Promise<void> {
    const { folder, sources, report } = this.#options;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    report("Pending", this.#progress);
    await this.#mains[0]?.configured(
      () => makeVolumes(this.#pod.spec, volumesOf(folder), sources),
      (message) => ({
        type: "Warning",
        reason: "FailedMount",
        message: `MountVolume.SetUp failed: ${message}`,
      }),
    );
  }

  /** @returns whether the containers may begin */
  async #initialize(): Promise<boolean> {
    for (const [index, container] of (this.#pod.spec.initContainers ?? []).entries()) {
      const run = this.#inits[index];
      if (!run) return false;
      const { end } = await run.start(0);
      if (isSidecar(container)) this.#sidecars.unshift({ run, done: this.#keepRunning(run, end) });
      else if ((await end).exitCode !== 0) return false;
      if (this.#stop.signal.aborted) return false;
    }
    return true;
  }

  /** One that cannot start does not keep the others from ending. */
  async #runMains(): Promise<void> {
    const ends = await Promise.allSettled(this.#mains.map(async (run) => (await run.start(0)).end));
    for (const end of ends) if (end.status === "rejected") throw end.reason;
  }

  /** A sidecar that ends is started again until the pod is over. Never rejects. */
  async #keepRunning(run: ContainerRun, first: Promise<Terminated>): Promise<void> {
    const { signal } = this.#stopSidecars;
    let end = first;
    for (let restart = 1; ; restart += 1) {
      const terminated = await end;
      if (signal.aborted || this.#stop.signal.aborted) return;
      this.#note(run.name, {
        state: { waiting: { reason: "CrashLoopBackOff", message: `back-off restarting ${run.name}` } },
        lastState: { terminated },
        restartCount: restart,
      });
      const delay = Math.min(RESTART_MS.longest, RESTART_MS.first * 2 ** (restart - 1));
      try {
        await sleep(this.#options.clock, delay, signal);
        ({ end } = await run.start(restart));
      } catch {
        // The pod is over.
        return;
      }
    }
  }

  /** Sidecars end after the containers, the last one first, all within the pod's grace. */
  async #endSidecars(): Promise<void> {
    const { clock } = this.#options;
    this.#stopSidecars.abort(new Error("the containers have ended"));
    const graceMs = this.#pod.spec.terminationGracePeriodSeconds * 1000;
    const cancel = clock.schedule(clock.now() + graceMs, () => this.kill());
    for (const { run, done } of this.#sidecars) {
      run.terminate();
      await done;
    }
    cancel();
  }

  #note(container: string, progress: Progress): void {
    this.#progress.set(container, progress);
    const states = this.#mains.map(({ name }) => this.#progress.get(name)?.state ?? { waiting: {} });
    // How the pod ended is told in one with how its last container did.
    if (this.#sidecars.length === 0 && states.every((state) => "terminated" in state)) return;
    const hasBegun = states.some((state) => !("waiting" in state));
    this.#options.report(hasBegun ? "Running" : "Pending", this.#progress);
  }
}
