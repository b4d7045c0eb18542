import { FAULT_KINDS, type FaultKind } from "./faults.ts";
import type { SeedResult } from "./simulation.ts";
import { PROBE_NAMES, PROBES, type Probe } from "./witness/probes.ts";

export interface Violation {
  readonly seed: number;
  readonly replay: string;
  readonly violations: readonly string[];
}

/** What a run over some seeds comes to. */
export interface Summary {
  readonly seeds: number;
  readonly hops: number;
  readonly calls: number;
  readonly events: number;
  readonly virtualHours: number;
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>;
  /** In how many seeds each was reached. */
  readonly probes: Readonly<Record<Probe, number>>;
  readonly unreached: readonly Probe[];
  readonly violations: readonly Violation[];
}

/** Fewer seeds cannot be expected to reach every probe. */
const SEEDS_FOR_ALL_PROBES = 300;

export function summarize(results: readonly SeedResult[], mutant?: string): Summary {
  const sum = (of: (result: SeedResult) => number): number =>
    results.reduce((total, each) => total + of(each), 0);
  const faults = FAULT_KINDS.map((kind) => [kind, sum((result) => result.faults[kind] ?? 0)] as const);
  const probes = PROBE_NAMES.map(
    (probe) => [probe, results.filter((result) => result.probes.includes(probe)).length] as const,
  );
  const planted = mutant === undefined ? "" : ` --mutant ${mutant}`;
  return {
    seeds: results.length,
    hops: sum(({ hops }) => hops),
    calls: sum(({ calls }) => calls),
    events: sum(({ events }) => events),
    virtualHours: Math.round(sum(({ virtualMs }) => virtualMs) / 3_600_000),
    faults: Object.fromEntries(faults),
    probes: Object.fromEntries(probes) as Record<Probe, number>,
    unreached: probes.filter(([, count]) => count === 0).map(([probe]) => probe),
    violations: results
      .filter(({ violations }) => violations.length > 0)
      .map(({ seed, violations }) => ({
        seed,
        replay: `node test/sim/main.ts --seed ${seed}${planted} --trace`,
        violations,
      })),
  };
}

/** What the run should have reached and did not. */
const missed = ({ unreached, seeds }: Summary): readonly Probe[] =>
  seeds < SEEDS_FOR_ALL_PROBES ? [] : unreached;

export const isGood = (summary: Summary): boolean =>
  summary.violations.length === 0 && missed(summary).length === 0;

const MOST_SHOWN = 10;

export function textOf(summary: Summary, seconds: number): string {
  const { seeds, hops, calls, events, virtualHours, faults, unreached, violations } = summary;
  const n = (value: number): string => Math.round(value).toLocaleString("en-US");
  const lines = [
    `${n(seeds)} seeds, ${n(hops)} hops, ${n(calls)} API calls, ${n(events)} events, ${n(virtualHours)} virtual hours`,
    `${seconds.toFixed(1)} s: ${n(seeds / seconds)} seeds/s, ${n(hops / seconds)} hops/s`,
    `faults: ${FAULT_KINDS.map((kind) => `${kind} ${n(faults[kind] ?? 0)}`).join(", ")}`,
    `probes: ${PROBE_NAMES.length - unreached.length} of ${PROBE_NAMES.length} reached`,
    ...missed(summary).map((probe) => `  not reached: ${probe} (${PROBES[probe]})`),
    `violations: ${violations.length === 0 ? "none" : `in ${violations.length} seeds`}`,
  ];
  for (const { seed, replay, violations: what } of violations.slice(0, MOST_SHOWN)) {
    lines.push(`  seed ${seed}: ${replay}`);
    for (const each of what.slice(0, MOST_SHOWN)) lines.push(`    ${each}`);
  }
  return `${lines.join("\n")}\n`;
}
