import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** One of our services in a process of its own, which can be killed. */
export class ServiceProcess {
  readonly endpoint: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, endpoint: string) {
    this.#child = child;
    this.endpoint = endpoint;
  }

  /** @param program a file beside this one, that serves its first argument and says where in the first line that it prints */
  static async start(
    program: `${string}-process.ts`,
    directory: string,
    ...more: string[]
  ): Promise<ServiceProcess> {
    const args = [join(import.meta.dirname, program), directory, ...more];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit", "ipc"] });
    const died = once(child, "exit").then(([code, signal]) => {
      throw new Error(`${program} ended before it served: ${code ?? signal}`);
    });
    const [endpoint] = await Promise.race([once(createInterface(child.stdout!), "line"), died]);
    died.catch(() => {});
    return new ServiceProcess(child, endpoint);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** What the program answers to any message. */
  async ask(): Promise<unknown> {
    const answer = once(this.#child, "message");
    this.#child.send("?");
    return (await answer)[0];
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
