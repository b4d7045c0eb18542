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
