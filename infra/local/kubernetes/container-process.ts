import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { constants as system } from "node:os";
import { delimiter, join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { type Clock, isoTime } from "../../../lib/clock.ts";
import type { ContainerLog } from "./container-log.ts";
import type { MemoryWatch } from "./memory-watch.ts";
import { killMarked, MARK } from "./process-table.ts";
import type { Watchdog } from "./watchdog.ts";

export interface ContainerCommand {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly directory: string;
  /** Of this container alone: what runs is known by it. */
  readonly folder: string;
  /** The container's limit. */
  readonly memoryBytes: number | undefined;
}

export interface ContainerEnd {
  readonly exitCode: number;
  readonly reason: "Completed" | "Error" | "OOMKilled" | "StartError";
  readonly message?: string;
}

export interface ProcessKeepers {
  readonly watchdog: Watchdog;
  readonly memory: MemoryWatch;
  readonly clock: Clock;
}

/** After the program itself has ended, how long what it left running may keep its output open. */
const OUTPUT_GRACE_MS = 2000;
/** What a container has that could not be started. */
const NOT_STARTED = 128;
/** A line that has no end is cut, as on a node. */
const LINE_MAX = 16 * 1024;

/**
 * Waits for a word on the third descriptor before it becomes the program: when this process dies before the watchdog knows
 * of the group, the word never comes and the shell ends.
 */
const LAUNCHER = 'read -r go <&3 || exit 1; exec 3<&-; exec "$@"';

/** A container's program: a session and a process group of its own. Its end is that of everything in the container. */
export class ContainerProcess {
  readonly #child: ChildProcess;
  readonly #keepers: ProcessKeepers;
  #isOutOfMemory = false;
  /** Never rejects. */
  readonly end: Promise<ContainerEnd>;

  constructor(command: ContainerCommand, log: ContainerLog, keepers: ProcessKeepers) {
    this.#keepers = keepers;
    this.#child = spawn("/bin/sh", ["-c", LAUNCHER, "container", ...command.argv], {
      cwd: command.directory,
      env: { ...command.env, [MARK]: `${command.folder}/` },
      stdio: ["ignore", "pipe", "pipe", "pipe"],
      detached: true,
    });
    this.#guard(command.memoryBytes);
    this.end = this.#untilEnd(log, command.folder).finally(() => log.close());
  }

  /** Asks the program, and nobody else: as in a container, where what it started is its own to end. */
  terminate(): void {
    this.#child.kill("SIGTERM");
  }

  /** Ends the program and its group; with it all that it started. */
  kill(): void {
    if (this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, "SIGKILL");
    } catch {
      // ESRCH: the whole group has ended already.
    }
  }

  #guard(memoryBytes: number | undefined): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    this.#keepers.watchdog.add(pid);
    if (memoryBytes !== undefined)
      this.#keepers.memory.add(pid, {
        bytes: memoryBytes,
        exceeded: () => {
          this.#isOutOfMemory = true;
          this.kill();
        },
      });
    const gate = this.#child.stdio[3] as Writable;
    gate.on("error", () => {});
    gate.end("go\n");
  }

  #untilEnd(log: ContainerLog, folder: string): Promise<ContainerEnd> {
    const child = this.#child;
    const { clock, watchdog, memory } = this.#keepers;
    const write: Write = (text, isWhole) => log.append(isoTime(clock.now()), text, isWhole);
    const streams = [child.stdout, child.stderr].filter((stream) => stream !== null);
    const finishLines = streams.map((stream) => eachLine(stream, write));
    return new Promise((resolve) => {
      child.once("error", ({ message }) =>
        resolve({ exitCode: NOT_STARTED, reason: "StartError", message: `failed to start: ${message}` }),
      );
      let cancel = (): void => {};
      child.once("exit", () => {
        this.kill();
        killMarked(folder);
        if (child.pid !== undefined) {
          watchdog.remove(child.pid);
          memory.remove(child.pid);
        }
        // What could not be found to be ended can keep the output open, but not the pod waiting.
        cancel = clock.schedule(clock.now() + OUTPUT_GRACE_MS, () => {
          for (const stream of streams) stream.destroy();
        });
      });
      child.once("close", (code, signal) => {
        cancel();
        for (const finish of finishLines) finish();
        const exitCode = code ?? 128 + system.signals[signal ?? "SIGKILL"];
        const reason = exitCode === 0 ? "Completed" : "Error";
        resolve({ exitCode, reason: this.#isOutOfMemory ? "OOMKilled" : reason });
      });
    });
  }
}

type Write = (text: string, isWhole: boolean) => void;

/** @returns to be called at the end: passes on what had no line end */
function eachLine(stream: Readable, write: Write): () => void {
  let rest = "";
  stream.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) write(line, true);
    while (rest.length >= LINE_MAX) {
      write(rest.slice(0, LINE_MAX), false);
      rest = rest.slice(LINE_MAX);
    }
  });
  return () => {
    if (rest !== "") write(rest, false);
  };
}

/** What a container ends with whose program does not exist; a shell's exit code would look like the program's own. */
export function missingProgram({ argv, env, directory }: ContainerCommand): ContainerEnd | undefined {
  const [program = ""] = argv;
  const places = program.includes("/") ? [directory] : (env["PATH"] ?? "").split(delimiter);
  const isThere = places.some((place) =>
    isExecutable(program.startsWith("/") ? program : join(place, program)),
  );
  if (program !== "" && isThere) return undefined;
  const message = `exec: "${program}": executable file not found in $PATH`;
  return { exitCode: NOT_STARTED, reason: "StartError", message };
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
