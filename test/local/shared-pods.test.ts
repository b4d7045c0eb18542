import { join } from "node:path";
import { expect, test } from "vitest";
import type { JobRecord } from "../../lib/job/record.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { apiAt } from "./api.ts";
import { startDev } from "./millrace.ts";

/** Tokens that share a pod, and a program that reports its own end: the real agent, client and API over HTTP. */

const TOGETHER = join(import.meta.dirname, "pipelines/together");

async function jobsOf(url: string, stage: string): Promise<JobRecord[]> {
  const answer = await fetch(`${url}/v1/pipelines/together/jobs?stage=${stage}`);
  const { jobs } = (await answer.json()) as { jobs: JobRecord[] };
  return Promise.all(
    jobs.map(async ({ id }) => (await (await fetch(`${url}/v1/jobs/${id}`)).json()) as JobRecord),
  );
}

test("three tokens in one pod; the next stage's program ends them by its own callback", async () => {
  const dev = await startDev([TOGETHER, "--data", temporaryFolder(), "--no-sample"]);
  const api = apiAt(dev.url, "together");
  await api.put({ name: "a" }, { name: "unwanted" }, { name: "silent" });
  expect(await api.settled(3)).toMatchObject({ done: 1, error: 2 });

  const measured = await jobsOf(dev.url, "measure");
  expect(new Set(measured.map(({ carrier }) => carrier)).size).toBe(1);
  expect(measured.map(({ history }) => history.map(({ event }) => event))).toEqual(
    measured.map(() => ["create", "run", "update", "finish"]),
  );
  expect(measured.map(({ committed }) => committed?.attempt)).toEqual(["1", "1", "1"]);

  const dead = await api.dead();
  expect(dead.map(({ stage, reason, error }) => [stage, reason, error?.message]).sort()).toEqual([
    ["report", "output-missing", "the Job has ended well, and has neither left a manifest nor reported"],
    ["report", "reported", "nobody wants it"],
  ]);
  const reported = await jobsOf(dev.url, "report");
  expect(reported.flatMap(({ committed }) => committed?.outputs ?? [])).toEqual([
    { payload: { data: { name: "a", attempt: 1, together: 3, reported: true }, objects: [] } },
  ]);
});

test("of three tokens in a pod one leaves nothing, and fails alone", async () => {
  const dev = await startDev([TOGETHER, "--data", temporaryFolder(), "--no-sample"]);
  const api = apiAt(dev.url, "together");
  await api.put({ name: "a" }, { name: "b", how: "nothing" }, { name: "c" });
  expect(await api.settled(3)).toMatchObject({ done: 2, error: 1 });
  expect(await api.dead()).toMatchObject([{ stage: "measure", reason: "output-missing", attempt: 1 }]);
});

test("a token that breaks its pod is alone in the error bucket, though one attempt is all that there is", async () => {
  const dev = await startDev([TOGETHER, "--data", temporaryFolder(), "--no-sample"]);
  const api = apiAt(dev.url, "together");
  await api.put({ name: "a" }, { name: "b", how: "break" }, { name: "c" });
  expect(await api.settled(3)).toMatchObject({ done: 2, error: 1 });
  expect(await api.dead()).toMatchObject([{ stage: "measure", reason: "exit", attempt: 2 }]);
  const measured = await jobsOf(dev.url, "measure");
  expect(measured.map(({ attempt, attemptsForgiven }) => [attempt, attemptsForgiven])).toEqual([
    [2, 1],
    [2, 1],
    [2, 1],
  ]);
});
