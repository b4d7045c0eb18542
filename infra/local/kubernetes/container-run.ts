import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Clock, sleep } from "../../../lib/clock.ts";
import { ConfigError, environmentOf, expand, type Sources } from "./container-environment.ts";
import { ContainerLog, readLog } from "./container-log.ts";
import {
  type ContainerCommand,
  type ContainerEnd,
  ContainerProcess,
  missingProgram,
  type ProcessKeepers,
} from "./container-process.ts";
import type { Happening } from "./event-recorder.ts";
import { pathsOf } from "./mounts.ts";
import { type Container, kubeTime, type Pod, type Terminated } from "./objects.ts";
import { containerId, type Progress } from "./pod-status.ts";
import { quantity } from "./quantities.ts";

/**
 * What runs in place of an image: the words before a container's `command` and `args` (none: these alone), or `missing`, as
 * if no registry had it.
 */
export type ResolveImage = (image: string) => readonly string[] | "missing";

/** What the containers of a pod share. */
export interface PodContext {
  readonly pod: Pod;
  /** Of this pod alone. */
  readonly folder: string;
  readonly clock: Clock;
  readonly keepers: ProcessKeepers;
  readonly resolveImage: ResolveImage;
  /** What every container finds in its environment, as if its image had set it. */
  readonly imageEnv: Readonly<Record<string, string>>;
  readonly sources: Sources;
  /** The logs of the containers that are running. */
  readonly logs: Map<string, ContainerLog>;
  readonly tell: (happening: Happening) => void;
  readonly progress: (container: string, progress: Progress) => void;
  /** Aborts when nothing more is to be started. */
  readonly stop: AbortSignal;
}

const PULL_MS = { first: 10_000, longest: 300_000, backOff: 500 };
const CONFIG_RETRY_MS = 1000;
const MESSAGE_MAX_BYTES = 4096;
const FALLBACK = { tailLines: 80, limitBytes: 2048, timestamps: false };

export const volumesOf = (folder: string): string => join(folder, "volumes");
export const logOf = (folder: string, container: string): string => join(folder, "logs", `${container}.log`);

/** One container of a pod: its image, its configuration, its program and how that ended. */
export class ContainerRun {
  readonly #container: Container;
  readonly #context: PodContext;
  #process: ContainerProcess | undefined;

  constructor(container: Container, context: PodContext) {
    this.#container = container;
    this.#context = context;
  }

  get name(): string {
    return this.#container.name;
  }

  get isRunning(): boolean {
    return this.#process !== undefined;
  }

  terminate(): void {
    this.#process?.terminate();
  }

  kill(): void {
    this.#process?.kill();
  }

