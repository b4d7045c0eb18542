import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startJobs } from "./jobs.ts";
import { until } from "./millrace.ts";

test("an outsider's job: made once, driven by its key, and shown", async () => {
  const { make, send, report, show, verb, runtime } = await startJobs("measured");
  const parameters = { sample: "A2", plates: [1, 2] };
  const job = await make({ pipeline: "measured", parameters, belongsTo: ["UW_BIOFAB", "Yeast-Gates"] });
  expect(job).toMatchObject({ state: "CREATED", id: expect.stringMatching(/^[0-9a-f-]{36}$/) });
  expect(job.path).toMatch(
    /^\/products\/v2\/[0-9a-f]{32}\/[0-9a-f]{32}\/[0-9a-f]{32}\/[a-z]{1,8}-[a-z]{1,8}-\d{8}T\d{6}Z$/,
  );
  expect(job.callback).toBe(`${runtime.url}/v1/callbacks?token=${job.key}&uuid=${job.id}&status=\${STATUS}`);
  const again = await send("/v1/jobs", {
    pipeline: "measured",
    parameters: { plates: [1, 2], sample: "A2" },
    belongsTo: ["UW_BIOFAB", "Yeast-Gates"],
  });
  expect(again).toEqual({ status: 200, body: { id: job.id, path: job.path, state: "CREATED" } });

  expect(await report(job.id, job.key, { event: "resource", data: { queue: "normal" } })).toEqual({
    status: 200,
    body: { applied: true, state: "CREATED" },
  });
  expect((await report(job.id, job.key, { name: "run" })).body).toEqual({ applied: true, state: "RUNNING" });
  expect((await report(job.id, job.key, { status: "HEARTBEAT" })).body).toEqual({
    applied: true,
    state: "RUNNING",
  });
  expect((await report(job.id, job.key, { event: "finish" })).body).toEqual({
    applied: true,
    state: "FINISHED",
  });
  expect((await report(job.id, job.key, { event: "run", data: 2 })).body).toEqual({
    applied: false,
    reason: "finished",
    state: "FINISHED",
  });
  const shown = await show(job.id);
  expect(shown.history.map(({ event, data }) => [event, data])).toEqual([
    ["create", undefined],
    ["resource", { queue: "normal" }],
    ["run", undefined],
    ["update", { status: "HEARTBEAT" }],
    ["finish", undefined],
  ]);
  expect(shown.late.map(({ event, data }) => [event, data])).toEqual([["run", 2]]);
  expect(JSON.stringify(shown)).not.toContain(job.key.split(".").at(-1));
  expect(await show(job.id, "?shape=v1")).toMatchObject({
    uuid: job.id,
    status: "FINISHED",
    last_event: "FINISH",
    data: parameters,
    history: [{ CREATE: { data: null } }, { RESOURCE: { data: { queue: "normal" } } }, {}, {}, {}],
  });
  expect(await verb(job.id, "finalize")).toMatchObject({ status: 409 });
  for (const [each, state] of [
    ["validate", "VALIDATING"],
    ["validated", "VALIDATED"],
    ["finalize", "FINALIZED"],
    ["retire", "RETIRED"],
  ] as const)
    expect((await verb(job.id, each)).body).toMatchObject({ applied: true, state });
  const { mode } = statSync(join(runtime.data.keys, "CALLBACK-KEYS.json"));
  expect(mode & 0o777).toBe(0o600);
});

test("fifty callbacks at once are fifty entries in order, and each counts once", async () => {
  const { make, report, show } = await startJobs("measured");
  const job = await make({ pipeline: "measured", parameters: "fifty" });
  await report(job.id, job.key, { event: "run" });
  const numbers = Array.from({ length: 50 }, (_, number) => number);
  const answers = await Promise.all(
    numbers.map((number) => report(job.id, job.key, { event: "update", data: { number } })),
  );
  expect(answers.map(({ body }) => body)).toEqual(numbers.map(() => ({ applied: true, state: "RUNNING" })));
  const repeated = await Promise.all(
    numbers.map((number) => report(job.id, job.key, { event: "update", data: { number } })),
  );
  expect(new Set(repeated.map(({ body }) => JSON.stringify(body)))).toEqual(
    new Set(['{"applied":false,"reason":"duplicate","state":"RUNNING"}']),
  );
  const { history } = await show(job.id);
  expect(history.slice(0, 2).map(({ event }) => event)).toEqual(["create", "run"]);
  const updates = history.slice(2);
  expect(updates.map(({ data }) => (data as { number: number }).number).sort((a, b) => a - b)).toEqual(
    numbers,
  );
  expect(updates.map(({ at }) => at)).toEqual(updates.map(({ at }) => at).sort());
});

test("Agave's form: everything is in the URL, and the body is the data", async () => {
  const { make, send, show } = await startJobs("measured");
  const job = await make({ pipeline: "measured", parameters: "agave", nonce: true });
  const url = (status: string): string => job.callback.replace(/\$\{STATUS\}$/, status);
  const body = { id: "8a1f", name: "FCS ETL processing job", status: "RUNNING", owner: "sd2e", _links: {} };
  for (const status of ["PENDING", "QUEUED", "RUNNING", "ARCHIVING"]) {
    const answer = await send(url(status), status === "RUNNING" ? body : "");
    expect(answer.body["applied"]).toBe(true);
  }
  expect((await send(url("FINISHED"), { ...body, status: "FINISHED" })).body).toEqual({
    applied: true,
    state: "FINISHED",
  });
  expect((await show(job.id)).history.map(({ event, data }) => [event, data])).toEqual([
    ["create", undefined],
    ["resource", { status: "PENDING" }],
    ["resource", { status: "QUEUED" }],
    ["run", body],
    ["resource", { status: "ARCHIVING" }],
    ["finish", { ...body, status: "FINISHED" }],
  ]);
  expect(await send(url("FINISHED").replace(/x-nonce=[^&]+/, "x-nonce=another"), "")).toMatchObject({
    status: 403,
  });
  expect(await send(url("FINISHED").replace(/x-nonce=[^&]+&/, ""), "")).toMatchObject({ status: 403 });
});

