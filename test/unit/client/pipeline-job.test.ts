import { inspect } from "node:util";
import { expect, test } from "vitest";
import { ApiError } from "../../../lib/client/api-client.ts";
import { PipelineJob } from "../../../lib/client/pipeline-job.ts";
import { answering, settled } from "./answers.ts";

const URL = "http://127.0.0.1:7420";
const SET_UP = {
  body: {
    id: "job-1",
    key: "mk1.secret",
    callback: `${URL}/v1/callbacks?x`,
    path: "/products/v2/a/b",
    state: "CREATED",
  },
};
const applied = (state: string) => ({ body: { applied: true, state } });
const KNOWN = { id: "job-1", key: "mk1.secret" };

test("a chain is sent in order, each step when the one before was answered; awaiting it gives the job", async () => {
  const { sent, surroundings } = answering(SET_UP, applied("RUNNING"), applied("RUNNING"));
  const made = new PipelineJob({ pipeline: "etl", parameters: { sample: "A2" } }, { url: URL, surroundings });
  const job = await made.setup({ key1: "value1" }).run().update({ key2: "value2" });
  expect(job).toBe(made);
  expect(sent.map(({ method, path, body, authorization }) => [method, path, body, authorization])).toEqual([
    ["POST", "/v1/jobs", { pipeline: "etl", parameters: { sample: "A2", key1: "value1" } }, null],
    ["POST", "/v1/jobs/job-1/events", { event: "run", eventId: "id-1" }, "Bearer mk1.secret"],
    [
      "POST",
      "/v1/jobs/job-1/events",
      { event: "update", data: { key2: "value2" }, eventId: "id-2" },
      "Bearer mk1.secret",
    ],
  ]);
  expect({
    id: job.id,
    key: job.key,
    callback: job.callback,
    path: job.path,
    status: job.status,
    data: job.data,
  }).toEqual({
    id: "job-1",
    key: "mk1.secret",
    callback: `${URL}/v1/callbacks?x`,
    path: "/products/v2/a/b",
    status: "RUNNING",
    data: { sample: "A2", key1: "value1" },
  });
});

test("steps that are begun one after the other keep their order without being awaited", async () => {
  const { sent, surroundings } = answering(SET_UP, applied("RUNNING"));
  const job = new PipelineJob({ pipeline: "etl" }, { url: URL, surroundings });
  await Promise.all([job.setup(), job.run(), job.update(1), job.update(2), job.finish()]);
  expect(sent.map(({ body }) => body)).toEqual([
    { pipeline: "etl", parameters: {} },
    { event: "run", eventId: "id-1" },
    { event: "update", data: 1, eventId: "id-2" },
    { event: "update", data: 2, eventId: "id-3" },
    { event: "finish", eventId: "id-4" },
  ]);
});

test("after an error nothing more of the chain is sent, and the job can be gone on with", async () => {
  const refused = {
    status: 409,
    body: { status: 409, code: "not-now", detail: "it is FAILED", hint: "reset it" },
  };
  const { sent, surroundings } = answering(refused, applied("FAILED"));
  const job = new PipelineJob(KNOWN, { url: URL, surroundings });
  const error = await job
    .finalize()
    .update()
    .retire()
    .then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({
    status: 409,
    code: "not-now",
    message: "it is FAILED",
    hint: "reset it",
    isService: false,
    problem: refused.body,
  });
  expect(sent).toHaveLength(1);
  await job.fail({ why: "no" });
  expect(job.status).toBe("FAILED");
  expect(sent).toHaveLength(2);
});

test("an event that came too late is no error", async () => {
  const { surroundings } = answering({ body: { applied: false, reason: "finished", state: "FINISHED" } });
  const job = await new PipelineJob(KNOWN, { url: URL, surroundings }).run();
  expect(job.answer).toEqual({ applied: false, reason: "finished", state: "FINISHED" });
  expect(job.status).toBe("FINISHED");
});

test("a job that was not set up says so, and nothing is sent", async () => {
  const { sent, surroundings } = answering({});
  const job = new PipelineJob({ pipeline: "etl" }, { url: URL, surroundings });
  await expect(job.run()).rejects.toMatchObject({ code: "no-job", hint: "call setup() first" });
  expect(sent).toEqual([]);
});

test("429 and 503 are tried again, after the time that the service asks for, under the same event id", async () => {
  const busy = (seconds: string) => ({
    status: 429,
    body: { code: "throttled" },
    headers: { "retry-after": seconds },
  });
  // 2026-01-01T00:00:10Z: five seconds after the first wait is over.
  const { sent, surroundings, clock } = answering(
    busy("5"),
    busy("Thu, 01 Jan 2026 00:00:10 GMT"),
    { status: 503, body: { code: "unavailable" } },
    applied("RUNNING"),
  );
  await settled(new PipelineJob(KNOWN, { url: URL, surroundings }).run(), clock);
  expect(sent.map(({ at, body }) => [at, body])).toEqual([
    [0, { event: "run", eventId: "id-1" }],
    [5000, { event: "run", eventId: "id-1" }],
    [10_000, { event: "run", eventId: "id-1" }],
    [11_500, { event: "run", eventId: "id-1" }],
  ]);
});

