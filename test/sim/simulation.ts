import type { JobRecord } from "../../lib/job/record.ts";
import { drawRates, type FaultKind, Faults, type Profile, profileOf } from "./faults.ts";
import { deploy } from "./scenario/deployment.ts";
import { retryAll, sendOperators } from "./scenario/operators.ts";
import { outsiders } from "./scenario/outsiders.ts";
import { podsOf } from "./scenario/pods.ts";
import { sendTraffic } from "./scenario/traffic.ts";
import { checkAtRest, checkCalm } from "./witness/final-checks.ts";
import { type Probe, Probes } from "./witness/probes.ts";
import { promisesTo } from "./witness/promises.ts";
import { ReportWitness } from "./witness/report-witness.ts";
import { Truth } from "./witness/truth.ts";
import { EventLog } from "./world/event-log.ts";
import { Prng } from "./world/prng.ts";
import { Timeline } from "./world/timeline.ts";
import type { World } from "./world/world.ts";

export interface SeedResult {
  readonly seed: number;
  readonly profile: Profile;
  /** Of the event log: the same whenever the seed is run. */
  readonly hash: string;
  /** Commits: tokens that were worked by a stage. */
  readonly hops: number;
  readonly calls: number;
  readonly events: number;
  readonly virtualMs: number;
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>;
  readonly probes: readonly Probe[];
  readonly violations: readonly string[];
}

const START = Date.UTC(2026, 0, 1);
const MINUTE = 60_000;
const FAULTS_MS = 45 * MINUTE;
/** A healed world that has not come to rest by then never will. */
const REST_MS = 20 * 24 * 60 * MINUTE;
const MOST_EVENTS = 40_000;
/** Retries after the trouble: what only the trouble had put into the error bucket does not come back. */
const CLEAN_UPS = 2;

/**
 * Runs one seed: a world with faults for a while, then a world without, which must come to rest; then somebody retries
 * what lies in the error bucket, and what is wrong by then is wrong.
 *
 * @param print gets the event log, line by line
 */
export async function simulate(seed: number, print?: (line: string) => void): Promise<SeedResult> {
  const prng = new Prng(seed);
  const profile = profileOf(seed);
  const timeline = new Timeline(START);
  const faults = new Faults(drawRates(prng, profile), prng);
  const log = new EventLog(START, print);
  const world: World = {
    timeline,
    prng,
    faults,
    log,
    probes: new Probes(),
    calls: 0,
    notModelled: [],
    acting: undefined,
  };
  const truth = new Truth((what) => log.write(timeline.now(), "VIOLATION", what));
  const unhandled = (error: unknown): void => truth.violate(`nobody handles ${String(error)}`);
  process.on("unhandledRejection", unhandled);
  try {
    await live(world, truth, profile);
  } finally {
    process.off("unhandledRejection", unhandled);
  }
  return {
    seed,
    profile,
    hash: log.digest(),
    hops: truth.hops,
    calls: world.calls,
    events: timeline.happened,
    virtualMs: timeline.now() - START,
    faults: faults.counts,
    probes: [...world.probes.reached],
    violations: [...world.notModelled, ...truth.violations],
  };
}

async function live(world: World, truth: Truth, profile: Profile): Promise<void> {
  const { timeline, prng, faults } = world;
  const poisonRate = prng.pick(profile === "retrying" ? [0.1, 0.4] : [0, 0.05, 0.15, 0.3]);
  const attempts = { began: (_row: JobRecord): void => {} };
  const { services, callApi, callBack } = deploy(world, truth, poisonRate, attempts);
  const reports = new ReportWitness(truth, world.probes);
  const outside = { world, services, truth, reports, callApi, callBack };
  attempts.began = outsiders(outside);
  services.cluster.program = podsOf(services.cluster, outside);
  sendTraffic(world, services, callApi, promisesTo(truth), poisonRate);
  if (profile !== "calm") {
    const isBusy = profile === "retrying";
    sendOperators(world, callApi, {
      count: isBusy ? 2 : prng.below(3),
      until: START + FAULTS_MS,
      longestPauseMs: (isBusy ? 2 : 15) * MINUTE,
    });
  }
  timeline.after(FAULTS_MS, () => faults.heal());
  for (let round = 0; round <= CLEAN_UPS; round += 1) {
    if (round > 0) void retryAll(callApi);
    if ((await timeline.run({ until: START + REST_MS, events: MOST_EVENTS })) === "endless") {
      truth.violate("the healed world does not come to rest");
      return;
    }
  }
  await checkAtRest(world, services, truth);
  if (profile === "calm") checkCalm(truth);
}
