import type { QueueCounts } from "../../lib/board/board.ts";

/** What is looked at to know whether anything is still on its way. */
export interface Movement {
  /** Uploads that no queue has been told of yet. */
  pendingEvents(): number;
  /** Of every queue. */
  counts(): Promise<readonly QueueCounts[]>;
  /** Calls so far that may have moved a token; always the same where the services are not our own. */
  writes(): number;
}

/**
 * Whether nothing is on its way. Queues are not all counted at one instant: a token may leave one that is still to be
 * counted for one that has been. So it takes two looks that find nothing, and no write from the first to the last.
 */
export async function isStill(movement: Movement): Promise<boolean> {
  const before = movement.writes();
  return (await isEmpty(movement)) && (await isEmpty(movement)) && movement.writes() === before;
}

async function isEmpty({ pendingEvents, counts }: Movement): Promise<boolean> {
  if (pendingEvents() > 0) return false;
  return (await counts()).every(({ waiting, claimed }) => waiting + claimed === 0);
}
