import { randomNumbers } from "../seeds.ts";

export interface Dice {
  /** An integer from 0, below `end`. */
  below(end: number): number;
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
}

/** Random choices that depend on the seed only. */
export function dice(seed: number): Dice {
  const random = randomNumbers(seed);
  const below = (end: number) => Math.floor(random() * end);
  return {
    below,
    chance: (probability) => random() < probability,
    pick: (items) => items[below(items.length)]!,
  };
}
