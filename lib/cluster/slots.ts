/**
 * Places in a cluster: so many Jobs of a stage, and of all stages, are active at once, and the rest of the tokens waits in
 * its queues. A set of names of Kubernetes Jobs with a bound, kept by conditional writes: to take a place twice is to have it
 * once, and whoever died with one gives it back when its Job is deleted, or when the sweep finds that nobody needs it.
 */
export interface Slots {
  /** False when all are taken. A Job that has one keeps it. */
  take(pool: SlotPool, clusterJob: string): Promise<boolean>;
  free(pool: SlotPool, clusterJob: string): Promise<void>;
  /** Jobs that have one. */
  held(pool: SlotPool): Promise<readonly string[]>;
}

export interface SlotPool {
  readonly name: string;
  readonly size: number;
}

/** A name of a stage has no "/", so that no stage is taken for the cluster. */
export const stagePool = (pipeline: string, stage: string, size: number): SlotPool => ({
  name: `${pipeline}/${stage}`,
  size,
});
export const clusterPool = (size: number): SlotPool => ({ name: "cluster", size });

/** Takes a place in each pool, or in none. */
export async function takeAll(
  slots: Slots,
  pools: readonly SlotPool[],
  clusterJob: string,
): Promise<boolean> {
  const taken: SlotPool[] = [];
  for (const pool of pools) {
    if (!(await slots.take(pool, clusterJob))) {
      await freeAll(slots, taken, clusterJob);
      return false;
    }
    taken.push(pool);
  }
  return true;
}

/** In the opposite order: whoever finds a place in the last pool finds one in the first. */
export async function freeAll(slots: Slots, pools: readonly SlotPool[], clusterJob: string): Promise<void> {
  for (const pool of pools.toReversed()) await slots.free(pool, clusterJob);
}
