import { expect, test } from "vitest";
import { judge } from "../../../lib/cluster/judgement.ts";
import { happen } from "../../../lib/stage/lasting.ts";
import { callbacks } from "./around-callbacks.ts";

const applied = (state: string) => ({ status: 200, body: { applied: true, state } });
const ignored = (reason: string, state: string) => ({ status: 200, body: { applied: false, reason, state } });

test.for([
  [413, "too-large", JSON.stringify({ event: "update", data: "x".repeat(65_536) })],
  [400, "malformed-json", '{"event":'],
  [400, "malformed-json", "event=run"],
  [400, "malformed-json", `{"event":"update","data":${"[".repeat(200)}${"]".repeat(200)}}`],
  [400, "malformed-json", '{"event":"update","data":"\\ud800"}'],
  [400, "reserved-key", '{"event":"update","data":{"a":[{"__proto__":{"x":1}}]}}'],
  [400, "reserved-key", '{"event":"update","constructor":{}}'],
  [422, "unknown-event", '{"event":"explode"}'],
  [422, "unknown-event", '{"event":"toString"}'],
  [422, "no-event", ""],
  [422, "invalid-request", '{"event":"run","when":"now"}'],
  [422, "invalid-request", '{"event":7}'],
  [422, "invalid-request", '{"event":"run","eventId":"two words"}'],
  [422, "invalid-request", "[1,2]"],
] as const)("%i %s: %s", async ([status, code, body]) => {
  const around = callbacks();
  const { id, key } = await around.outsiders();
  const before = JSON.stringify(around.row(id));
  const headers = { authorization: `Bearer ${key}` };
  const answer = await around.send({ path: `/v1/jobs/${id}/events`, headers, body });
  expect({ status: answer.statusCode, ...JSON.parse(answer.body) }).toMatchObject({ status, code });
  expect(JSON.stringify(around.row(id))).toBe(before);
  expect(({} as { x?: number }).x).toBeUndefined();
});

test("what the body says goes before what the URL says", async () => {
  const around = callbacks();
  const { id, key } = await around.outsiders();
  const query = { token: key, uuid: id, status: "FAILED", event: "fail" };
  const { body } = await around.send({ query, body: '{"event":"run","data":[1]}' });
  expect(JSON.parse(body)).toEqual({ applied: true, state: "RUNNING" });
  await around.send({
    query: { token: key, status: "KILLED", state: "RUNNING" },
    body: '{"data":{"why":"no space"}}',
  });
  expect(around.row(id).history.map(({ event, data }) => [event, data])).toEqual([
    ["create", undefined],
    ["run", [1]],
    ["fail", { why: "no space" }],
  ]);
});

test("statuses of other systems, and words of the definition's own", async () => {
  const around = callbacks();
  const { id, key } = await around.outsiders();
  for (const status of ["RUNNABLE", "Running", "ARCHIVING", "SomethingNew"])
    expect(await around.report(id, key, { status })).toMatchObject({ status: 200 });
  expect(
    around
      .row(id)
      .history.slice(1)
      .map(({ event, data }) => [event, data]),
  ).toEqual([
    ["resource", { status: "RUNNABLE" }],
    ["run", { status: "Running" }],
    ["resource", { status: "ARCHIVING" }],
    ["update", { status: "SomethingNew" }],
  ]);
  expect(await around.report(id, key, { state: "killed" })).toEqual(applied("FAILED"));
  for (const own of [await around.tokens(), await around.outsiders(false, "measure")])
    expect(await around.report(own.id, own.key, { status: "handed-in" })).toEqual(applied("FINISHED"));
});

test("a duplicate is told so, by its id or by being the same; two equal updates need two ids", async () => {
  const around = callbacks();
  const { id, key } = await around.outsiders();
  await around.report(id, key, { event: "run" });
  expect(await around.report(id, key, { event: "run" })).toEqual(ignored("duplicate", "RUNNING"));
  expect(await around.report(id, key, { event: "run", eventId: "again" })).toEqual(applied("RUNNING"));
  expect(await around.report(id, key, { event: "update", data: { b: 1, a: 2 } })).toEqual(applied("RUNNING"));
  expect(await around.report(id, key, { event: "update", data: { a: 2, b: 1 } })).toEqual(
    ignored("duplicate", "RUNNING"),
  );
  expect(await around.report(id, key, { event: "update", data: "other", eventId: "again" })).toEqual(
    ignored("duplicate", "RUNNING"),
  );
  expect(around.row(id).history).toHaveLength(4);
});

test("an event that comes too late is kept apart, and its sender may stop", async () => {
  const around = callbacks();
  const { id, key } = await around.outsiders();
  await around.report(id, key, { event: "finish" });
  const before = JSON.stringify(around.row(id));
  expect(await around.report(id, key, { event: "run" })).toEqual(ignored("finished", "FINISHED"));
  expect(await around.report(id, key, { event: "fail", data: "late" })).toEqual(
    ignored("finished", "FINISHED"),
  );
  expect(JSON.stringify(around.row(id))).toBe(before);
  expect((await around.jobs.late(around.row(id))).map(({ event, data }) => [event, data])).toEqual([
    ["run", undefined],
    ["fail", "late"],
  ]);
});

test("what may not happen yet is refused, with what may", async () => {
  const around = callbacks();
  const { id, key } = await around.outsiders();
  expect(await around.report(id, key, { event: "finalize" })).toMatchObject({
    status: 409,
    body: {
      code: "not-now",
      detail: expect.stringContaining("CREATED"),
      hint: "with this key: run, update, resource, fail",
    },
  });
  expect(around.row(id).history).toHaveLength(1);
});

