import { expect, test } from "vitest";
import { clusterPool, freeAll, type Slots, stagePool, takeAll } from "../../../lib/cluster/slots.ts";

function memorySlots(): Slots & { readonly pools: Map<string, Set<string>> } {
  const pools = new Map<string, Set<string>>();
  const held = (name: string): Set<string> => pools.get(name) ?? pools.set(name, new Set()).get(name)!;
  return {
    pools,
    take: async ({ name, size }, job) => {
      if (!held(name).has(job) && held(name).size >= size) return false;
      held(name).add(job);
      return true;
    },
    free: async ({ name }, job) => {
      held(name).delete(job);
    },
    held: async ({ name }) => [...held(name)],
  };
}

test("a place in each pool, or in none", async () => {
  const slots = memorySlots();
  const pools = [stagePool("p", "s", 2), clusterPool(1)];
  expect(await takeAll(slots, pools, "a")).toBe(true);
  expect(await takeAll(slots, pools, "a")).toBe(true);
  expect(await takeAll(slots, pools, "b")).toBe(false);
  expect([...slots.pools].map(([name, held]) => [name, [...held]])).toEqual([
    ["p/s", ["a"]],
    ["cluster", ["a"]],
  ]);
  await freeAll(slots, pools, "a");
  expect(await takeAll(slots, pools, "b")).toBe(true);
});
