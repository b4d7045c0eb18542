import { dueChanges, isForArchive } from "../../lib/archive/state-changed.ts";
import { STATE_CHANGED } from "../../lib/job/announce.ts";
import type { JobRecord } from "../../lib/job/record.ts";
import type { BusEvent, EventBus } from "./event-bus.ts";

type Event = Pick<BusEvent, "detail-type" | "detail">;

/** The rule by which the archive function hears of changes of state. */
export interface ArchiveEvents {
  /** How many the function is at work on. */
  underWay(): number;
  /** Listens no more, and resolves when the function has done what it was told of. */
  drain(): Promise<void>;
}

/**
 * @param due jobs whose index a runtime before this one was about to make
 * @param bus undefined when it is somebody else's: then whoever runs it has to have a rule of this kind
 */
export function archiveEvents(
  bus: Pick<EventBus, "subscribe"> | undefined,
  invoke: (event: Event) => Promise<unknown>,
  { due, say }: { due: readonly JobRecord[]; say: (message: string) => void },
): ArchiveEvents {
  const underWay = new Set<Promise<void>>();
  const tell = (event: Event): void => {
    if (!isForArchive(event)) return;
    const work = invoke(event)
      .then(() => {})
      .catch((error: Error) =>
        say(`an archive was not indexed: ${error.message}; millrace jobs event JOB index`),
      )
      .finally(() => underWay.delete(work));
    underWay.add(work);
  };
  const unsubscribe = bus?.subscribe(tell);
  for (const detail of bus ? dueChanges(due) : []) tell({ "detail-type": STATE_CHANGED, detail });
  return {
    underWay: () => underWay.size,
    drain: async () => {
      // What it does changes a state once more, and it is to hear of that too.
      while (underWay.size > 0) await Promise.all(underWay);
      unsubscribe?.();
    },
  };
}
