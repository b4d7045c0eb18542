import type { Prng } from "./world/prng.ts";

/**
 * What can go wrong, and how often at most (the probability at each occasion). A new kind is a row here and a
 * `faults.strikes(kind)` at the place where it happens.
 */
export const FAULTS = {
  "crash-idle": { most: 0.05, what: "a function dies before it has done anything" },
  "crash-before": { most: 0.03, what: "a function dies before a request is sent" },
  "crash-after": { most: 0.03, what: "a function dies when a request has been executed" },
  killed: { most: 0.04, what: "a function dies at any moment, whatever it is doing" },
  unavailable: { most: 0.08, what: "a request fails and was not executed" },
  throttled: { most: 0.08, what: "a request is throttled" },
  "answer-lost": { most: 0.06, what: "a request was executed, its answer is lost" },
  "late-request": { most: 0.02, what: "a request is executed long after its sender gave it up" },
  stall: { most: 0.01, what: "a function stands still, often for longer than its claims last" },
  recycled: { most: 0.3, what: "an idle execution environment is thrown away" },
  duplicate: { most: 0.15, what: "a message is delivered twice" },
  "late-duplicate": { most: 0.05, what: "a message is delivered again hours later" },
  reordered: { most: 0.8, what: "a batch is picked at random" },
  "entry-refused": { most: 0.12, what: "a batch is taken without an entry of it" },
  "delete-lost": { most: 0.12, what: "the event source does not delete a message that is done" },
  "held-batch": { most: 0.1, what: "a batch is received long before its function runs" },
  "stage-throw": { most: 0.25, what: "user code throws" },
  "stage-slow": { most: 0.08, what: "user code is slow, sometimes beyond its timeout" },
  "stage-outage": { most: 0.6, what: "user code throws for some minutes on end" },
  "event-delayed": { most: 0.5, what: "the event of an upload comes late" },
  "event-duplicated": { most: 0.4, what: "the event of an upload comes twice" },
  "report-lost": { most: 0.3, what: "a system's report does not arrive" },
  "report-late": { most: 0.2, what: "a system's report arrives when it has given it up" },
  "report-duplicated": { most: 0.3, what: "a system's report arrives once more, later" },
  "outsider-absent": { most: 0.3, what: "no system takes the work of a job on" },
  "outsider-doubled": { most: 0.2, what: "two of a system's workers take on the same job" },
  "outsider-fails": { most: 0.4, what: "a system reports that its work has failed" },
  "outsider-slow": { most: 0.3, what: "a system, or a program in a pod, is slow" },
  "pod-stuck": { most: 0.2, what: "a pod does not start: its image is not there" },
  "pod-fails": { most: 0.4, what: "the program in a pod fails" },
  "pod-hangs": { most: 0.1, what: "the program in a pod never ends" },
  "node-lost": { most: 0.4, what: "a pod's machine is lost, and the pod on it may live on" },
  "job-deleted": { most: 0.1, what: "somebody deletes a Job" },
  "index-stale": { most: 0.5, what: "a secondary index answers what was true before" },
} as const satisfies Record<string, { most: number; what: string }>;

export type FaultKind = keyof typeof FAULTS;
export const FAULT_KINDS = Object.keys(FAULTS) as FaultKind[];

export type Rates = Readonly<Record<FaultKind, number>>;

/** A seed's character: some faults come more often than the table above says. */
const PROFILES = {
  /** No fault at all: what must hold there is stricter. */
  calm: {},
  swarm: {},
  crashing: { "crash-before": 0.12, "crash-after": 0.15, "crash-idle": 0.2, "entry-refused": 0.2 },
  overtaking: {
    stall: 0.06,
    "held-batch": 0.3,
    duplicate: 0.4,
    "late-duplicate": 0.15,
    "late-request": 0.08,
    "stage-throw": 0.5,
  },
  /** Systems outside of which one hears late, twice or not at all. */
  outside: {
    "report-lost": 0.5,
    "report-late": 0.5,
    "report-duplicated": 0.7,
    "outsider-doubled": 0.5,
    "outsider-slow": 0.5,
    "outsider-fails": 0.6,
    "node-lost": 0.7,
    "crash-after": 0.1,
    duplicate: 0.4,
  },
  /** People at an error bucket that is never empty, and functions that do not live to see the end of what they do. */
  retrying: {
    killed: 0.2,
    stall: 0.05,
    "late-request": 0.3,
    "stage-throw": 0.6,
    "index-stale": 0.8,
  },
} as const satisfies Record<string, Partial<Rates>>;

export type Profile = keyof typeof PROFILES;

const ROTATION: readonly Profile[] = [
  "swarm",
  "crashing",
  "overtaking",
  "retrying",
  "outside",
  "retrying",
  "swarm",
  "retrying",
];
const CALM_EVERY = 10;

export const profileOf = (seed: number): Profile =>
  seed % CALM_EVERY === 0 ? "calm" : (ROTATION[seed % ROTATION.length] ?? "swarm");

/** The probability that a seed knows a kind of fault at all. With some kinds absent, others get further. */
const KNOWN = 0.65;
/** Of a kind that its profile is about. */
const KNOWN_RAISED = 0.9;

/** Each seed draws its own mix: some kinds are switched off, the others come with a rate of their own. */
export function drawRates(prng: Prng, profile: Profile): Rates {
  const raised: Partial<Rates> = PROFILES[profile];
  const rates = FAULT_KINDS.map((kind) => {
    const isKnown = prng.chance(raised[kind] === undefined ? KNOWN : KNOWN_RAISED);
    const rate = isKnown ? prng.fraction() * (raised[kind] ?? FAULTS[kind].most) : 0;
    return [kind, profile === "calm" ? 0 : rate] as const;
  });
  return Object.fromEntries(rates) as Rates;
}

/** Decides, at each occasion, whether a fault happens, and counts them. */
export class Faults {
  readonly counts: Partial<Record<FaultKind, number>> = {};
  readonly #rates: Rates;
  readonly #prng: Prng;
  #isHealed = false;

  constructor(rates: Rates, prng: Prng) {
    this.#rates = rates;
    this.#prng = prng;
  }

  /** From here on nothing goes wrong any more; what went wrong before still has its effects. */
  heal(): void {
    this.#isHealed = true;
  }

  get isHealed(): boolean {
    return this.#isHealed;
  }

  /** @param weight how much more likely it is here than elsewhere */
  strikes(kind: FaultKind, weight = 1): boolean {
    if (this.#isHealed || !this.#prng.chance(weight * this.#rates[kind])) return false;
    this.counts[kind] = (this.counts[kind] ?? 0) + 1;
    return true;
  }
}
