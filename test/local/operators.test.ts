import { ListObjectsV2Command, PutObjectCommand } from "@aws-sdk/client-s3";
import { expect, test } from "vitest";
import { s3Client } from "../../lib/token/s3-client.aws.ts";
import { startJobs } from "./jobs.ts";

/** What operators may do to lasting jobs, over HTTP. */

test("a job is called off as long as nothing has happened to it; its record stays", async () => {
  const { make, verb, report, show, send, eventsOf } = await startJobs("measured");
  const job = await make({ pipeline: "measured", parameters: "cancelled" });
  expect((await verb(job.id, "cancel")).body).toEqual({ id: job.id, applied: true, state: "CANCELLED" });
  expect((await report(job.id, job.key, { event: "run" })).body).toEqual({
    applied: false,
    reason: "cancelled",
    state: "CANCELLED",
  });
  expect((await show(job.id)).history.map(({ event }) => event)).toEqual(["create", "cancel"]);
  expect(await verb(job.id, "reset")).toMatchObject({ status: 409 });
  const again = await send("/v1/jobs", { pipeline: "measured", parameters: "cancelled" });
  expect(again.body).toMatchObject({ id: job.id, state: "CANCELLED" });

  const other = await make({ pipeline: "measured", parameters: "touched" });
  await report(other.id, other.key, { event: "resource" });
  expect(await verb(other.id, "cancel")).toMatchObject({ status: 409, body: { code: "not-now" } });
  expect(await eventsOf(other.id)).toEqual(["create", "resource"]);
});

test("a reset empties the job's own path, ends its key's attempt, and ready begins anew", async () => {
  const { make, verb, report, show, send, runtime } = await startJobs("measured");
  const job = await make({ pipeline: "measured", parameters: "reset" });
  const neighbour = await make({ pipeline: "measured", parameters: "neighbour" });
  const s3 = s3Client(runtime.env);
  const put = (Key: string) => s3.send(new PutObjectCommand({ Bucket: runtime.bucket, Key, Body: "12345" }));
  const keys = async (): Promise<string[]> => {
    const { Contents = [] } = await s3.send(
      new ListObjectsV2Command({ Bucket: runtime.bucket, Prefix: "products/" }),
    );
    return Contents.map(({ Key = "" }) => Key);
  };
  const [mine, deep] = [`${job.path.slice(1)}/a.csv`, `${job.path.slice(1)}/b/c.csv`];
  const others = [`${job.path.slice(1)}0/d.csv`, `${neighbour.path.slice(1)}/e.csv`];
  for (const key of [mine, deep, ...others]) await put(key);
  for (const event of ["run", "finish"]) await report(job.id, job.key, { event });

  const dry = await verb(job.id, "reset", { dryRun: true });
  expect(dry.body).toEqual({
    id: job.id,
    dryRun: true,
    state: "FINISHED",
    wiped: { objects: 2, bytes: 10 },
  });
  expect(await keys()).toHaveLength(4);
  const reset = await verb(job.id, "reset");
  expect(reset.body).toEqual({
    id: job.id,
    applied: true,
    state: "RESET",
    wiped: { objects: 2, bytes: 10 },
  });
  expect((await keys()).sort()).toEqual([...others].sort());
  expect((await report(job.id, job.key, { event: "update" })).body).toMatchObject({ reason: "reset" });
  expect((await verb(job.id, "ready")).body).toMatchObject({ applied: true, state: "CREATED" });
  expect((await report(job.id, job.key, { event: "run" })).body).toMatchObject({ reason: "duplicate" });
  expect((await report(job.id, job.key, { event: "resource" })).body).toMatchObject({
    reason: "stale-attempt",
  });
  const renewed = (await send(`/v1/jobs/${job.id}/key`, {})).body as { key: string };
  expect((await report(job.id, renewed.key, { event: "run" })).body).toEqual({
    applied: true,
    state: "RUNNING",
  });
  expect((await show(job.id)).history.map(({ event }) => event)).toEqual([
    "create",
    "run",
    "finish",
    "reset",
    "ready",
    "run",
  ]);
});

test("a job is deleted with its history, and with its files only if that is asked for; keys are revoked", async () => {
  const { make, verb, report, send, runtime } = await startJobs("measured");
  const job = await make({ pipeline: "measured", parameters: "deleted" });
  for (let number = 0; number < 20; number += 1)
    await report(job.id, job.key, { event: "update", data: number });
  await report(job.id, job.key, { event: "run" });
  expect(await verb(job.id, "delete")).toMatchObject({ status: 409 });
  expect((await send(`/v1/jobs/${job.id}/key`, { revoke: true })).body).toEqual({
    id: job.id,
    revoked: true,
  });
  expect(await report(job.id, job.key, { event: "finish" })).toMatchObject({ status: 403 });
  expect((await verb(job.id, "fail", { data: "by hand" })).body).toMatchObject({ state: "FAILED" });
  const Key = `${job.path.slice(1)}/a.csv`;
  await s3Client(runtime.env).send(new PutObjectCommand({ Bucket: runtime.bucket, Key, Body: "1" }));
  expect((await verb(job.id, "delete", { dryRun: true, purge: true })).body).toMatchObject({
    dryRun: true,
    wiped: { objects: 1 },
  });
  expect((await verb(job.id, "delete", { purge: true })).body).toMatchObject({
    deleted: true,
    wiped: { objects: 1, bytes: 1 },
  });
  expect((await fetch(`${runtime.url}/v1/jobs/${job.id}`)).status).toBe(404);
  const again = await make({ pipeline: "measured", parameters: "deleted" });
  expect(again).toMatchObject({ id: job.id, state: "CREATED" });
  expect(await report(job.id, job.key, { event: "run" })).toMatchObject({ status: 403 });
});

test("what cannot be made or found is refused, with what is wrong", async () => {
  const { send } = await startJobs("measured");
  const refused = async (path: string, body: object): Promise<[number, unknown]> => {
    const { status, body: problem } = await send(path, body);
    return [status, problem["code"]];
  };
  expect([
    await refused("/v1/jobs", { pipeline: "nothing" }),
    await refused("/v1/jobs", { pipeline: "measured", stage: "nothing" }),
    await refused("/v1/jobs", { parameters: 1 }),
    await refused("/v1/jobs", { pipeline: "measured", session: "a b" }),
    await refused("/v1/jobs", { pipeline: "measured", parameters: "x".repeat(70_000) }),
    await refused("/v1/jobs/7157e2f6-e231-5fc6-9f50-0519e183dd37/verbs/run", {}),
    await refused("/v1/jobs/no-id/key", {}),
  ]).toEqual([
    [404, "not-found"],
    [404, "not-found"],
    [422, "invalid-request"],
    [422, "invalid-request"],
    [413, "too-large"],
    [404, "not-found"],
    [404, "not-found"],
  ]);
});