  /**
   * Starts the program as soon as its image and its configuration are there.
   *
   * @returns its end, as soon as it runs
   * @throws the reason of `stop`, when that comes first
   */
  async start(restart: number): Promise<{ end: Promise<Terminated> }> {
    const prefix = await this.#pulled(restart);
    const root = join(this.#context.folder, "containers", `${this.name}-${restart}`);
    mkdirSync(root, { recursive: true });
    const terminationLog = join(root, "termination-log");
    const command = await this.configured(
      () => this.#command(prefix, root, terminationLog),
      (message) => {
        this.#wait("CreateContainerConfigError", message, restart);
        return { type: "Warning", reason: "Failed", message: `Error: ${message}` };
      },
    );
    this.#context.stop.throwIfAborted();
    const startedAt = kubeTime(this.#context.clock.now());
    const end = this.#launch(command, restart, startedAt);
    return { end: this.#ended(end, terminationLog, restart, startedAt) };
  }

  /** Does it as soon as the Secrets and ConfigMaps that it needs exist. */
  async configured<T>(make: () => T, waiting: (message: string) => Happening): Promise<T> {
    const { clock, stop, tell } = this.#context;
    for (;;) {
      try {
        return make();
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        tell(waiting(error.message));
        await sleep(clock, CONFIG_RETRY_MS, stop);
      }
    }
  }

  async #pulled(restart: number): Promise<readonly string[]> {
    const { clock, tell, resolveImage, stop } = this.#context;
    const { image, imagePullPolicy } = this.#container;
    for (let delay = PULL_MS.first; ; delay = Math.min(PULL_MS.longest, 2 * delay)) {
      const found = resolveImage(image);
      if (found !== "missing") {
        const message = `Container image "${image}" already present on machine`;
        tell({ type: "Normal", reason: "Pulled", message });
        return found;
      }
      if (imagePullPolicy === "Never") {
        const message = `Container image "${image}" is not present with pull policy of Never`;
        this.#wait("ErrImageNeverPull", message, restart);
        tell({ type: "Warning", reason: "ErrImageNeverPull", message });
      } else {
        const why = `failed to pull and unpack image "${image}": nothing stands in for it on this machine`;
        tell({ type: "Normal", reason: "Pulling", message: `Pulling image "${image}"` });
        this.#wait("ErrImagePull", why, restart);
        tell({ type: "Warning", reason: "Failed", message: `Failed to pull image "${image}": ${why}` });
        await sleep(clock, PULL_MS.backOff, stop);
        this.#wait("ImagePullBackOff", `Back-off pulling image "${image}": ErrImagePull: ${why}`, restart);
        tell({ type: "Normal", reason: "BackOff", message: `Back-off pulling image "${image}"` });
      }
      await sleep(clock, delay, stop);
    }
  }

  /** @throws ConfigError */
  #command(prefix: readonly string[], root: string, terminationLog: string): ContainerCommand {
    const { folder, pod, sources, imageEnv } = this.#context;
    const { command = [], args = [], workingDir = "", resources } = this.#container;
    const paths = pathsOf(this.#container, volumesOf(folder), terminationLog);
    const given = environmentOf(this.#container, pod, sources);
    const env = Object.entries(given).map(([key, value]) => [key, paths.localizeValue(value)]);
    const mounted = paths.localize(workingDir);
    const home = join(root, "root");
    // An absolute path is one of the container's, and none leads out of it.
    const directory = mounted === workingDir ? join(home, join("/", workingDir)) : mounted;
    for (const folder of [home, directory]) mkdirSync(folder, { recursive: true });
    const limit = resources?.limits?.["memory"];
    return {
      argv: [...prefix, ...[...command, ...args].map((word) => paths.localize(expand(word, given)))],
      env: {
        // Who looks for the user's folder would otherwise find that of whoever runs this, with its credentials.
        HOME: home,
        HOSTNAME: pod.metadata.name,
        ...imageEnv,
        // A program that asks for the folder for temporary files means the container's.
        TMPDIR: paths.localize("/tmp"),
        ...Object.fromEntries(env),
      },
      directory,
      folder: root,
      memoryBytes: limit === undefined ? undefined : quantity(limit),
    };
  }

  #launch(command: ContainerCommand, restart: number, startedAt: string): Promise<ContainerEnd> {
    const { folder, tell, logs, keepers, progress } = this.#context;
    const missing = missingProgram(command);
    if (missing) {
      tell({ type: "Warning", reason: "Failed", message: `Error: ${missing.message}` });
      return Promise.resolve(missing);
    }
    const log = new ContainerLog(logOf(folder, this.name));
    try {
      this.#process = new ContainerProcess(command, log, keepers);
    } catch (error) {
      // More words or variables than the system takes (E2BIG).
      log.close();
      const message = `failed to start: ${(error as Error).message}`;
      tell({ type: "Warning", reason: "Failed", message: `Error: ${message}` });
      return Promise.resolve({ exitCode: 128, reason: "StartError", message });
    }
    logs.set(this.name, log);
    tell({ type: "Normal", reason: "Created", message: `Container created: ${this.name}` });
    tell({ type: "Normal", reason: "Started", message: `Container started: ${this.name}` });
    progress(this.name, { state: { running: { startedAt } }, restartCount: restart });
    return this.#process.end;
  }

  async #ended(
    end: Promise<ContainerEnd>,
    terminationLog: string,
    restartCount: number,
    startedAt: string,
  ): Promise<Terminated> {
    const { exitCode, reason, message } = await end;
    const { clock, logs, pod, progress } = this.#context;
    this.#process = undefined;
    logs.delete(this.name);
    const said = message ?? this.#lastWords(terminationLog, exitCode);
    const terminated: Terminated = {
      exitCode,
      reason,
      ...(said !== "" && { message: said }),
      startedAt,
      finishedAt: kubeTime(clock.now()),
      containerID: containerId(pod, this.name, restartCount),
    };
    progress(this.name, { state: { terminated }, restartCount });
    return terminated;
  }

  #lastWords(file: string, exitCode: number): string {
    const written = textOf(file);
    const wantsLog = this.#container.terminationMessagePolicy === "FallbackToLogsOnError";
    if (written !== "" || exitCode === 0 || !wantsLog) return written;
    return readLog(logOf(this.#context.folder, this.name), FALLBACK);
  }

  #wait(reason: string, message: string, restartCount: number): void {
    this.#context.progress(this.name, { state: { waiting: { reason, message } }, restartCount });
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file).subarray(0, MESSAGE_MAX_BYTES).toString();
  } catch {
    return "";
  }
}
