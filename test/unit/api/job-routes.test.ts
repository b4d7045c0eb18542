import { randomBytes, randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { JOB_ROUTES } from "../../../lib/api/job-routes.ts";
import { OPERATOR_ROUTES } from "../../../lib/api/operator-routes.ts";
import { respond } from "../../../lib/api/respond.ts";
import type { LastingApiDependencies } from "../../../lib/api/route.ts";
import type { HistoryEntry, JobRecord } from "../../../lib/job/record.ts";
import { callbacks, PLAN, RING } from "./around-callbacks.ts";

/** The routes of jobs, with what is around the callback function, and an archive in memory. */
function operators() {
  const around = callbacks();
  const failing = new Set<"archive">();
  const objects = new Map<string, number>();
  const api = {
    plan: PLAN,
    clock: around.clock,
    jobs: { get: around.jobs.get },
    queries: { list: async (): Promise<JobRecord[]> => [...around.jobs.rows.values()] },
    lasting: around.dependencies,
    ring: RING,
    randomBytes,
    newId: randomUUID,
    archive: {
      async *list(prefix: string) {
        for (const [key, size] of objects)
          if (key.startsWith(prefix)) yield { key, size, etag: '"e"', modified: "" };
      },
      remove: async (keys: readonly string[]) => {
        if (failing.has("archive")) throw new Error("the bucket is not there");
        for (const key of keys) objects.delete(key);
      },
    },
    files: { async *list() {}, remove: async () => {} },
  };
  const ask = async (
    method: "GET" | "POST",
    path: string,
    body: unknown = {},
    { query = {}, headers = {}, host = "millrace.example" } = {},
  ): Promise<{ status: number; body: Record<string, unknown>; text: string }> => {
    const [, , first = "", id = "", , verb = ""] = path.split("/");
    const pattern = first === "pipelines" ? "/v1/pipelines/{pipeline}/jobs" : undefined;
    const route = [...JOB_ROUTES, ...OPERATOR_ROUTES].find(
      (each) =>
        each.method === method &&
        each.path === (pattern ?? path.replace(id, id && "{job}").replace(/verbs\/.*/, "verbs/{verb}")),
    );
    if (!route) throw new Error(`there is no ${method} ${path}`);
    const event = {
      pathParameters: { job: id, verb, pipeline: id },
      queryStringParameters: query,
      headers,
      body: JSON.stringify(body),
      requestContext: { domainName: host },
    };
    const answer = await respond(
      route,
      event,
      api as unknown as LastingApiDependencies,
      around.dependencies.log,
    );
    return { status: answer.statusCode, body: JSON.parse(answer.body), text: answer.body };
  };
  return { ...around, api, ask, failing, objects };
}

const update = (number: number, data = ""): HistoryEntry => ({
  event: "update",
  at: "2026-01-01T00:00:01.000Z",
  attempt: 1,
  eventId: `${number}`,
  data: `${number}${data}`,
});

async function withHistory(around: ReturnType<typeof operators>, count: number, data = ""): Promise<string> {
  const { id } = await around.outsiders();
  for (let number = 1; number < count; number += 1)
    await around.jobs.write(around.row(id), { set: {}, entries: [update(number, data)] });
  return id;
}

test("a long history comes in pages, in either shape, each within what a function may answer", async () => {
  const around = operators();
  // Quotation marks are escaped twice on their way: in the answer, and in what the function hands over.
  const id = await withHistory(around, 1200, '"'.repeat(2000));
  for (const shape of ["v1", "v2"]) {
    const seen: unknown[] = [];
    let from = 0;
    for (let pages = 1; ; pages += 1) {
      const { body, text } = await around.ask(
        "GET",
        `/v1/jobs/${id}`,
        {},
        {
          query: { from: `${from}`, shape },
        },
      );
      expect(JSON.stringify(text).length).toBeLessThan(6_000_000);
      seen.push(...(body["history"] as unknown[]));
      if (shape === "v1") expect(body["last_event"]).toBe("UPDATE");
      if (body["next"] === undefined) break;
      expect(pages).toBeLessThan(10);
      from = body["next"] as number;
    }
    expect(seen).toHaveLength(1200);
  }
});

test("a list of jobs stays within what a function may answer, however much each of them holds", async () => {
  const around = operators();
  for (let number = 0; number < 200; number += 1) {
    const { id } = await around.outsiders();
    const entries = Array.from({ length: 15 }, (_, index) => update(index, "x".repeat(4000)));
    await around.jobs.write(around.row(id), { set: { parameters: "p".repeat(65_000) }, entries });
  }
  const { text, body } = await around.ask("GET", "/v1/pipelines/lab/jobs", {}, { query: { limit: "200" } });
  expect(text.length).toBeLessThan(3_000_000);
  const [job] = body["jobs"] as { history: { event: string; at: string }[] }[];
  expect(job?.history.at(-1)).toEqual({ event: "update", at: "2026-01-01T00:00:01.000Z", attempt: 1 });
});

test("a callback leads to where the gateway was reached, whatever the caller's headers say", async () => {
  const around = operators();
  const headers = {
    host: "evil.example",
    "x-forwarded-proto": "javascript",
    "x-forwarded-host": "evil.example",
  };
  const ask = (host: string, parameters: number) =>
    around.ask("POST", "/v1/jobs", { pipeline: "lab", parameters }, { headers, host });
  const { body: made } = await ask("abc.execute-api.us-east-1.amazonaws.com", 1);
  expect(made["callback"]).toMatch(
    /^https:\/\/abc\.execute-api\.us-east-1\.amazonaws\.com\/v1\/callbacks\?token=mk1\./,
  );
  const { body: local } = await ask("127.0.0.1:4470", 2);
  expect(local["callback"]).toMatch(/^http:\/\/127\.0\.0\.1:4470\/v1\/callbacks\?token=mk1\./);
});

test("an operator's event has an id as a caller's has", async () => {
  const around = operators();
  const { id } = await around.outsiders();
  for (const eventId of ["", "two words", "é", "x".repeat(129)])
    expect(await around.ask("POST", `/v1/jobs/${id}/verbs/run`, { eventId })).toMatchObject({
      status: 422,
      body: { detail: expect.stringContaining("eventId") },
    });
  expect(around.row(id).history).toHaveLength(1);
});

test("a deletion that died on its way has ended the key, and is finished by another", async () => {
  const around = operators();
  const { id, key } = await around.outsiders();
  around.objects.set(`${around.row(id).path.slice(1)}/a.txt`, 3);
  const before = JSON.stringify(around.row(id));
  const dry = await around.ask("POST", `/v1/jobs/${id}/verbs/delete`, { purge: true, dryRun: true });
  expect(dry.body).toMatchObject({ dryRun: true, wiped: { objects: 1, bytes: 3 } });
  expect(JSON.stringify(around.row(id))).toBe(before);
  around.failing.add("archive");
  expect(await around.ask("POST", `/v1/jobs/${id}/verbs/delete`, { purge: true })).toMatchObject({
    status: 503,
  });
  expect(await around.report(id, key, { event: "run" })).toMatchObject({ status: 403 });
  around.failing.clear();
  expect(await around.ask("POST", `/v1/jobs/${id}/verbs/delete`, { purge: true })).toMatchObject({
    status: 200,
    body: { deleted: true, wiped: { objects: 1 } },
  });
  expect(around.jobs.rows.has(id)).toBe(false);
});

test("of a job that something happens to meanwhile nothing is deleted", async () => {
  const around = operators();
  const { id, key } = await around.outsiders();
  around.objects.set(`${around.row(id).path.slice(1)}/a.txt`, 3);
  const stale = around.row(id);
  await around.report(id, key, { event: "run" });
  around.api.jobs.get = async () => stale;
  expect(await around.ask("POST", `/v1/jobs/${id}/verbs/delete`, { purge: true })).toMatchObject({
    status: 409,
    body: { code: "changed" },
  });
  expect(around.objects.size).toBe(1);
  expect(around.row(id)).toMatchObject({ state: "RUNNING", key: expect.anything() });
});

test("a job whose archive is being indexed is not deleted", async () => {
  const around = operators();
  const { id, key } = await around.outsiders();
  for (const event of ["finish", "index"]) await around.report(id, key, { event });
  expect(await around.ask("POST", `/v1/jobs/${id}/verbs/delete`)).toMatchObject({
    status: 409,
    body: { detail: "the job is INDEXING" },
  });
});
