/** Runs tasks of one name one after another, and those of different names side by side. */
export type Turns = <T>(name: string, task: () => Promise<T>) => Promise<T>;

/**
 * For writers of one row in one process: side by side they would only refuse each other's writes. Nothing relies on it, since
 * other processes write too.
 */
export function turns(): Turns {
  const last = new Map<string, Promise<unknown>>();
  return (name, task) => {
    const before = last.get(name) ?? Promise.resolve();
    const mine = before.then(task, task);
    last.set(name, mine);
    const forget = (): void => {
      if (last.get(name) === mine) last.delete(name);
    };
    mine.then(forget, forget);
    return mine;
  };
}
