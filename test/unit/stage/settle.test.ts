import { expect, test } from "vitest";
import { followUp } from "../../../lib/stage/settle.ts";
import { callbacks } from "../api/around-callbacks.ts";

const NOTE = "millrace_lab_measure_note";
const KEEP = "millrace_lab_measure_keep";

const sentData = ({ sent }: ReturnType<typeof callbacks>) =>
  sent.map(({ queue, envelope }) => [
    queue,
    "data" in envelope.payload ? envelope.payload.data : undefined,
    envelope.resend,
  ]);

test("outputs that are named go to every edge, then the message ends", async () => {
  const around = callbacks();
  const { id, key } = await around.tokens();
  const { path } = around.row(id);
  around.bucket.set(`${path.slice(1)}/a.csv`, Buffer.from("a,b"));
  around.bucket.set(`${path.slice(1)}/b.csv`, Buffer.from("c"));
  const outputs = [{ data: { n: 1 }, objects: ["a.csv"] }, { data: { n: 2 } }];
  expect(await around.report(id, key, { event: "finish", data: { outputs } })).toMatchObject({ status: 200 });
  expect(sentData(around)).toEqual([
    [NOTE, { n: 1 }, undefined],
    [KEEP, { n: 1 }, undefined],
    [NOTE, { n: 2 }, undefined],
    [KEEP, { n: 2 }, undefined],
  ]);
  expect(around.sent[0]?.envelope.payload).toMatchObject({
    objects: [{ key: `${path.slice(1)}/a.csv`, size: 3 }],
  });
  expect(around.ended).toEqual(["handle-1"]);
  const row = around.row(id);
  expect(row).toMatchObject({ state: "FINISHED", settled: true, committed: { count: 2, tokens: 4 } });
  expect(row).not.toHaveProperty("receipt");
  expect(row).not.toHaveProperty("body");
});

test("who names no outputs passes on one: its data, with all that it has archived", async () => {
  const around = callbacks();
  const { id, key } = await around.tokens();
  const prefix = around.row(id).path.slice(1);
  for (const name of ["x/1.txt", "x/2.txt", "_ours"])
    around.bucket.set(`${prefix}/${name}`, Buffer.from("1"));
  around.bucket.set(`${prefix}0/others`, Buffer.from("1"));
  await around.report(id, key, { event: "finish", data: { mean: 4 } });
  expect(sentData(around)[0]).toEqual([NOTE, { mean: 4 }, undefined]);
  expect(around.sent[0]?.envelope.payload).toMatchObject({
    objects: [{ key: `${prefix}/x/1.txt` }, { key: `${prefix}/x/2.txt` }],
  });
});

test.for([
  ["object-missing", { outputs: [{ objects: ["../other/secret"] }] }],
  ["object-missing", { outputs: [{ objects: ["nothing"] }] }],
  ["output-invalid", { outputs: "all" }],
  ["output-invalid", { outputs: [{ object: "a" }] }],
  ["output-invalid", { outputs: [{ data: 1, to: "note" }] }],
] as const)(
  "outputs that cannot be passed on are refused as %s, and the job can still finish",
  async ([code, data]) => {
    const around = callbacks();
    const { id, key } = await around.tokens();
    around.bucket.set("out/lab/measure/other/secret", Buffer.from("1"));
    const before = JSON.stringify(around.row(id));
    expect(await around.report(id, key, { event: "finish", data })).toMatchObject({
      status: 422,
      body: { code },
    });
    expect(JSON.stringify(around.row(id))).toBe(before);
    expect(await around.report(id, key, { event: "finish" })).toMatchObject({ status: 200 });
  },
);

test("what was committed and not sent is sent by whoever comes next, the same", async () => {
  const around = callbacks();
  const { id, key } = await around.tokens();
  around.broken.add("send");
  const finish = { event: "finish", data: { mean: 4 } };
  expect(await around.report(id, key, finish)).toMatchObject({ status: 503 });
  const { committed } = around.row(id);
  expect(around.row(id)).toMatchObject({ state: "FINISHED", receipt: { handle: "handle-1" } });
  expect(around.ended).toEqual([]);
  around.broken.clear();
  expect(await around.report(id, key, finish)).toEqual({
    status: 200,
    body: { applied: false, reason: "duplicate", state: "FINISHED" },
  });
  expect(sentData(around)).toEqual([
    [NOTE, { mean: 4 }, true],
    [KEEP, { mean: 4 }, true],
  ]);
  expect(around.ended).toEqual(["handle-1"]);
  await around.report(id, key, { event: "finish", data: "another", eventId: "2" });
  expect(around.row(id).committed).toEqual(committed);
  expect(around.sent).toHaveLength(2);
});

