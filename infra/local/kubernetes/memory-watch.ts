import { readdirSync, readFileSync } from "node:fs";
import type { Clock } from "../../../lib/clock.ts";

/** How often memory is looked at. A peak between two looks is not seen. */
const LOOK_MS = 500;
const KIB = 1024;

interface Limit {
  readonly bytes: number;
  readonly exceeded: () => void;
}

/**
 * Ends containers that use more memory than their limit. A laptop has no cgroups for this; what the processes of a
 * container's group hold for themselves is the nearest to it that can be read (Linux only; elsewhere nothing is limited).
 * One for all containers: a look at the whole process table for each would cost more than they do.
 */
export class MemoryWatch {
  readonly #clock: Clock;
  readonly #limits = new Map<number, Limit>();
  #cancel: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(group: number, limit: Limit): void {
    this.#limits.set(group, limit);
    this.#next();
  }

  remove(group: number): void {
    this.#limits.delete(group);
    if (this.#limits.size > 0) return;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #next(): void {
    this.#cancel ??= this.#clock.schedule(this.#clock.now() + LOOK_MS, () => {
      this.#cancel = undefined;
      this.#look();
      if (this.#limits.size > 0) this.#next();
    });
  }

  #look(): void {
    const used = new Map<number, number>();
    for (const pid of processes()) {
      const group = groupOf(pid);
      if (this.#limits.has(group)) used.set(group, (used.get(group) ?? 0) + residentBytes(pid));
    }
    for (const [group, { bytes, exceeded }] of this.#limits) if ((used.get(group) ?? 0) > bytes) exceeded();
  }
}

function processes(): string[] {
  try {
    return readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

/** The third field after the name, which is in parentheses and may hold any character (proc(5)). */
function groupOf(pid: string): number {
  const stat = read(`/proc/${pid}/stat`);
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2]);
}

/** Without what is shared with files: a program's own code is no memory of the container's. */
const residentBytes = (pid: string): number =>
  Number(/^RssAnon:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) * KIB;

/** Empty when the process has ended meanwhile. */
function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
