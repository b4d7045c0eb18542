import { randomInt } from "node:crypto";

/** For tests that roll dice: each puts its seed into its name, and `MILLRACE_SEED=… vitest run FILE` plays the same once more. */

const given = process.env["MILLRACE_SEED"];

/** The one of `MILLRACE_SEED`, or so many new ones. */
export const seeds = (count: number): number[] =>
  given === undefined ? Array.from({ length: count }, () => randomInt(2 ** 31)) : [Number(given)];

/** Numbers from 0 up to 1, the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
