import { drawRates, Faults, type Rates } from "./faults.ts";
import { Probes } from "./witness/probes.ts";
import { EventLog } from "./world/event-log.ts";
import { Prng } from "./world/prng.ts";
import { Timeline } from "./world/timeline.ts";
import type { World } from "./world/world.ts";

/** A world in which nothing goes wrong but what is given, and time begins at 0: for tests of single parts. */
export function quietWorld(rates: Partial<Rates> = {}): World {
  const prng = new Prng(1);
  return {
    timeline: new Timeline(0),
    prng,
    faults: new Faults({ ...drawRates(prng, "calm"), ...rates }, prng),
    log: new EventLog(0),
    probes: new Probes(),
    calls: 0,
    notModelled: [],
    acting: undefined,
  };
}

/** Lets everything happen that happens before the given instant. */
export const runUntil = (world: World, at: number): Promise<unknown> => {
  world.timeline.schedule(at, () => {});
  return world.timeline.run({ until: at, events: Number.POSITIVE_INFINITY });
};
