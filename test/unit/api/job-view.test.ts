import { expect, test } from "vitest";
import { listedJob, shownJob, shownV1 } from "../../../lib/api/job-view.ts";
import type { LastingJob } from "../../../lib/job/lasting.ts";
import type { JobRecord } from "../../../lib/job/record.ts";
import { COMMIT, TOKENS } from "../job/lasting-jobs.ts";

/** Every field that a row can have: whoever adds one has to say here whether others may see it. */
const EVERYTHING: Required<JobRecord> & LastingJob = {
  ...TOKENS,
  parent: "4b366ef8-43db-51dc-b35d-70e5629bea9a",
  begunBy: "5c366ef8-43db-51dc-b35d-70e5629bea9a",
  begunFor: "message-1",
  begunAt: "2026-01-01T00:00:00.000Z",
  attemptsForgiven: 1,
  committed: COMMIT,
  sent: 1,
  durationMs: 7,
  log: [{ at: "2026-01-01T00:00:00.000Z", level: "info", message: "said" }],
  reason: "error",
  error: { message: "thrown", stack: "at run" },
  body: "the message",
  dead: "scans",
  deadAt: "split_ocr#2026-01-01T00:00:00.000Z",
  retries: 1,
  by: "secret-writer",
  key: {
    kid: "secret-kid",
    exp: 1_767_225_600,
    nonce: "secret-nonce",
    scope: "life",
    hash: "secret-hash",
    second: "secret-second",
    isRevoked: true,
  },
  parameters: { sample: 7 },
  receipt: { queue: "q", message: "message-1", handle: "secret-handle-1" },
  copies: [
    { queue: "q", message: "message-2", handle: "secret-handle-2" },
    { queue: "q", message: "message-3", handle: "secret-handle-3" },
  ],
  carrier: "6d366ef8-43db-51dc-b35d-70e5629bea9a",
  carried: ["6d366ef8-43db-51dc-b35d-70e5629bea9a"],
  deadline: 1_767_229_200_000,
  settled: true,
};

test.for([
  ["by itself", shownJob(EVERYTHING)],
  ["in a list", listedJob(EVERYTHING)],
  ["as the first generation has it", shownV1(EVERYTHING, EVERYTHING.history)],
] as const)("a job shows no receipt, and nothing that its key is checked by: %s", ([, shown]) => {
  expect(JSON.stringify(shown)).not.toContain("secret");
});

test("all that is ours alone is left out, and the rest is shown", () => {
  const hidden = Object.keys(EVERYTHING).filter((name) => !(name in shownJob(EVERYTHING)));
  expect(hidden.sort()).toEqual(["by", "copies", "moved", "receipt", "rev"]);
});

test("of the key it is told until when it is good and for what, and that it was revoked", () => {
  const { key, deadline } = shownJob(EVERYTHING);
  expect({ key, deadline }).toEqual({
    key: { expires: "2026-01-01T00:00:00.000Z", scope: "life", revoked: true },
    deadline: "2026-01-01T01:00:00.000Z",
  });
});
