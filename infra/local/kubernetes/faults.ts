/**
 * What a cluster does now and then, and a laptop never: switches for tests. Chances are from 0 (never) to 1 (always).
 * Most stuck states need none: an image that nobody knows, a Secret that is missing, more cpu than there is, a
 * ResourceQuota and a namespace with Pod Security are stuck here as they are there.
 */
export interface KubeFaults {
  /** Chance that a request is refused with 429, without effect. */
  throttle: number;
  /** Chance that a request is refused with 500, without effect. */
  fail: number;
  /** Chance that a write is done and the connection breaks before its answer. */
  loseAnswer: number;
  /** Every answer is this late. */
  delayMs: number;
  /** What the scheduler says of every pod that has no node yet; empty: nothing. */
  unschedulable: string;
  /** Source of chance: numbers from 0, below 1. */
  random: () => number;
}

export const noFaults: KubeFaults = {
  throttle: 0,
  fail: 0,
  loseAnswer: 0,
  delayMs: 0,
  unschedulable: "",
  random: Math.random,
};
