import { expect, test } from "vitest";
import { issueKey } from "../../../lib/api/job-keys.ts";
import type { JobStore } from "../../../lib/job/record.ts";
import type { Delivery } from "../../../lib/queue/delivery.ts";
import { dispatchBatch } from "../../../lib/stage/dispatch.ts";
import { type Envelope, encodeEnvelope } from "../../../lib/token/envelope.ts";
import { jobId } from "../../../lib/token/ids.ts";
import { NEW_YEAR } from "../../virtual-clock.ts";
import { callbacks, PLAN, RING } from "../api/around-callbacks.ts";

const QUEUE = "millrace_lab__measure";
const TOKEN = "3ca20f7b-9b2d-5f6c-ba76-6c2c6eb1565c";
const JOB = jobId("lab", "measure", TOKEN);
const HOUR = 3_600_000;

const ENVELOPE: Envelope = {
  v: 1,
  id: TOKEN,
  pipeline: "lab",
  flowVersion: "6b5f51e50a69",
  edge: "_measure",
  run: TOKEN,
  hops: 0,
  payload: { data: { sample: 7 }, objects: [] },
  traceparent: "00-3ca20f7b9b2d5f6cba766c2c6eb1565c-19af712a68692da8-01",
  enqueuedAt: NEW_YEAR,
};

/** The dispatcher of an external stage. Each receive has another handle. */
function dispatcher() {
  const around = callbacks();
  const strays: { id: string; reason: string }[] = [];
  const park: JobStore["park"] = async ({ id }, { reason }) => {
    strays.push({ id, reason });
    return undefined;
  };
  const dependencies = {
    ...around.dependencies,
    strays: { park } as JobStore,
    dispatchings: {},
    kid: "k2",
    newNonce: () => "0123456789abcdef0123456789abcdef",
  };
  const [pipeline] = PLAN.pipelines;
  const stage = pipeline!.stages.find(({ name }) => name === "measure")!;
  let receives = 0;
  const receive = async (
    body: string = encodeEnvelope(ENVELOPE),
    receiveCount?: number,
  ): Promise<"stays" | "goes"> => {
    receives = receiveCount ?? receives + 1;
    const delivery: Delivery = {
      messageId: "m-1",
      receiptHandle: `receive-${receives}`,
      body,
      receiveCount: receives,
      queue: QUEUE,
      fromDead: false,
    };
    const unsettled = await dispatchBatch([delivery], { pipeline: pipeline!, stage }, dependencies);
    return unsettled.length > 0 ? "stays" : "goes";
  };
  const reporting = (event: string, more: object = {}) => {
    const row = around.row(JOB);
    const { key, record } = issueKey(row, { ring: RING, randomBytes: Buffer.alloc, now: around.clock.now() });
    around.jobs.rows.set(JOB, { ...row, key: record });
    return around.report(JOB, key, { event, ...more });
  };
  return { ...around, strays, receive, reporting };
}

test("a token becomes a job that waits, and its message is parked until the attempt must have ended", async () => {
  const lab = dispatcher();
  expect(await lab.receive()).toBe("stays");
  expect(lab.row(JOB)).toMatchObject({
    state: "CREATED",
    stage: "measure",
    edge: "_measure",
    token: TOKEN,
    attempt: 0,
    begun: 1,
    path: `/out/lab/measure/${TOKEN}/1`,
    deadline: NEW_YEAR + 10 * HOUR,
    receipt: { queue: QUEUE, handle: "receive-1" },
    key: { kid: "k2", exp: NEW_YEAR / 1000 + 72 * 3600, scope: "work" },
    history: [{ event: "create", at: "2026-01-01T00:00:00.000Z" }],
  });
  expect(lab.woken).toEqual([["receive-1", 10 * 3600 + 5]]);
  expect(lab.announced).toMatchObject([{ job: JOB, to: "CREATED", event: "create" }]);
});

test("a message that comes back early is parked for what is left, and the row knows its newest receipt", async () => {
  const lab = dispatcher();
  await lab.receive();
  await lab.reporting("run");
  lab.clock.advance(4 * HOUR);
  expect(await lab.receive()).toBe("stays");
  expect(lab.woken.at(-1)).toEqual(["receive-2", 6 * 3600 + 5]);
  expect(lab.row(JOB)).toMatchObject({ state: "RUNNING", begun: 1, receipt: { handle: "receive-2" } });
  expect(lab.announced).toHaveLength(2);
  await lab.reporting("finish");
  expect(lab.ended).toEqual(["receive-2"]);
  expect(await lab.receive()).toBe("goes");
});

