import { describe, expect, test } from "vitest";
import { Deadline, DeadlineHeap } from "../../infra/local/sqs/deadlines.ts";
import { seeds } from "../seeds.ts";
import { dice } from "./sqs-dice.ts";
import { isExternal } from "./sqs-harness.ts";

// Looks behind the wire.
describe.skipIf(isExternal)("a heap of deadlines", () => {
  test.for(seeds(20))("gives the earliest first, whatever was taken out in between (seed %i)", (seed) => {
    const { below, chance, pick } = dice(seed);
    const heap = new DeadlineHeap<string>();
    let inside: Deadline<string>[] = [];
    for (let order = 0; order < 500; order += 1) {
      const deadline = new Deadline(`${order}`, order);
      deadline.at = below(100);
      heap.add(deadline);
      inside.push(deadline);
      if (chance(0.4)) {
        const out = pick(inside);
        inside = inside.filter((one) => one !== out);
        heap.remove(out);
        heap.remove(out);
      }
    }
    const expected = inside.toSorted((a, b) => a.at - b.at || a.order - b.order).map(({ owner }) => owner);
    const seen: string[] = [];
    for (let first = heap.first; first; first = heap.first) {
      seen.push(first.owner);
      heap.remove(first);
    }
    expect(seen).toEqual(expected);
  });
});
