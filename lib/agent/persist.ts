import { type Clock, sleep } from "../clock.ts";
import type { Logger } from "../log.ts";
import { StageFailure } from "../stage/failure.ts";

/** What may succeed later is tried again: a service that is away for an hour must not cost the work of a day. */

/** For how long an agent goes on trying one thing. */
export interface Patience {
  /** Since it failed for the first time. */
  readonly ms: number;
  /** And no longer than to this instant, in milliseconds since 1970. */
  readonly until: number;
  /** Told of every failure that is waited out. */
  readonly waiting: (error: Error) => void;
}

export interface Persisting {
  readonly clock: Clock;
  /** From 0 to 1, for the jitter of back-off: all pods of a cluster wait for the same service. */
  readonly random: () => number;
  readonly patience: Patience;
}

/** A service refused: no repetition will change that. */
export class Refused extends Error {
  override readonly name = "Refused";
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;

/**
 * Tries again what may succeed later: no answer, 429, 5xx. A `Retry-After` is kept to.
 *
 * @throws Refused for every other status; the error of this machine that made it fail; the last error when patience has ended
 */
export async function persist<T>(
  attempt: () => Promise<T>,
  { clock, random, patience }: Persisting,
): Promise<T> {
  let end: number | undefined;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
    try {
      return await attempt();
    } catch (error) {
      const now = clock.now();
      end ??= Math.min(now + patience.ms, patience.until);
      if (isFinal(error) || now >= end) throw error;
      patience.waiting(error as Error);
      const { retryAfterMs = 0 } = error as { retryAfterMs?: number };
      await sleep(clock, Math.min(Math.max(pauseMs * (1 - random() / 2), retryAfterMs), end - now));
    }
  }
}

/** Of the pod's own disk. What the network does comes as the cause of another error. */
const DISK_FAULTS = new Set([
  "ENOSPC",
  "EDQUOT",
  "EROFS",
  "EACCES",
  "EPERM",
  "ENOENT",
  "ENOTDIR",
  "EISDIR",
  "ENAMETOOLONG",
]);

const isFinal = (error: unknown): boolean =>
  error instanceof Refused ||
  error instanceof StageFailure ||
  DISK_FAULTS.has((error as NodeJS.ErrnoException).code ?? "");

const LINE_MS = 5 * 60_000;

/** Says what is waited for: at once, then every five minutes. */
export function waitingLog(log: Logger, clock: Clock): Patience["waiting"] {
  let last = Number.NEGATIVE_INFINITY;
  return ({ message, cause }) => {
    if (clock.now() - last < LINE_MS) return;
    last = clock.now();
    const why = cause instanceof Error ? `${message}: ${cause.message}` : message;
    log("warn", `waiting, and trying again: ${why}`, {});
  };
}
