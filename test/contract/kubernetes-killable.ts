import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { KubeConfig } from "@kubernetes/client-node";
import { configFor } from "./kubernetes-cluster.ts";

const program = join(import.meta.dirname, "kubernetes-process.ts");
const TOKEN = "of-tests";

/** The service in a process of its own, which can be killed. */
export class KubernetesProcess {
  readonly config: KubeConfig;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, endpoint: string) {
    this.#child = child;
    this.config = configFor(endpoint, TOKEN);
  }

  static async start(directory: string): Promise<KubernetesProcess> {
    const child = spawn(process.execPath, [program, directory, TOKEN], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [endpoint] = (await once(createInterface(child.stdout), "line")) as [string];
    return new KubernetesProcess(child, endpoint);
  }

  /** Gives it no chance to tidy up. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}
