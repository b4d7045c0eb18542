import { sleep } from "../../../lib/clock.ts";
import type { Sandbox } from "../world/sandbox.ts";
import type { World } from "../world/world.ts";
import { STAGES, type StageName } from "./pipeline.ts";
import type { Hazards } from "./stages.ts";

const MINUTE = 60_000;
/** An outage begins somewhere in this time. */
const OUTAGE_BEGINS_MS = 20 * MINUTE;
const LONGEST_OUTAGE_MS = 12 * MINUTE;
/** Around the scenario's timeout of 5 s: some of it is only slow, some too slow. */
const SLOW_MS = 7000;

type Outages = ReadonlyMap<StageName, { readonly from: number; readonly to: number }>;

/** Stages that something they depend on is going to fail, and when. */
export function drawOutages({ prng, faults, timeline }: World): Outages {
  const struck = STAGES.filter(() => faults.strikes("stage-outage"));
  return new Map(
    struck.map((stage) => {
      const from = timeline.now() + prng.below(OUTAGE_BEGINS_MS);
      return [stage, { from, to: from + prng.below(LONGEST_OUTAGE_MS) }];
    }),
  );
}

export const hazardsIn = (
  sandbox: Sandbox,
  { prng, faults, timeline }: World,
  given: Pick<Hazards, "poisonRate" | "ran"> & { readonly outages: Outages },
): Hazards => ({
  prng,
  poisonRate: given.poisonRate,
  ran: given.ran,
  duration: () => (faults.strikes("stage-slow") ? prng.below(SLOW_MS) : prng.between(1, 200)),
  wait: (ms) => sleep(sandbox.clock, ms),
  fails: (stage) => {
    const outage = given.outages.get(stage);
    const isOut = outage !== undefined && timeline.now() >= outage.from && timeline.now() < outage.to;
    return (isOut && !faults.isHealed) || faults.strikes("stage-throw");
  },
  die: () => {
    sandbox.kill("poison");
    return new Promise<never>(() => {});
  },
});
