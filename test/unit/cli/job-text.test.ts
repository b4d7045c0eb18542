import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import { jobText } from "../../../infra/cli/jobs.ts";
import { TOKENS } from "../job/lasting-jobs.ts";

test("an error of several lines is shown as such; what a terminal would obey is not", () => {
  const text = jobText({
    ...TOKENS,
    state: "FAILED",
    attempt: 1,
    reason: "exit",
    error: { message: "exit code 2:\nno such page\u001b[2J\n", stack: "" },
    history: [
      { event: "fail", at: "2026-01-01T00:00:00.000Z", attempt: 1, data: "exit code 2:\n  no such page\n" },
    ],
  });
  const lines = stripVTControlCharacters(text).split("\n");
  expect(lines).toContain("  error     exit code 2:");
  expect(lines).toContain("            no such page\\u001b[2J");
  expect(lines).toContain("  2026-01-01T00:00:00.000Z  fail #1  exit code 2: no such page");
});

test("a job whose first attempt shared a pod says where, and what is not charged to it", () => {
  const carrier = "0f8fad5b-d9cb-469f-a165-70867728950e";
  const text = jobText({ ...TOKENS, state: "FINISHED", attempt: 2, attemptsForgiven: 1, carrier });
  const lines = stripVTControlCharacters(text).split("\n");
  expect(lines).toContain("  attempts  2, of which 1 not charged");
  expect(lines).toContain(`  shared    the first attempt, in the Job mr-${carrier}-a1`);
});