test("data beyond 4 KB lie in the bucket, and the row stays small", async () => {
  const around = callbacks();
  const { id, key } = await around.outsiders();
  await around.report(id, key, { event: "run", data: "x".repeat(5000) });
  const entry = around.row(id).history.at(-1);
  expect(entry?.data).toBeUndefined();
  expect(JSON.parse(around.bucket.get(entry?.ref?.key ?? "")?.toString() ?? "")).toEqual({
    data: "x".repeat(5000),
    objects: [],
  });
  for (let number = 0; number < 200; number += 1)
    await around.report(id, key, { event: "update", data: `${number}`.padEnd(3000, "x") });
  expect(JSON.stringify(around.row(id)).length).toBeLessThan(60_000);
  expect(await around.jobs.history(around.row(id), 0, 1000)).toHaveLength(202);
});

test("fifty at once: all are in, each once, in order", async () => {
  const around = callbacks();
  const { id, key } = await around.outsiders();
  await around.report(id, key, { event: "run" });
  const bodies = Array.from({ length: 50 }, (_, number) => ({ event: "update", data: { number } }));
  const answers = await Promise.all([...bodies, ...bodies].map((body) => around.report(id, key, body)));
  expect(answers.filter(({ body }) => (body as { applied: boolean }).applied)).toHaveLength(50);
  const history = await around.jobs.history(around.row(id), 2, 1000);
  expect(new Set(history.map(({ data }) => JSON.stringify(data))).size).toBe(50);
  expect(history).toHaveLength(50);
});

test.for([
  ["event", "x".repeat(129)],
  ["status", "x".repeat(129)],
  ["eventId", "x".repeat(129)],
  ["eventId", "two words"],
  ["eventId", ""],
] as const)("%s of %j in the URL is refused as it is in a body", async ([name, value]) => {
  const around = callbacks();
  const { id, key } = await around.outsiders();
  const before = JSON.stringify(around.row(id));
  const answer = await around.send({ query: { token: key, uuid: id, event: "run", [name]: value } });
  expect({ status: answer.statusCode, ...JSON.parse(answer.body) }).toMatchObject({
    status: 422,
    code: "invalid-request",
    detail: expect.stringContaining(name),
  });
  expect(JSON.stringify(around.row(id))).toBe(before);
});

test("an event's id may stand in the URL of any form", async () => {
  const around = callbacks();
  const { id, key } = await around.outsiders();
  const query = { token: key, uuid: id, eventId: "once" };
  expect(await around.send({ query, body: '{"event":"run"}' })).toMatchObject({ statusCode: 200 });
  const { body } = await around.send({ query: { ...query, status: "HEARTBEAT" } });
  expect(JSON.parse(body)).toEqual({ applied: false, reason: "duplicate", state: "RUNNING" });
});

test("an id that was used in one attempt is free in the next", async () => {
  const around = callbacks();
  const { id, key } = await around.tokens();
  expect(await around.report(id, key, { event: "fail", eventId: "end" })).toEqual(applied("CREATED"));
  const next = await around.renewed(id);
  expect(await around.report(id, next, { event: "finish", eventId: "end" })).toEqual(applied("FINISHED"));
});

test("no id that a caller can give is one of ours: an attempt's time ends whatever was reported", async () => {
  const around = callbacks();
  const { id, key } = await around.tokens();
  await around.report(id, key, { event: "update", eventId: "timeout-1" });
  const timeout = { event: "fail", attempt: 1, eventId: "timeout-1" } as const;
  expect(await happen(around.row(id), timeout, around.dependencies)).toMatchObject({
    kind: "applied",
    row: { attempt: 1, begun: 2 },
  });
});

test("a system that quotes the URL it was given does not have its key kept", async () => {
  const around = callbacks();
  const { id, key, nonce } = await around.outsiders(true);
  const query = { token: key, "x-nonce": nonce, uuid: id, status: "FAILED" };
  const notification = {
    url: `http://127.0.0.1/v1/callbacks?x-nonce=${nonce}&token=${key}`,
    [key]: [key],
    n: 1,
  };
  expect(await around.send({ query, body: JSON.stringify(notification) })).toMatchObject({ statusCode: 200 });
  expect(around.row(id).history.at(-1)?.data).toEqual({
    url: "http://127.0.0.1/v1/callbacks?x-nonce=[secret]&token=[secret]",
    "[secret]": ["[secret]"],
    n: 1,
  });
  const token = await around.tokens();
  await around.report(token.id, token.key, {
    event: "fail",
    data: `curl -H 'authorization: Bearer ${token.key}'`,
  });
  expect(JSON.stringify(around.row(token.id))).not.toContain(token.key);
});

test.for(["events", "uploads"])("%s: a body beyond 64 KB is not even looked into", async (last) => {
  const around = callbacks();
  const { id } = await around.outsiders();
  const answer = await around.send({
    path: `/v1/jobs/${id}/${last}`,
    body: `{"token":"${"x".repeat(65_536)}"}`,
  });
  expect(answer.statusCode).toBe(413);
});

test("that a pod has finished is one event, whether its agent says it or the cluster shows it", async () => {
  const around = callbacks();
  const { id, key } = await around.tokens();
  await around.report(id, key, { event: "finish", eventId: "finish-1" });
  const row = { ...around.row(id), state: "RUNNING" } as const;
  const judgement = judge(
    row,
    { kind: "succeeded", evidence: {} },
    { hasManifest: true, isShared: false },
    around.clock.now(),
  );
  if (judgement.kind !== "call") throw new Error(judgement.kind);
  expect(await happen(around.row(id), judgement.call, around.dependencies)).toMatchObject({
    kind: "ignored",
    reason: "duplicate",
  });
});
