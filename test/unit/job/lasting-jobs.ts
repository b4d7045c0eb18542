import { type AttemptRules, decide, type JobCall } from "../../../lib/job/decide.ts";
import { changed, type LastingJob } from "../../../lib/job/lasting.ts";
import { NEW_YEAR } from "../../virtual-clock.ts";

/** Lasting jobs for tests: one that an outsider made, and one that a token waits for. */

export const JOB = "b366ef81-43db-51dc-b35d-70e5629bea9a";
const TOKEN = "3ca20f7b-9b2d-5f6c-ba76-6c2c6eb1565c";

const NEW: Omit<LastingJob, "stage" | "edge" | "token" | "run"> = {
  v: 1,
  id: JOB,
  pipeline: "scans",
  state: "CREATED",
  attempt: 0,
  begun: 1,
  rev: 1,
  by: "maker",
  moved: 0,
  path: "/products/v2/0011/2233",
  history: [{ event: "create", at: "2026-01-01T00:00:00.000Z" }],
};

export const OUTSIDERS: LastingJob = { ...NEW, stage: "", edge: "", token: JOB, run: JOB };
export const TOKENS: LastingJob = {
  ...NEW,
  stage: "ocr",
  edge: "split_ocr",
  token: TOKEN,
  run: TOKEN,
  path: "/out/scans/ocr/3ca20f7b/1",
  receipt: { queue: "millrace_scans_split_ocr", handle: "handle-1" },
};

export const RULES: AttemptRules = {
  maxAttempts: 3,
  timeoutSeconds: 3600,
  pathOf: (attempt) => `/out/scans/ocr/3ca20f7b/${attempt}`,
};

export const call = (event: JobCall["event"], more: Partial<JobCall> = {}): JobCall => ({
  event,
  eventId: `${event}-1`,
  ...more,
});

/** The row after some calls, each of which must apply. */
export function after(row: LastingJob, ...calls: JobCall[]): LastingJob {
  return calls.reduce((before, each) => {
    const decision = decide(before, each, RULES, NEW_YEAR);
    if (decision.verdict !== "apply") throw new Error(`${each.event} was ${JSON.stringify(decision)}`);
    return changed(before, decision.change, "test");
  }, row);
}

export const COMMIT = {
  attempt: "1",
  count: 1,
  tokens: 2,
  to: ["ocr_publish", "ocr_index"],
  outputs: [],
} as const;
