/** Runs a task when there is room for it. */
export type AtOnce = <T>(task: () => Promise<T>) => Promise<T>;

/** Lets so many tasks run at once; the others wait for their turn, in order. */
export function atOnce(limit: number): AtOnce {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (task) => {
    if (running < limit) running += 1;
    // Whoever ends hands its place over, so that nobody who comes later can take it.
    else await new Promise<void>((turn) => waiting.push(turn));
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
}
