import { expect, test } from "vitest";
import {
  eventsOf,
  isLate,
  JOB_EVENTS,
  JOB_STATES,
  MACHINE_STATES,
  nextState,
} from "../../../lib/job/machine.ts";

/**
 * The matrix of PipelineJobs, as its own state machine gives it: one row for each state, one column for each event, "·"
 * where it refuses. Written down here once more, by hand, so that a slip in the table of the product is seen.
 */
const MATRIX = `
             create   run      update     resource fail    finish    index     indexed   validate    validated  finalize   reject    retire   reset  ready
CREATED      CREATED  RUNNING  CREATED    CREATED  FAILED  ·         ·         ·         ·           ·          ·          ·         ·        RESET  ·
RUNNING      ·        RUNNING  RUNNING    RUNNING  FAILED  FINISHED  ·         ·         ·           ·          ·          ·         ·        RESET  ·
FAILED       ·        ·        ·          ·        ·       ·         ·         ·         ·           ·          ·          ·         RETIRED  RESET  ·
FINISHED     ·        ·        ·          ·        ·       FINISHED  INDEXING  FINISHED  VALIDATING  ·          ·          ·         RETIRED  RESET  ·
INDEXING     ·        ·        INDEXING   ·        FAILED  ·         INDEXING  FINISHED  ·           ·          ·          ·         ·        RESET  ·
VALIDATING   ·        ·        VALIDATING ·        FAILED  ·         ·         ·         ·           VALIDATED  ·          REJECTED  RETIRED  RESET  ·
VALIDATED    ·        ·        ·          ·        ·       ·         ·         ·         VALIDATING  VALIDATED  FINALIZED  ·         RETIRED  RESET  ·
REJECTED     ·        ·        ·          ·        ·       ·         ·         ·         ·           ·          ·          ·         RETIRED  RESET  ·
FINALIZED    ·        ·        ·          ·        ·       ·         ·         ·         ·           ·          ·          ·         RETIRED  RESET  ·
RETIRED      ·        ·        ·          ·        ·       ·         ·         ·         ·           ·          ·          ·         ·        RESET  ·
RESET        ·        ·        ·          ·        ·       ·         ·         ·         ·           ·          ·          ·         ·        RESET  CREATED
`;

const [head = [], ...rows] = MATRIX.trim()
  .split("\n")
  .map((line) => line.trim().split(/\s+/));
const PAIRS = rows.flatMap(([state = "", ...cells]) =>
  cells.map((cell, column) => [state, head[column] ?? "", cell] as [string, string, string]),
);

test("the matrix has every state and every event", () => {
  expect(PAIRS).toHaveLength(165);
  expect(new Set(head)).toEqual(new Set(JOB_EVENTS));
  expect(rows.map(([state]) => state)).toEqual([...MACHINE_STATES]);
});

test.for(PAIRS)("%s, %s → %s", ([state, event, expected]) => {
  const to = nextState(state as (typeof MACHINE_STATES)[number], event as (typeof JOB_EVENTS)[number]);
  expect(to ?? "·").toBe(expected);
});

test("nothing leads out of CANCELLED", () => {
  expect(JOB_STATES.at(-1)).toBe("CANCELLED");
  expect(eventsOf("CANCELLED")).toEqual([]);
});

test.for([
  ["FINISHED", "run"],
  ["FINISHED", "update"],
  ["FINISHED", "fail"],
  ["FAILED", "finish"],
  ["INDEXING", "finish"],
  ["CANCELLED", "run"],
  ["RESET", "update"],
  ["RETIRED", "validate"],
  ["FINALIZED", "indexed"],
  ["FAILED", "index"],
  ["RUNNING", "create"],
] as const)("of a job that is %s, %s comes too late", ([state, event]) => {
  expect(isLate(state, event)).toBe(true);
});

test.for([
  ["CREATED", "finish"],
  ["CREATED", "finalize"],
  ["RUNNING", "validate"],
  ["RUNNING", "indexed"],
  ["FINISHED", "finalize"],
  ["VALIDATING", "finalize"],
  ["RUNNING", "run"],
  ["FINISHED", "finish"],
] as const)("of a job that is %s, %s does not", ([state, event]) => {
  expect(isLate(state, event)).toBe(false);
});
