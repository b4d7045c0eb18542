import type { Clock } from "../../../lib/clock.ts";
import { processFile, processIds } from "./process-table.ts";

/** How often memory is looked at. A peak between two looks is not seen. */
const LOOK_MS = 500;
const KIB = 1024;

interface Limit {
  readonly bytes: number;
  readonly exceeded: () => void;
}

/**
 * Ends containers that use more memory than their limit. A laptop has no cgroups for this; what the processes of a
 * container's session hold for themselves is the nearest to it that can be read (Linux only; elsewhere nothing is limited).
 * One for all containers: a look at the whole process table for each would cost more than they do.
 */
export class MemoryWatch {
  readonly #clock: Clock;
  readonly #limits = new Map<number, Limit>();
  #cancel: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(session: number, limit: Limit): void {
    this.#limits.set(session, limit);
    this.#next();
  }

  remove(session: number): void {
    this.#limits.delete(session);
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
    for (const id of processIds()) {
      const session = sessionOf(id);
      if (this.#limits.has(session)) used.set(session, (used.get(session) ?? 0) + residentBytes(id));
    }
    for (const [session, { bytes, exceeded }] of this.#limits)
      if ((used.get(session) ?? 0) > bytes) exceeded();
  }
}

/** The fourth field after the name, which is in parentheses and may hold any character (proc(5)). */
function sessionOf(id: string): number {
  const stat = processFile(id, "stat");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[3]);
}

/** Without what is shared with files: a program's own code is no memory of the container's. */
const residentBytes = (id: string): number =>
  Number(/^RssAnon:\s+(\d+) kB/m.exec(processFile(id, "status"))?.[1] ?? 0) * KIB;
