/**
 * The only source of time. Everything that reads a clock or waits takes one as a parameter, so that tests and the
 * simulator decide what time it is. `Date.now()` and timers appear in this file and nowhere else in `lib/`.
 */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  now(): number;
  /** Runs `task` once, when `now()` has reached `at` (never before this call returns). The answer cancels it. */
  schedule(at: number, task: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  schedule(at, task) {
    // Node clamps a longer delay to 1 ms, so a far instant is reached in steps.
    const longest = 2 ** 31 - 1;
    let timer: NodeJS.Timeout;
    const arm = () => {
      const left = at - Date.now();
      timer = setTimeout(left > longest ? arm : task, Math.min(Math.max(0, left), longest));
    };
    arm();
    return () => clearTimeout(timer);
  },
};

/**
 * Waits `ms` milliseconds of the given clock.
 *
 * @throws the signal's reason, as soon as it aborts
 */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const cancel = clock.schedule(clock.now() + ms, () => {
      signal?.removeEventListener("abort", abort);
      resolve();
    });
    const abort = () => {
      cancel();
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", abort, { once: true });
  });
}

/** ISO 8601 with milliseconds, the only form in which a time leaves the process. */
export const isoTime = (ms: number): string => new Date(ms).toISOString();
