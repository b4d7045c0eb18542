import { expect, test } from "vitest";
import { begin, decide } from "../../../lib/job/decide.ts";
import { NEW_YEAR } from "../../virtual-clock.ts";
import { after, COMMIT, call, OUTSIDERS, RULES, TOKENS } from "./lasting-jobs.ts";

const HOUR = 3_600_000;
const decided = (...[row, event]: [Parameters<typeof decide>[0], Parameters<typeof decide>[1]]) =>
  decide(row, event, RULES, NEW_YEAR + HOUR);

test("an event is noted with its time, its data and its id, and moves the state", () => {
  const decision = decided(OUTSIDERS, call("run", { data: { node: "c4" }, attempt: 1 }));
  expect(decision).toEqual({
    verdict: "apply",
    change: {
      set: { state: "RUNNING", begunAt: "2026-01-01T01:00:00.000Z" },
      remove: [],
      entries: [
        { event: "run", at: "2026-01-01T01:00:00.000Z", attempt: 1, eventId: "run-1", data: { node: "c4" } },
      ],
    },
  });
});

test("who finishes without having begun has begun", () => {
  const row = after(OUTSIDERS, call("finish"));
  expect(row.state).toBe("FINISHED");
  expect(row.history.map(({ event }) => event)).toEqual(["create", "run", "finish"]);
});

test.for(["run", "update", "finish", "fail"] as const)("a late %s is late", (event) => {
  const row = after(OUTSIDERS, call("run"), call("finish"), call("retire"));
  expect(decided(row, call(event))).toEqual({ verdict: "late", reason: "retired" });
});

test("what has not come yet is refused, and told what may come", () => {
  expect(decided(OUTSIDERS, call("finalize"))).toEqual({
    verdict: "refused",
    message: '"finalize" is not for a job that is CREATED; it may create, run, update, resource, fail, reset',
  });
});

test("another attempt's events change nothing", () => {
  const second = after(TOKENS, call("run"), call("fail"));
  expect(decided(second, call("finish", { attempt: 1, commit: COMMIT }))).toEqual({
    verdict: "late",
    reason: "stale-attempt",
  });
  expect(decided(second, call("run", { attempt: 3 })).verdict).toBe("refused");
  expect(decided(second, call("run", { attempt: 2 })).verdict).toBe("apply");
});

test("a failed attempt is followed by another, on a path of its own", () => {
  const row = after(
    TOKENS,
    call("run"),
    call("fail", { failure: { reason: "timeout", message: "too long" } }),
  );
  expect(row).toMatchObject({
    state: "CREATED",
    attempt: 1,
    begun: 2,
    path: "/out/scans/ocr/3ca20f7b/2",
    deadline: NEW_YEAR + HOUR,
    error: { message: "too long" },
  });
  expect(row.history.map(({ event, attempt }) => [event, attempt])).toEqual([
    ["create", undefined],
    ["run", 1],
    ["retry", 1],
  ]);
  expect(row.reason).toBeUndefined();
});

test("after the last attempt the token lies in the error bucket", () => {
  const row = after(TOKENS, call("fail"), call("fail"), call("fail"));
  expect(row).toMatchObject({
    state: "FAILED",
    attempt: 3,
    begun: 3,
    reason: "reported",
    dead: "scans",
    deadAt: `split_ocr#2026-01-01T00:00:00.000Z#${TOKENS.id}`,
  });
  expect(row.deadline).toBeUndefined();
});

test("what no further attempt can mend is parked at once; attempts before a retry by hand do not count", () => {
  const refused = call("fail", { failure: { reason: "rejected", message: "no" } });
  expect(after(TOKENS, refused)).toMatchObject({ state: "FAILED", attempt: 1, reason: "rejected" });
  const forgiven = { ...TOKENS, attempt: 3, begun: 4, attemptsForgiven: 3 };
  expect(after(forgiven, call("fail"))).toMatchObject({ state: "CREATED", attempt: 4, begun: 5 });
});

