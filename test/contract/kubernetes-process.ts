import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { KubeConfig } from "@kubernetes/client-node";
import { configFor, IMAGE, IMAGE_ENV } from "./kubernetes-cluster.ts";

const program = fileURLToPath(import.meta.url);
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
    const child = spawn(process.execPath, [program, directory], { stdio: ["ignore", "pipe", "inherit"] });
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

if (process.argv[1] === program) {
  const { startKubernetes } = await import("../../infra/local/kubernetes/server.ts");
  const { endpoint } = await startKubernetes({
    directory: process.argv[2] ?? "",
    resolveImage: (image) => (image === IMAGE ? [] : "missing"),
    imageEnv: IMAGE_ENV,
    retryDelayMs: 50,
    token: TOKEN,
  });
  process.stdout.write(`${endpoint}\n`);
}