test("an attempt whose time is over has failed; the next begins, and the last one parks the token", async () => {
  const lab = dispatcher();
  await lab.receive();
  lab.clock.advance(10 * HOUR);
  expect(await lab.receive()).toBe("stays");
  expect(lab.row(JOB)).toMatchObject({
    state: "CREATED",
    attempt: 1,
    begun: 2,
    deadline: NEW_YEAR + 20 * HOUR,
    error: { message: "the work took longer than 36000 s" },
  });
  expect(lab.woken.at(-1)).toEqual(["receive-2", 10 * 3600 + 5]);
  lab.clock.advance(10 * HOUR);
  expect(await lab.receive()).toBe("goes");
  expect(lab.row(JOB)).toMatchObject({ state: "FAILED", reason: "timeout", dead: "lab", settled: true });
  expect(lab.row(JOB).body).toBe(encodeEnvelope(ENVELOPE));
  expect(lab.row(JOB).history.map(({ event, attempt }) => [event, attempt])).toEqual([
    ["create", undefined],
    ["retry", 1],
    ["fail", 2],
  ]);
  expect(await lab.receive()).toBe("goes");
});

test("what was committed by somebody who died is sent on when the message comes back", async () => {
  const lab = dispatcher();
  await lab.receive();
  lab.broken.add("send");
  expect(await lab.reporting("finish", { data: 4 })).toMatchObject({ status: 503 });
  lab.broken.clear();
  expect(await lab.receive()).toBe("goes");
  expect(lab.sent.map(({ envelope }) => envelope.edge)).toEqual(["measure_note", "measure_keep"]);
  expect(lab.row(JOB).settled).toBe(true);
});

test("as long as what was committed cannot be sent, the message stays", async () => {
  const lab = dispatcher();
  await lab.receive();
  lab.broken.add("send");
  await lab.reporting("finish");
  expect(await lab.receive()).toBe("stays");
  expect(lab.row(JOB).settled).toBeUndefined();
  expect(lab.ended).toEqual([]);
});

test("a copy of the message makes no second job", async () => {
  const lab = dispatcher();
  await Promise.all([lab.receive(), lab.receive(), lab.receive()]);
  expect(lab.row(JOB).history).toHaveLength(1);
  expect(lab.announced).toHaveLength(1);
  expect(lab.jobs.rows.size).toBe(1);
});

test("the message of a job that was called off goes", async () => {
  const lab = dispatcher();
  await lab.receive();
  lab.jobs.rows.set(JOB, { ...lab.row(JOB), state: "CANCELLED" });
  expect(await lab.receive()).toBe("goes");
  expect(lab.sent).toEqual([]);
});

test("a message that is getting old is replaced by a younger copy", async () => {
  const lab = dispatcher();
  expect(await lab.receive()).toBe("stays");
  lab.jobs.rows.set(JOB, { ...lab.row(JOB), deadline: NEW_YEAR + 1000 * HOUR });
  lab.clock.advance(8 * 24 * HOUR);
  expect(await lab.receive()).toBe("goes");
  expect(lab.sent).toMatchObject([
    { queue: QUEUE, envelope: { id: TOKEN, resend: true, enqueuedAt: NEW_YEAR + 8 * 24 * HOUR } },
  ]);
  expect(lab.row(JOB).state).toBe("CREATED");
});

test("a message that was received almost as often as a queue allows is replaced by a new one", async () => {
  const lab = dispatcher();
  expect(await lab.receive(undefined, 899)).toBe("stays");
  expect(lab.sent).toHaveLength(0);
  expect(await lab.receive(undefined, 900)).toBe("goes");
  expect(lab.sent).toMatchObject([{ queue: QUEUE, envelope: { id: TOKEN, resend: true } }]);
});

test("what is no token lies in the error bucket", async () => {
  const lab = dispatcher();
  expect(await lab.receive("no token")).toBe("goes");
  expect(lab.strays).toMatchObject([{ reason: "malformed" }]);
  expect(lab.jobs.rows.size).toBe(0);
});
