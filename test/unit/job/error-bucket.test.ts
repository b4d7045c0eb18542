import { expect, test } from "vitest";
import {
  type DeadFilter,
  type ErrorBucketStore,
  matches,
  retryDead,
  skipDead,
} from "../../../lib/job/error-bucket.ts";
import type { JobRecord } from "../../../lib/job/record.ts";
import { decodeEnvelope, encodeEnvelope } from "../../../lib/token/envelope.ts";
import { NEW_YEAR, VirtualClock } from "../../virtual-clock.ts";
import { scans } from "../scans.ts";

const TOKEN = "3ca20f7b-9b2d-5f6c-ba76-6c2c6eb1565c";
const BODY = encodeEnvelope({
  v: 1,
  id: TOKEN,
  pipeline: "scans",
  flowVersion: "6b5f51e50a69",
  edge: "split_ocr",
  run: TOKEN,
  hops: 1,
  payload: { data: { page: 1 }, objects: [] },
  traceparent: "00-3ca20f7b9b2d5f6cba766c2c6eb1565c-19af712a68692da8-01",
  enqueuedAt: NEW_YEAR - 1000,
});

const DEAD: JobRecord = {
  v: 1,
  id: "b366ef81-43db-51dc-b35d-70e5629bea9a",
  pipeline: "scans",
  stage: "ocr",
  edge: "split_ocr",
  token: TOKEN,
  run: TOKEN,
  state: "FAILED",
  attempt: 5,
  history: [],
  reason: "timeout",
  error: { message: "the stage took longer than 30 s", stack: "" },
  body: BODY,
};

test.for([
  [{}, true],
  [{ stage: "ocr" }, true],
  [{ stage: "split" }, false],
  [{ reason: "timeout" }, true],
  [{ reason: "error" }, false],
  [{ message: "longer than" }, true],
  [{ message: "shorter than" }, false],
  [{ ids: [DEAD.id] }, true],
  [{ ids: ["another", TOKEN] }, true],
  [{ ids: ["another"] }, false],
  [{ ids: [] }, false],
  [{ stage: "ocr", reason: "timeout", message: "30 s", ids: [TOKEN] }, true],
  [{ stage: "ocr", reason: "timeout", message: "30 s", ids: ["another"] }, false],
] as [DeadFilter, boolean][])("%j picks it: %s", ([filter, expected]) => {
  expect(matches(DEAD, filter)).toBe(expected);
});

test("a row without an error's message is picked by no message", () => {
  const { error: _, ...row } = DEAD;
  expect([matches(row, { message: "" }), matches(row, {})]).toEqual([false, true]);
});

/** What is done to the bucket and the queue, in order. */
function bucket(answers: { reopen?: boolean; retire?: boolean; send?: Error } = {}) {
  const steps: string[] = [];
  const bodies: string[] = [];
  const step = async (name: string, answer = true): Promise<boolean> => {
    steps.push(name);
    return answer;
  };
  const store: ErrorBucketStore = {
    reopen: (_, at) => step(`reopen ${at}`, answers.reopen),
    retire: (_, at) => step(`retire ${at}`, answers.retire),
    leaveBucket: async (_, retries) => void (await step(`leave after retry ${retries}`)),
  };
  const sender = {
    send: async (queue: string, body: string): Promise<void> => {
      await step(`send ${queue}`);
      if (answers.send) throw answers.send;
      bodies.push(body);
    },
  };
  return { steps, bodies, dependencies: { store, sender, clock: new VirtualClock() } };
}

const OPENED = "reopen 2026-01-01T00:00:00.000Z";
const SENT = "send millrace_scans_split_ocr";

test("a retry opens the row, sends the message, and only then takes the row out of the bucket", async () => {
  const { steps, bodies, dependencies } = bucket();
  expect(await retryDead(DEAD, scans, dependencies)).toBe("retried");
  expect(steps).toEqual([OPENED, SENT, "leave after retry 1"]);
  expect(bodies.map(decodeEnvelope)).toEqual([
    { ...decodeEnvelope(BODY), resend: true, enqueuedAt: 1_767_225_600_000 },
  ]);
});

test("a retry that died after the first step is finished by the next", async () => {
  const { reason: _, ...opened } = DEAD;
  const { steps, dependencies } = bucket();
  expect(await retryDead({ ...opened, state: "CREATED", retries: 3 }, scans, dependencies)).toBe("retried");
  expect(steps).toEqual([SENT, "leave after retry 3"]);
});

test("whoever comes second changes nothing", async () => {
  const { steps, dependencies } = bucket({ reopen: false });
  expect(await retryDead(DEAD, scans, dependencies)).toBe("changed");
  expect(steps).toEqual([OPENED]);
});

test("a row stays in the bucket when its message was not sent", async () => {
  const { steps, dependencies } = bucket({ send: new Error("connection reset") });
  await expect(retryDead(DEAD, scans, dependencies)).rejects.toThrow("connection reset");
  expect(steps).toEqual([OPENED, SENT]);
});

test("what was no token, or is no longer there, cannot be retried", async () => {
  const { body: _, ...bodiless } = DEAD;
  for (const row of [{ ...DEAD, reason: "malformed" } as const, bodiless]) {
    const { steps, dependencies } = bucket();
    expect(await retryDead(row, scans, dependencies)).toBe("not-retryable");
    expect(steps).toEqual([]);
  }
});

test("a job of an edge that the definition no longer has is left as it is, to be skipped", async () => {
  const { steps, dependencies } = bucket();
  await expect(retryDead({ ...DEAD, edge: "split_gone" }, scans, dependencies)).rejects.toThrow(
    'there is no edge "split_gone"',
  );
  await expect(retryDead({ ...DEAD, body: "half a mess" }, scans, dependencies)).rejects.toThrow(
    "is not JSON",
  );
  expect(steps).toEqual([]);
});

test("a skip retires the row, unless somebody else was first", async () => {
  const { steps, dependencies } = bucket();
  expect(await skipDead(DEAD, dependencies)).toBe("skipped");
  expect(steps).toEqual(["retire 2026-01-01T00:00:00.000Z"]);
  expect(await skipDead(DEAD, bucket({ retire: false }).dependencies)).toBe("changed");
});