test("an outsider's job has no second attempt", () => {
  const row = after(OUTSIDERS, call("run"), call("fail"));
  expect(row).toMatchObject({ state: "FAILED", attempt: 1 });
  expect(row.dead).toBeUndefined();
  expect(row.reason).toBeUndefined();
});

test("the outputs of a job with a token are committed with its end, once", () => {
  expect(decided(after(TOKENS, call("run")), call("finish")).verdict).toBe("refused");
  const row = after(TOKENS, call("run"), call("finish", { commit: COMMIT }));
  expect(row).toMatchObject({ state: "FINISHED", attempt: 1, committed: COMMIT });
  const again = after(row, call("finish", { commit: { ...COMMIT, count: 7 } }));
  expect(again.committed).toEqual(COMMIT);
  expect(after(again, call("index"), call("fail"))).toMatchObject({ state: "FAILED", committed: COMMIT });
});

test("only an untouched job is cancelled", () => {
  expect(after(OUTSIDERS, call("cancel"))).toMatchObject({ state: "CANCELLED" });
  expect(decided(after(OUTSIDERS, call("cancel")), call("cancel"))).toEqual({
    verdict: "late",
    reason: "cancelled",
  });
  for (const row of [after(OUTSIDERS, call("update")), after(OUTSIDERS, call("run"))])
    expect(decided(row, call("cancel"))).toMatchObject({ verdict: "refused" });
});

test("a reset ends the attempt, and ready begins the next", () => {
  const row = after(OUTSIDERS, call("run"), call("finish"), call("reset"));
  expect(row).toMatchObject({ state: "RESET", attempt: 1, begun: 1 });
  expect(decided(row, call("update", { attempt: 1 }))).toEqual({ verdict: "late", reason: "reset" });
  const ready = after(row, call("ready"));
  expect(ready).toMatchObject({ state: "CREATED", attempt: 1, begun: 2 });
  expect(decided(ready, call("run", { attempt: 1 }))).toEqual({ verdict: "late", reason: "stale-attempt" });
});

test("what was passed on, or lies in the error bucket, is not reset", () => {
  const finished = after(TOKENS, call("finish", { commit: COMMIT }));
  const parked = after(TOKENS, call("fail", { failure: { reason: "rejected", message: "no" } }));
  expect(decided(finished, call("reset"))).toEqual({
    verdict: "refused",
    message: "its outputs were passed on",
  });
  expect(decided(parked, call("reset")).verdict).toBe("refused");
  expect(decided(after(TOKENS, call("run")), call("reset")).verdict).toBe("apply");
});

test("a job that is given up leaves the error bucket", () => {
  const parked = after(TOKENS, call("fail", { failure: { reason: "rejected", message: "no" } }));
  const retired = after(parked, call("retire"));
  expect(retired).toMatchObject({ state: "RETIRED", reason: "rejected" });
  expect(retired.dead).toBeUndefined();
});

test("a history ends somewhere, and a job can end all the same", () => {
  const row = { ...after(OUTSIDERS, call("run")), moved: 9_998 };
  expect(decided(row, call("update"))).toEqual({
    verdict: "refused",
    message: "its history has 10000 entries",
  });
  expect(decided(row, call("finish")).verdict).toBe("apply");
  expect(decided({ ...row, moved: 9_997 }, call("update")).verdict).toBe("apply");
});

test("a derived key ends after 72 hours, but not before its attempt; a random one when it said that it would", () => {
  const key = { kid: "k1", exp: 1, nonce: "00", scope: "work" } as const;
  const HOUR = 3600;
  const expiries = [1, 72, 100].map((hours) => {
    const { key: begun } = begin({ key }, 2, { ...RULES, timeoutSeconds: hours * HOUR }, NEW_YEAR);
    return (begun?.exp ?? 0) - NEW_YEAR / 1000;
  });
  expect(expiries).toEqual([72 * HOUR, 72 * HOUR + 600, 100 * HOUR + 600]);
  expect(begin({ key: { ...key, kid: "0" } }, 2, RULES, NEW_YEAR)).not.toHaveProperty("key");
});
