import { type ChildProcess, spawn } from "node:child_process";
import type { Writable } from "node:stream";
import { MARK } from "./process-table.ts";

/**
 * Reads `+PGID` and `-PGID` until its input ends, which happens when the process that writes there is gone, however it
 * ended; then it kills the groups that are left, and what has left its group (see killMarked; twice, for what is started
 * meanwhile). Told to `close`, it kills nothing. Signals meant for the terminal's foreground group do not reach it.
 */
const SCRIPT = `
trap '' HUP INT TERM
groups=" "
while read -r line; do
  case "$line" in
    close) exit ;;
    +*) groups="$groups\${line#+} " ;;
    -*) gone="\${line#-}"; groups="\${groups%% $gone *} \${groups#* $gone }" ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
for round in 1 2; do
  for file in $(grep -lsF "${MARK}=$1/" /proc/[0-9]*/environ); do
    pid="\${file#/proc/}"
    kill -s KILL "\${pid%/environ}" 2>/dev/null
  done
done
`;

/**
 * Sees to it that no process of a pod outlives this one. A shell of its own session, because a process that is killed
 * cannot do anything itself; one for all pods, because a machine has room for one more and not for one per container.
 */
export class Watchdog {
  readonly #folder: string;
  #child: ChildProcess | undefined;
  readonly #groups = new Set<number>();
  #isClosed = false;

  /** @param folder the folders of all containers are below it */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** From now on the group dies with this process. What is written here is read even if this process dies at once. */
  add(group: number): void {
    this.#groups.add(group);
    this.#input().write(`+${group}\n`);
  }

  /** The group has ended; its number may soon be another's. */
  remove(group: number): void {
    if (this.#groups.delete(group)) this.#child?.stdin?.write(`-${group}\n`);
  }

  close(): void {
    this.#isClosed = true;
    this.#child?.stdin?.end("close\n");
  }

  #input(): Writable {
    this.#child ??= this.#start();
    if (!this.#child.stdin) throw new Error("the watchdog has no input");
    return this.#child.stdin;
  }

  #start(): ChildProcess {
    const child = spawn("/bin/sh", ["-c", SCRIPT, "watchdog", this.#folder], {
      stdio: ["pipe", "ignore", "ignore"],
      detached: true,
    });
    child.unref();
    child.stdin.on("error", () => {});
    child.once("exit", () => {
      if (this.#child !== child) return;
      this.#child = undefined;
      // Somebody killed it: another takes over.
      if (!this.#isClosed) for (const group of this.#groups) this.#input().write(`+${group}\n`);
    });
    return child;
  }
}
