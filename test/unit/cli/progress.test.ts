import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import { fitting } from "../../../infra/cli/progress.ts";
import type { Board } from "../../../lib/board/board.ts";

const counts = { waiting: 2, claimed: 1, parked: 0, error: 0, skipped: 0, done: 7 };
const BOARD: Board = {
  pipeline: "scans",
  put: 10,
  done: 7,
  error: 0,
  skipped: 0,
  outstanding: 3,
  intake: { waiting: 0, claimed: 0 },
  stages: {},
  edges: { "decrypt-extract": counts },
  queues: {
    "decrypt-extract": { work: "decrypt-extract-work", claimed: "decrypt-extract-claimed", error: "" },
  },
};

const shown = (columns: number, rows = 24): string[] =>
  stripVTControlCharacters(fitting([BOARD], { columns, rows })).split("\n");

const WIDE = [
  "scans  put 10 = done 7 + in error 0 + outstanding 3",
  "list                  waiting  claimed list             claimed  parked  error  skipped  done",
  "decrypt-extract-work        2  decrypt-extract-claimed        1       0      0        0     7",
];
const NARROW = [
  "scans  put 10 = done 7 + in error 0 + outstanding 3",
  "list                  waiting  claimed  parked  error  skipped  done",
  "decrypt-extract-work        2        1       0      0        0     7",
];

test("a terminal of eighty columns shows every number of the board", () => {
  expect(shown(100)).toEqual(WIDE);
  expect(shown(80)).toEqual(NARROW);
});

test("what is wider or longer still is cut, so that it takes as many lines as it has", () => {
  expect(shown(30)).toEqual([
    "scans  put 10 = done 7 + in e",
    "list                  waiting",
    "decrypt-extract-work        2",
  ]);
  expect(shown(100, 3)).toEqual(WIDE.slice(0, 2));
});

test("a pseudo terminal that nobody has sized is taken for one of eighty columns", () => {
  expect(shown(0, 0)).toEqual(NARROW);
});
