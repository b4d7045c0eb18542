import { join } from "node:path";
import { UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { expect, test } from "vitest";
import type { ShownJob } from "../../lib/client/job-calls.ts";
import { PipelineJob } from "../../lib/client/pipeline-job.ts";
import { documentClient } from "../../lib/clients.aws.ts";
import { hashOf } from "../../lib/job/callback-key.ts";
import { jobKey } from "../../lib/job/keys.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { startInProcess } from "./in-process.ts";
import { type Ended, startNode, until } from "./millrace.ts";

/** The example of an external stage, as its README has it: over HTTP, to its exact results. */

const EXAMPLE = join(import.meta.dirname, "../../pipelines/fcs-etl");

async function startExample(data = temporaryFolder()) {
  const { runtime, stop } = await startInProcess([join(EXAMPLE, "pipeline.yaml")], data);
  const api = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const response = await fetch(runtime.url + path, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return (await response.json()) as T;
  };
  return {
    url: runtime.url,
    stop,
    /** @returns how it ended, and the job that it made */
    react: async (...args: string[]): Promise<Ended & { id: string; path: string }> => {
      const ended = await startNode([join(EXAMPLE, "reactor.ts"), ...args, "--url", runtime.url]).ended;
      const [id = "", state, path = ""] = ended.stdout.split("\n")[0]?.split("  ") ?? [];
      expect(state, ended.stderr).toMatch(/^[A-Z]+$/);
      return { ...ended, id, path };
    },
    show: (id: string) => api<ShownJob & { late: readonly unknown[] }>("GET", `/v1/jobs/${id}`),
    files: (id: string) => api<{ files: readonly Record<string, unknown>[] }>("GET", `/v1/jobs/${id}/files`),
    act: (id: string, verb: string, body: object = {}) =>
      api<object>("POST", `/v1/jobs/${id}/verbs/${verb}`, body),
    /** Posts an event, and answers the status and the body. */
    event: async (id: string, key: string, event: string): Promise<[number, object]> => {
      const response = await fetch(`${runtime.url}/v1/jobs/${id}/events`, {
        method: "POST",
        headers: { authorization: `Bearer ${key}` },
        body: JSON.stringify({ event }),
      });
      return [response.status, (await response.json()) as object];
    },
    /** As if the `indexed` that came last had never been written. */
    forgetIndexed: async (id: string): Promise<void> => {
      await documentClient(runtime.env).send(
        new UpdateCommand({
          TableName: runtime.plan.table,
          Key: jobKey("fcs-etl", id),
          UpdateExpression: "SET #state = :state, rev = rev + :one REMOVE history[4]",
          ExpressionAttributeNames: { "#state": "state" },
          ExpressionAttributeValues: { ":state": "INDEXING", ":one": 1 },
        }),
      );
    },
    /** Writes the hash of another key on a job's row. */
    setKey: async (id: string, key: string, exp: number): Promise<void> => {
      await documentClient(runtime.env).send(
        new UpdateCommand({
          TableName: runtime.plan.table,
          Key: jobKey("fcs-etl", id),
          UpdateExpression: "SET #key.#hash = :hash, #key.#exp = :exp, rev = rev + :one",
          ExpressionAttributeNames: { "#key": "key", "#hash": "hash", "#exp": "exp" },
          ExpressionAttributeValues: { ":hash": hashOf(key), ":exp": exp, ":one": 1 },
        }),
      );
    },
  };
}

const eventsOf = ({ history }: ShownJob): string[] => history.map(({ event }) => event);

test("leniently: tables of what is there, archived and indexed; a reset empties the path", async () => {
  const example = await startExample();
  const { code, id, path, stdout } = await example.react("--lenient");
  expect(code).toBe(0);
  expect(path).toMatch(
    /^\/products\/v2\/[0-9a-f]{32}\/[0-9a-f]{32}\/[0-9a-f]{32}\/[a-z]+-[a-z]+-\d{8}T\d{6}Z$/,
  );
  expect(
    stdout
      .trimEnd()
      .split("\n")
      .slice(1)
      .map((line) => line.split("  ")[1] ?? line),
  ).toEqual(["create", "resource", "resource", "run", "resource", "finish", "index", "indexed", "FINISHED"]);

  const job = await example.show(id);
  expect(job).toMatchObject({ id, pipeline: "fcs-etl", stage: "etl", state: "FINISHED", path });
  expect(job.history.map(({ event, data }) => [event, data])).toEqual([
    ["create", undefined],
    ["resource", { name: "AriaFile1", status: "PENDING" }],
    ["resource", { name: "AriaFile1", status: "QUEUED" }],
    ["run", { name: "AriaFile1", status: "RUNNING" }],
    ["resource", { name: "AriaFile1", status: "ARCHIVING" }],
    ["finish", { name: "AriaFile1", status: "FINISHED" }],
    ["index", undefined],
    ["indexed", { files: 2, bytes: 940_052, levels: { "1": 1, "2": 1 } }],
  ]);
  const times = job.history.map(({ at }) => at);
  expect(times).toEqual([...times].sort());

  // The hashes are of what another implementation made of the same file: a table of 6052 rows, and its means.
  const common = { v: 1, etag: expect.any(String), modified: expect.any(String), generatedBy: "etl" };
  expect((await example.files(id)).files).toEqual([
    {
      ...common,
      name: "AriaFile1.csv",
      level: "1",
      size: 939_684,
      type: "text/csv",
      sha256: "572f221d57f3bb4ca2dd1f5fca431ed7c7887b3f7cdb82dbbc31fe3754ce50ef",
    },
    {
      ...common,
      name: "AriaFile1.json",
      level: "2",
      size: 368,
      type: "application/json",
      sha256: "f5eabbfe367968592578ffe40a4f19e686b511c7134c01cc857f9686b849742c",
    },
  ]);

  // Once more: the same parameters are the same job, and its work is done.
  const again = await example.react("--lenient");
  expect([again.id, again.path]).toEqual([id, path]);
  expect((await example.show(id)).history).toEqual(job.history);

  expect(await example.act(id, "reset", { dryRun: true })).toMatchObject({
    dryRun: true,
    wiped: { objects: 2, bytes: 940_052 },
  });
  expect((await example.show(id)).state).toBe("FINISHED");
  expect(await example.act(id, "reset")).toMatchObject({
    state: "RESET",
    wiped: { objects: 2, bytes: 940_052 },
  });
  expect(await example.act(id, "ready")).toMatchObject({ state: "CREATED" });
  expect((await example.files(id)).files).toEqual([]);
  expect(await example.act(id, "reset", { dryRun: true })).toMatchObject({ wiped: { objects: 0, bytes: 0 } });

  // Another go, to the same results.
  await example.act(id, "reset");
  await example.act(id, "ready");
  expect((await example.react("--lenient")).code).toBe(0);
  expect(eventsOf(await example.show(id)).slice(-7)).toEqual([
    "resource",
    "resource",
    "run",
    "resource",
    "finish",
    "index",
    "indexed",
  ]);
  expect((await example.files(id)).files).toHaveLength(2);
});

test("strictly: a file that was cut short fails the job, with what it declares and what it holds", async () => {
  const example = await startExample();
  const { code, id } = await example.react();
  expect(code).toBe(1);
  const job = await example.show(id);
  expect(job.state).toBe("FAILED");
  expect(eventsOf(job)).toEqual(["create", "resource", "resource", "run", "fail"]);
  expect(job.history.at(-1)?.data).toEqual({ declared: 10_000, present: 6052 });
  expect((await example.files(id)).files).toEqual([]);
});

test("what is no measurement fails the job, and says why; a file that is not there makes none", async () => {
  const example = await startExample();
  const { code, id } = await example.react("package.json");
  expect(code).toBe(1);
  const job = await example.show(id);
  expect([job.state, job.history.at(-1)?.data]).toEqual([
    "FAILED",
    { name: "package.json", error: '"{\\n  \\"n" is no version of FCS that is read' },
  ]);

  const absent = await startNode([join(EXAMPLE, "reactor.ts"), "absent.fcs", "--url", example.url]).ended;
  expect(absent).toMatchObject({ code: 1, stdout: "" });
  expect(absent.stderr).toBe("error: ENOENT: no such file or directory, open 'absent.fcs'\n");
});

test("who has no good key changes nothing, and what comes too late neither", async () => {
  const example = await startExample();
  const describe = (sample: string) =>
    new PipelineJob({ pipeline: "fcs-etl", stage: "etl", parameters: { sample } }, { url: example.url });
  const [job, other] = [await describe("A2").setup().run(), await describe("A3").setup()];
  const key = job.key ?? "";
  const before = await example.show(job.id);

  const forbidden = [403, expect.objectContaining({ code: "forbidden" })];
  const wrong = key.replace(/.$/, (last) => (last === "A" ? "B" : "A"));
  expect(await example.event(job.id, wrong, "finish")).toEqual(forbidden);
  expect(await example.event(job.id, other.key ?? "", "finish")).toEqual(forbidden);
  expect(await example.event(other.id, key, "run")).toEqual(forbidden);
  expect(await example.event("00000000-0000-5000-8000-000000000000", key, "run")).toEqual(forbidden);
  expect(await example.show(job.id)).toEqual(before);

  // A key that is a key in every respect but its age: made 72 hours and a second ago.
  const exp = Math.floor(Date.now() / 1000) - 1;
  const old = key.replace(/^((?:[^.]+\.){5})\d+/, `$1${exp}`);
  await example.setKey(job.id, old, exp);
  expect(await example.event(job.id, old, "finish")).toEqual(forbidden);
  // The same, but for an hour in which it is still good.
  const young = key.replace(/^((?:[^.]+\.){5})\d+/, `$1${exp + 3600}`);
  await example.setKey(job.id, young, exp + 3600);
  expect(await example.event(job.id, young, "finish")).toEqual([200, { applied: true, state: "FINISHED" }]);

  await until(
    () => example.show(job.id),
    ({ history }) => history.at(-1)?.event === "indexed",
  );
  const finished = await example.show(job.id);
  expect(await example.event(job.id, young, "run")).toEqual([
    200,
    { applied: false, reason: "finished", state: "FINISHED" },
  ]);
  const after = await example.show(job.id);
  expect(after.history).toEqual(finished.history);
  expect(after.late).toEqual([expect.objectContaining({ event: "run" })]);
});

test("a token that waits for an external stage is finished by its callback", async () => {
  const example = await startExample();
  const put = await fetch(`${example.url}/v1/pipelines/fcs-etl/tokens`, {
    method: "POST",
    body: '{"tokens":[{"data":{"plate":7}}]}',
  });
  expect(put.status).toBe(202);
  const list = async (): Promise<ShownJob[]> =>
    (
      (await (await fetch(`${example.url}/v1/pipelines/fcs-etl/jobs?stage=etl`)).json()) as {
        jobs: ShownJob[];
      }
    ).jobs;
  const [waiting] = await until(list, (jobs) => jobs.length === 1);
  const job = await new PipelineJob({ id: waiting?.id ?? "" }, { url: example.url }).renewKey();
  await job
    .run()
    .archive("events.csv", "1,2\n")
    .archive("_ours.csv", "3")
    .then(
      () => expect.unreachable("a name of ours was taken"),
      (error: unknown) => expect(error).toMatchObject({ status: 422, code: "object-name" }),
    );
  await job.finish();
  const seen: string[] = [];
  for await (const { event } of job.follow()) seen.push(event);
  expect(seen).toEqual(["create", "run", "finish", "index", "indexed"]);
  expect((await example.files(job.id)).files).toMatchObject([
    // printf '1,2\n' | sha256sum
    {
      name: "events.csv",
      level: "1",
      sha256: "52186c933993da4082b3cdc7c40bb4bf735b391ff54a2ef78c037dda6c38a680",
    },
  ]);
  await job.archive("late.csv", "4").then(
    () => expect.unreachable("a finished job took a file"),
    (error: unknown) => expect(error).toMatchObject({ status: 409, code: "not-now" }),
  );
});

test("a runtime that is stopped lets the index under way be finished", async () => {
  const data = temporaryFolder();
  const first = await startExample(data);
  const job = await new PipelineJob({ pipeline: "fcs-etl", parameters: { sample: "A2" } }, { url: first.url })
    .setup()
    .run();
  await job.archive("events.csv", "1,2\n").finish();
  await first.stop();
  const second = await startExample(data);
  const { state, history } = await second.show(job.id);
  expect([state, history.at(-1)?.event]).toEqual(["FINISHED", "indexed"]);
  expect((await second.files(job.id)).files).toHaveLength(1);
});

test("an index that a killed runtime was about to make is made by the next", async () => {
  const data = temporaryFolder();
  const first = await startExample(data);
  const job = await new PipelineJob({ pipeline: "fcs-etl" }, { url: first.url }).setup().run();
  await job.archive("events.csv", "1,2\n").finish();
  await until(
    () => first.show(job.id),
    ({ history }) => history.at(-1)?.event === "indexed",
  );
  // As a kill -9 between the two leaves it: asked for, and nobody at work on it.
  await first.forgetIndexed(job.id);
  await first.stop();
  const second = await startExample(data);
  const { history } = await until(
    () => second.show(job.id),
    ({ state }) => state === "FINISHED",
  );
  expect(history.map(({ event }) => event)).toEqual(["create", "run", "finish", "index", "indexed"]);
});