test("another finish, with other outputs, changes nothing about what was passed on", async () => {
  const around = callbacks();
  const { id, key } = await around.tokens();
  await Promise.all(
    [1, 2, 3].map((n) => around.report(id, key, { event: "finish", data: { outputs: [{ data: n }] } })),
  );
  expect(around.row(id).committed).toMatchObject({ count: 1, tokens: 2 });
  expect(new Set(around.sent.map(({ envelope }) => envelope.id)).size).toBe(2);
  expect(new Set(sentData(around).map(([, data]) => data)).size).toBe(1);
});

test("a failed attempt calls for its message; the last one ends it, and the token is parked", async () => {
  const around = callbacks();
  const { id, key } = await around.tokens();
  expect(await around.report(id, key, { event: "fail", data: "clogged" })).toEqual({
    status: 200,
    body: { applied: true, state: "CREATED" },
  });
  expect(around.woken).toEqual([["handle-1", 1]]);
  expect(around.ended).toEqual([]);
  expect(await around.report(id, key, { event: "finish" })).toEqual({
    status: 200,
    body: { applied: false, reason: "stale-attempt", state: "CREATED" },
  });
  expect(around.sent).toEqual([]);
  expect(around.row(id)).toMatchObject({
    attempt: 1,
    begun: 2,
    error: { message: "clogged" },
    path: expect.stringMatching(/\/2$/),
  });
});

/** A job in the error bucket whose end nobody has noted yet. */
async function parked() {
  const around = callbacks();
  const { id, key } = await around.tokens();
  await around.report(id, key, { event: "fail", data: "clogged" });
  await around.jobs.write(around.row(id), {
    set: { state: "FAILED", reason: "reported", dead: "lab", deadAt: "_measure#1" },
    entries: [],
  });
  return { around, id };
}

test("a job in the error bucket is noted as over, and keeps its message there", async () => {
  const { around, id } = await parked();
  await followUp(around.row(id), around.dependencies);
  expect(around.row(id)).toMatchObject({ settled: true, dead: "lab", body: expect.any(String) });
  expect(around.ended).toEqual(["handle-1"]);
});

test("a job that was taken out of the error bucket meanwhile is not noted as over by one who is late", async () => {
  const { around, id } = await parked();
  const stale = around.row(id);
  await around.jobs.write(stale, { set: { state: "CREATED", begun: 3 }, remove: ["reason"], entries: [] });
  await followUp(stale, around.dependencies);
  expect(around.row(id)).toMatchObject({ state: "CREATED", begun: 3 });
  expect(around.row(id)).not.toHaveProperty("settled");
  expect(around.ended).toEqual([]);
});

test("a finished job leaves the error bucket, where a retry that died has left it", async () => {
  const around = callbacks();
  const { id, key } = await around.tokens();
  await around.jobs.write(around.row(id), { set: { dead: "lab", deadAt: "_measure#1" }, entries: [] });
  await around.report(id, key, { event: "finish", data: { mean: 4 } });
  expect(around.row(id)).toMatchObject({ state: "FINISHED", settled: true });
  expect(around.row(id)).not.toHaveProperty("dead");
  expect(around.row(id)).not.toHaveProperty("deadAt");
});

test("changes of state are announced, each once", async () => {
  const around = callbacks();
  const { id, key } = await around.tokens();
  for (const event of ["run", "update", "finish", "finish"]) await around.report(id, key, { event });
  expect(around.announced).toEqual([
    {
      v: 1,
      pipeline: "lab",
      job: id,
      stage: "measure",
      attempt: 1,
      from: "CREATED",
      to: "RUNNING",
      event: "run",
      at: "2026-01-01T00:00:00.000Z",
    },
    {
      v: 1,
      pipeline: "lab",
      job: id,
      stage: "measure",
      attempt: 1,
      from: "RUNNING",
      to: "FINISHED",
      event: "finish",
      at: "2026-01-01T00:00:00.000Z",
    },
  ]);
});
