import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(import.meta.url);

/** The service in a process of its own, which can be killed. */
export class SqsProcess {
  readonly endpoint: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, endpoint: string) {
    this.#child = child;
    this.endpoint = endpoint;
  }

  static async start(directory: string, releaseClaims = false): Promise<SqsProcess> {
    const child = spawn(process.execPath, [program, directory, String(releaseClaims)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [endpoint] = (await once(createInterface(child.stdout), "line")) as [string];
    return new SqsProcess(child, endpoint);
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
  const { startSqs } = await import("../../infra/local/sqs/server.ts");
  const [, , directory, releaseClaims] = process.argv;
  const { endpoint } = await startSqs({ directory, releaseClaims: releaseClaims === "true" });
  process.stdout.write(`${endpoint}\n`);
}
