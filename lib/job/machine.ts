/**
 * The state machine of a job: which event leads from which state to which. It is the one of PipelineJobs
 * (github.com/SD2E/python-datacatalog, `pipelinejobs/fsm.py`): eleven states, fifteen events. What is absent is refused.
 *
 * CREATED: inputs are known. RUNNING. FAILED. FINISHED: outputs are archived. INDEXING: they are being listed.
 * VALIDATING, VALIDATED, REJECTED: whether they are right. FINALIZED: ready for general use. RETIRED: not to be used.
 * RESET: being cleared for another go.
 */
const MACHINE = {
  CREATED: {
    create: "CREATED",
    run: "RUNNING",
    update: "CREATED",
    resource: "CREATED",
    fail: "FAILED",
    reset: "RESET",
  },
  RUNNING: {
    run: "RUNNING",
    update: "RUNNING",
    resource: "RUNNING",
    fail: "FAILED",
    finish: "FINISHED",
    reset: "RESET",
  },
  FAILED: { retire: "RETIRED", reset: "RESET" },
  FINISHED: {
    finish: "FINISHED",
    index: "INDEXING",
    indexed: "FINISHED",
    validate: "VALIDATING",
    retire: "RETIRED",
    reset: "RESET",
  },
  INDEXING: { update: "INDEXING", fail: "FAILED", index: "INDEXING", indexed: "FINISHED", reset: "RESET" },
  VALIDATING: {
    update: "VALIDATING",
    fail: "FAILED",
    validated: "VALIDATED",
    reject: "REJECTED",
    retire: "RETIRED",
    reset: "RESET",
  },
  VALIDATED: {
    validate: "VALIDATING",
    validated: "VALIDATED",
    finalize: "FINALIZED",
    retire: "RETIRED",
    reset: "RESET",
  },
  REJECTED: { retire: "RETIRED", reset: "RESET" },
  FINALIZED: { retire: "RETIRED", reset: "RESET" },
  RETIRED: { reset: "RESET" },
  RESET: { reset: "RESET", ready: "CREATED" },
} as const satisfies Record<string, Partial<Record<JobEvent, string>>>;

export const JOB_EVENTS = [
  "create",
  "run",
  "update",
  "resource",
  "fail",
  "finish",
  "index",
  "indexed",
  "validate",
  "validated",
  "finalize",
  "reject",
  "retire",
  "reset",
  "ready",
] as const;
export type JobEvent = (typeof JOB_EVENTS)[number];

export const MACHINE_STATES = Object.keys(MACHINE) as MachineState[];
export type MachineState = keyof typeof MACHINE;

/**
 * CANCELLED is ours: a job that was called off before anything happened to it. PipelineJobs deletes its record; here it
 * stays, so that a callback that is on its way finds out, and nothing leads out of it.
 */
export const JOB_STATES = [...MACHINE_STATES, "CANCELLED"] as const;
export type JobState = MachineState | "CANCELLED";

const table: Readonly<Record<JobState, Partial<Record<JobEvent, MachineState>>>> = {
  ...MACHINE,
  CANCELLED: {},
};

/** The state that an event leads to; undefined when it is refused. */
export const nextState = (state: JobState, event: JobEvent): MachineState | undefined => table[state][event];

export const eventsOf = (state: JobState): JobEvent[] =>
  JOB_EVENTS.filter((event) => table[state][event] !== undefined);

/** Events of the work itself. Once it has ended they can only come too late. */
export const WORK_EVENTS = ["run", "update", "resource", "finish", "fail"] as const satisfies JobEvent[];
const isWork = (event: JobEvent): boolean => WORK_EVENTS.some((work) => work === event);

/**
 * Whether a refused event belongs to a part of the job's life that is over, as opposed to one that has not come yet. Its
 * sender is to stop, not to think again.
 */
export function isLate(state: JobState, event: JobEvent): boolean {
  if (nextState(state, event) !== undefined) return false;
  if (isWork(event)) return state !== "CREATED" && state !== "RUNNING";
  return ![...statesAfter(state)].some((later) => nextState(later, event) !== undefined);
}

/** The states that can follow, unless the job is reset. */
function statesAfter(state: JobState): Set<JobState> {
  const after = new Set([state]);
  // A set that grows while it is walked: each state is visited once.
  for (const one of after) {
    for (const event of eventsOf(one)) {
      const next = event === "reset" || event === "ready" ? undefined : nextState(one, event);
      if (next !== undefined) after.add(next);
    }
  }
  return after;
}