test("what does not pass is told after five tries, and at once when the wait would be too long", async () => {
  const down = { status: 503, body: { code: "unavailable", detail: "a service behind the API failed" } };
  const one = answering(down);
  await expect(
    settled(new PipelineJob(KNOWN, { url: URL, surroundings: one.surroundings }).run(), one.clock),
  ).rejects.toMatchObject({
    status: 503,
    code: "unavailable",
    isService: true,
  });
  expect(one.sent.map(({ at }) => at)).toEqual([0, 375, 1125, 2625, 5625]);

  const two = answering({ ...down, headers: { "retry-after": "3600" } });
  await expect(
    new PipelineJob(KNOWN, { url: URL, surroundings: two.surroundings }).run(),
  ).rejects.toMatchObject({ status: 503 });
  expect(two.sent).toHaveLength(1);
});

test.for([400, 403, 404, 409, 413, 422, 500, 502])("a %d is not tried again", async (status) => {
  const { sent, surroundings } = answering({ status, body: { detail: "no" } });
  await expect(new PipelineJob(KNOWN, { url: URL, surroundings }).run()).rejects.toMatchObject({ status });
  expect(sent).toHaveLength(1);
});

test("silence where something answered before is tried again; where nothing ever did, the address is wrong", async () => {
  const gone = new Error("connect ECONNREFUSED");
  const one = answering(applied("RUNNING"), gone, applied("RUNNING"));
  const job = new PipelineJob(KNOWN, { url: URL, surroundings: one.surroundings });
  await settled(job.run().update(), one.clock);
  expect(one.sent).toHaveLength(3);

  const two = answering(gone);
  await expect(
    new PipelineJob(KNOWN, { url: URL, surroundings: two.surroundings }).run(),
  ).rejects.toMatchObject({
    code: "service-unreachable",
    message: "nothing answers at http://127.0.0.1:7420",
    cause: gone,
  });
  expect(two.sent).toHaveLength(1);
});

test("something else that answers there is named as such", async () => {
  const { surroundings } = answering({ status: 200, body: "<html>" });
  await expect(new PipelineJob(KNOWN, { url: URL, surroundings }).run()).rejects.toMatchObject({
    code: "not-millrace",
  });
  expect(() => new PipelineJob(KNOWN, { url: "nowhere" })).toThrow('"nowhere" is not a URL');
});

test("a job that was set up elsewhere is looked at, and the operator's verbs go to their own routes", async () => {
  const shown = {
    id: "job/1",
    pipeline: "etl",
    state: "CREATED",
    path: "/products/v2/a/b",
    history: [],
    key: { expires: "2026-01-04T00:00:00.000Z", scope: "life" },
  };
  const { sent, surroundings } = answering(
    { body: shown },
    { body: { state: "RESET" } },
    { body: { state: "CREATED" } },
    { body: { state: "CANCELLED" } },
  );
  const job = await new PipelineJob({ id: "job/1", key: "mk1.secret" }, { url: URL, surroundings })
    .refresh()
    .reset()
    .ready()
    .cancel();
  expect(sent.map(({ method, path }) => `${method} ${path}`)).toEqual([
    "GET /v1/jobs/job%2F1?from=0",
    "POST /v1/jobs/job%2F1/verbs/reset",
    "POST /v1/jobs/job%2F1/verbs/ready",
    "POST /v1/jobs/job%2F1/verbs/cancel",
  ]);
  expect([job.status, job.path, job.key]).toEqual(["CANCELLED", "/products/v2/a/b", "mk1.secret"]);
});

test("the key does not show when a job is printed", async () => {
  const { surroundings } = answering(SET_UP);
  const job = await new PipelineJob({ pipeline: "etl" }, { url: URL, surroundings }).setup();
  expect(job.key).toBe("mk1.secret");
  expect(inspect(job, { depth: 9, showHidden: true }) + JSON.stringify(job)).not.toContain("mk1.secret");
});

test("a job that was there gives no key: it is asked for, and what is reported without one is not sent", async () => {
  const found = { body: { id: "job-1", path: "/products/v2/a/b", state: "RUNNING" } };
  const renewed = { body: { id: "job-1", key: "mk1.other", callback: `${URL}/v1/callbacks?y`, expires: "" } };
  const { sent, surroundings } = answering(found, renewed, applied("RUNNING"));
  const job = await new PipelineJob({ pipeline: "etl" }, { url: URL, surroundings }).setup();
  expect([job.key, job.callback, job.status]).toEqual([undefined, undefined, "RUNNING"]);
  await expect(job.update()).rejects.toMatchObject({ code: "no-key" });
  await expect(job.archive("a.csv", "1")).rejects.toMatchObject({ code: "no-key" });
  expect(sent).toHaveLength(1);
  await job.renewKey().update();
  expect(sent.map(({ path, authorization }) => [path, authorization])).toEqual([
    ["/v1/jobs", null],
    ["/v1/jobs/job-1/key", null],
    ["/v1/jobs/job-1/events", "Bearer mk1.other"],
  ]);
});
