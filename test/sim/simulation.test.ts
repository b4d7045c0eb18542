import { describe, expect, test } from "vitest";
import { runSeeds } from "./fleet.ts";
import { MUTANTS } from "./mutants.ts";
import { summarize } from "./report.ts";

const SEEDS = Array.from({ length: 400 }, (_, index) => index + 1);

/** The seeds in which planted bugs are looked for: without one, nothing may be found in them. */
test("nothing is violated in 400 seeds, and every branch that matters is reached", async () => {
  const { hops, violations, unreached } = summarize(await runSeeds({ seeds: SEEDS }));
  expect(violations).toEqual([]);
  expect(unreached).toEqual([]);
  expect(hops).toBeGreaterThan(400 * 20);
});

test("a seed has one history, whoever runs it", async () => {
  const seeds = SEEDS.slice(0, 20);
  const [alone, shared] = await Promise.all([
    runSeeds({ seeds, processes: 1 }),
    runSeeds({ seeds: seeds.toReversed(), processes: 2 }),
  ]);
  expect(alone.map(({ hash }) => hash)).toEqual(shared.map(({ hash }) => hash));
  expect(new Set(alone.map(({ hash }) => hash)).size).toBe(20);
});

describe.concurrent("a planted bug is found within 400 seeds", () => {
  test.for(MUTANTS.map(({ name, what }) => [name, what] as const))("%s: %s", async ([mutant], { expect }) => {
    const isEnough = ({ violations }: { violations: readonly string[] }) => violations.length > 0;
    const results = await runSeeds({ seeds: SEEDS, mutant, processes: 1, isEnough });
    expect(results.filter(isEnough)).toHaveLength(1);
  });
});
