import { isForArchive } from "../../lib/archive/state-changed.ts";
import type { BusEvent, EventBus } from "./event-bus.ts";

/** The rule by which the archive function hears of changes of state. */
export interface ArchiveEvents {
  /** How many the function is at work on. */
  underWay(): number;
  /** Listens no more, and resolves when the function has done what it was told of. */
  drain(): Promise<void>;
}

/** @param bus undefined when it is somebody else's: then whoever runs it has to have a rule of this kind */
export function archiveEvents(
  bus: Pick<EventBus, "subscribe"> | undefined,
  invoke: (event: BusEvent) => Promise<unknown>,
  say: (message: string) => void,
): ArchiveEvents {
  const underWay = new Set<Promise<void>>();
  const unsubscribe = bus?.subscribe((event) => {
    if (!isForArchive(event)) return;
    const work = invoke(event)
      .then(() => {})
      .catch((error: Error) =>
        say(`an archive was not indexed: ${error.message}; millrace jobs event JOB index`),
      )
      .finally(() => underWay.delete(work));
    underWay.add(work);
  });
  return {
    underWay: () => underWay.size,
    drain: async () => {
      // What it does changes a state once more, and it is to hear of that too.
      while (underWay.size > 0) await Promise.all(underWay);
      unsubscribe?.();
    },
  };
}