test("a token waits for an external stage, whose outputs go on; after two failures it lies in the error bucket", async () => {
  const { runtime, send, report, show, verb, said } = await startJobs("measured");
  const base = `${runtime.url}/v1/pipelines/measured`;
  const jobs = async (query = ""): Promise<{ id: string; state: string; attempt: number }[]> => {
    const response = await fetch(`${base}/jobs?stage=measure${query}`);
    return ((await response.json()) as { jobs: [] }).jobs;
  };
  const waitFor = async (query: string): Promise<string> => {
    const [job] = await until(
      () => jobs(query),
      (found) => found.length > 0,
    );
    return job?.id ?? "";
  };
  await send(`${base}/tokens`, { tokens: [{ data: { sample: 7 } }] });
  const id = await waitFor("&state=CREATED");
  const first = (await send(`/v1/jobs/${id}/key`, {})).body as { key: string; callback: string };
  expect((await report(id, first.key, { event: "run" })).body).toEqual({ applied: true, state: "RUNNING" });
  expect((await report(id, first.key, { event: "fail", data: { why: "clogged" } })).body).toEqual({
    applied: true,
    state: "CREATED",
  });
  expect((await report(id, first.key, { event: "finish" })).body).toEqual({
    applied: false,
    reason: "stale-attempt",
    state: "CREATED",
  });
  const second = (await send(`/v1/jobs/${id}/key`, {})).body as { key: string };
  expect(await report(id, first.key, { event: "run" })).toMatchObject({ status: 403 });
  expect(
    await report(id, second.key, { event: "finish", data: { outputs: [{ objects: ["nothing.csv"] }] } }),
  ).toMatchObject({
    status: 422,
    body: { code: "object-missing" },
  });
  expect((await report(id, second.key, { event: "fail" })).body).toEqual({ applied: true, state: "FAILED" });
  const dead = (await (await fetch(`${base}/dead`)).json()) as {
    jobs: { id: string; reason: string; error: object }[];
  };
  expect(dead.jobs).toMatchObject([{ id, reason: "reported" }]);
  // What keys are checked by is nobody's business, wherever a job is shown.
  const lineage = await (await fetch(`${runtime.url}/v1/tokens/${id}`)).text();
  const nonce = second.key.split(".").at(-2) ?? "";
  expect(lineage).toContain(id);
  expect(JSON.stringify(dead) + lineage + JSON.stringify(await jobs())).not.toContain(nonce);

  await send(`${base}/dead/retry`, { all: true });
  await waitFor("&state=CREATED");
  const third = (await send(`/v1/jobs/${id}/key`, {})).body as { key: string };
  const outputs = [{ data: { n: 1 } }, { data: { n: 2 } }];
  expect((await report(id, third.key, { status: "HANDED_IN", data: { outputs } })).body).toEqual({
    applied: true,
    state: "FINISHED",
  });
  await runtime.drained();
  const board = await runtime.board("measured");
  expect(board).toMatchObject({
    put: 1,
    done: 1,
    error: 0,
    outstanding: 0,
    stages: { measure: { done: 1, error: 0 }, note: { done: 2, error: 0 } },
  });
  const shown = await show(id);
  expect(shown.history.map(({ event, attempt }) => [event, attempt])).toEqual([
    ["create", undefined],
    ["run", 1],
    ["retry", 1],
    ["fail", 2],
    ["reopen", undefined],
    ["run", 3],
    ["finish", 3],
  ]);
  expect(shown).toMatchObject({ settled: true, committed: { count: 2, tokens: 2 } });
  expect(await verb(id, "reset")).toMatchObject({ status: 409 });
  expect(await verb(id, "delete")).toMatchObject({ status: 409 });
  const log = readFileSync(join(runtime.data.logs, `${runtime.plan.callback.name}.log`), {
    encoding: "utf8",
    flag: "a+",
  });
  for (const key of [first.key, second.key, third.key]) {
    const secret = key.split(".").at(-1) ?? "";
    expect(log + said.join("\n")).not.toContain(secret);
  }
});

test("changes of state are told as they happen", async () => {
  const { make, report, runtime } = await startJobs("measured");
  const response = await fetch(`${runtime.url}/v1/events`);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = (await reader.read()).value ?? "";
  expect(text).toBe(": listening\n\n");
  const job = await make({ pipeline: "measured", parameters: "told" });
  for (const event of ["update", "run", "finish"]) await report(job.id, job.key, { event });
  while (!text.includes('"to":"FINISHED"')) text += (await reader.read()).value ?? "";
  await reader.cancel();
  const events = [...text.matchAll(/^data: (.*)$/gm)].map(
    ([, data]) => JSON.parse(data ?? "") as { detail: object },
  );
  expect(events.map(({ detail }) => detail)).toMatchObject([
    { v: 1, pipeline: "measured", job: job.id, to: "CREATED", event: "create" },
    { from: "CREATED", to: "RUNNING", event: "run", attempt: 1 },
    { from: "RUNNING", to: "FINISHED", event: "finish" },
  ]);
  expect(text).not.toContain(job.key.split(".").at(-1));
});
