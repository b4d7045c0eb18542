import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GetCommand, QueryCommand } from "@aws-sdk/lib-dynamodb";
import { expect, test } from "vitest";
import { documentClient } from "../../lib/clients.aws.ts";
import { derivedKey, readKeyRing } from "../../lib/job/callback-key.ts";
import { jobKey } from "../../lib/job/keys.ts";
import { lastingStore } from "../../lib/job/lasting-store.aws.ts";
import type { JobRecord } from "../../lib/job/record.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { apiAt } from "./api.ts";
import { startJobs } from "./jobs.ts";
import { until } from "./millrace.ts";

/** What lies in the table of a job: its row, and its older history; what came too late is kept apart, and left out. */
async function stored({ env, plan }: Awaited<ReturnType<typeof startJobs>>["runtime"], id: string) {
  const client = documentClient(env);
  const at = { TableName: plan.table, ConsistentRead: true };
  const { Item } = await client.send(new GetCommand({ ...at, Key: jobKey("heavy", id) }));
  const { Items = [] } = await client.send(
    new QueryCommand({
      ...at,
      KeyConditionExpression: "pk = :pk AND sk < :late",
      ExpressionAttributeValues: { ":pk": `E#heavy#${id}`, ":late": "L#" },
    }),
  );
  return JSON.stringify([Item, Items]);
}

test("when attempt 2 of an image has started, what attempt 1 reports is answered, and changes nothing", async () => {
  const { runtime, report, show } = await startJobs("heavy");
  const api = apiAt(runtime.url, "heavy");
  const goOn = join(temporaryFolder(), "go-on");
  await api.put({ name: "a", files: 2, first: "exit", until: goOn });
  const id = await until(
    async () => {
      const { jobs } = (await (await fetch(api.at("/jobs?stage=make"))).json()) as { jobs: JobRecord[] };
      return jobs[0]?.id ?? "";
    },
    (found) => found !== "",
  );
  await until(
    async () => (await show(id)).history.map(({ event }) => event),
    (events) => events.join() === "create,run,retry,run",
  );
  const row = await lastingStore(documentClient(runtime.env), runtime.plan.table, () => "").get("heavy", id);
  const ring = readKeyRing(readFileSync(join(runtime.data.keys, "CALLBACK-KEYS.json"), "utf8"));
  const keyOf = (attempt: number, scope: "work" | "progress"): string => {
    if (!row?.key) throw new Error("the row has no key");
    return derivedKey({ ...row.key, pipeline: "heavy", job: id, attempt, scope }, ring);
  };
  // It is the pod's own key: attempt 2 reports with one that is made the same way.
  expect(await report(id, keyOf(2, "progress"), { event: "update", data: { page: 1 } })).toEqual({
    status: 200,
    body: { applied: true, state: "RUNNING" },
  });

  const before = await stored(runtime, id);
  // What attempt 2 has said is on the row that is compared.
  expect(before).toContain('{\\"page\\":1}');
  const stale = { status: 200, body: { applied: false, reason: "stale-attempt", state: "RUNNING" } };
  for (const event of ["run", "update", "resource", "finish", "fail"]) {
    expect(await report(id, keyOf(1, "work"), { event, data: { of: 1 } }), event).toEqual(stale);
    expect(await report(id, keyOf(1, "work"), { event, data: { of: 1 } }), event).toEqual(stale);
  }
  expect(await report(id, keyOf(1, "progress"), { event: "update" })).toEqual(stale);
  for (const path of ["pod/input", "pod/uploads", "pod/manifest"]) {
    const response = await fetch(`${runtime.url}/v1/jobs/${id}/${path}`, {
      method: path === "pod/input" ? "GET" : "POST",
      headers: { authorization: `Bearer ${keyOf(1, "work")}` },
    });
    expect([response.status, await response.json()], path).toMatchObject([409, { code: "over" }]);
  }
  expect(await stored(runtime, id)).toBe(before);

  writeFileSync(goOn, "");
  const board = await api.settled(1);
  expect(board.stages).toMatchObject({ make: { done: 1, error: 0 }, end: { done: 1, error: 0 } });
  const { history, late } = await show(id);
  expect(history.map(({ event }) => event)).toEqual(["create", "run", "retry", "run", "update", "finish"]);
  expect(late.map(({ event }) => event).sort()).toEqual([
    "fail",
    "finish",
    "resource",
    "run",
    "update",
    "update",
  ]);
});
