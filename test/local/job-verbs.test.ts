import { expect, test } from "vitest";
import { PipelineJob } from "../../lib/client/pipeline-job.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { run, runJson, startDev } from "./millrace.ts";

/** What the command line does to jobs that outlast an invocation: what it prints as JSON, and how it ends. */

interface Made {
  readonly id: string;
  readonly key?: string;
  readonly nonce?: string;
  readonly path: string;
  readonly state: string;
}

test("a job from its making to its end, by its worker and by its operator", async () => {
  const { url } = await startDev(["pipelines/fcs-etl", "--data", temporaryFolder()]);
  const env = { MILLRACE_URL: url };
  const jobs = <T>(args: readonly string[], more: Record<string, string> = {}): Promise<T> =>
    runJson<T>(["jobs", ...args, "--json"], { env: { ...env, ...more } });
  const codeOf = async (args: readonly string[], more: Record<string, string> = {}) => {
    const { code, stderr } = await run(["jobs", ...args], { env: { ...env, ...more } });
    return [code, stderr.split("\n")[0]];
  };

  const description = [
    "create",
    "fcs-etl",
    "--parameter",
    "plate=7",
    "--parameter",
    "strict=true",
    "--session",
    "plate-7",
  ];
  const made = await jobs<Made>([...description, "--nonce"]);
  expect(made).toMatchObject({
    state: "CREATED",
    key: expect.stringMatching(/^mk1\./),
    nonce: expect.any(String),
  });
  expect(made.path).toMatch(/\/plate-7-\d{8}T\d{6}Z$/);
  expect(await jobs<Made>(description)).toEqual({ id: made.id, path: made.path, state: "CREATED" });

  const { id, key = "", nonce = "" } = made;
  const worker = { MILLRACE_JOB_KEY: key, MILLRACE_JOB_NONCE: nonce };
  expect(await codeOf(["event", id, "run"], { MILLRACE_JOB_KEY: key })).toEqual([
    1,
    "error: there is no such job, or the key is not good for this",
  ]);
  expect(await jobs(["event", id, "run"], worker)).toEqual({ applied: true, state: "RUNNING" });
  const half = ["event", id, "update", "--data", '{"percent":50}', "--id", "half"];
  expect(await jobs(half, worker)).toEqual({ applied: true, state: "RUNNING" });
  expect(await jobs(half, worker)).toEqual({ applied: false, reason: "duplicate", state: "RUNNING" });
  expect(await codeOf(["event", id, "update", "--data", "{percent"], worker)).toEqual([
    2,
    expect.stringContaining("It is not JSON"),
  ]);

  await new PipelineJob({ id, key, nonce }, { url }).archive("events.csv", "1,2\n");
  expect(await codeOf(["event", id, "finish", "--watch"], worker)).toEqual([0, "FINISHED"]);
  expect(await jobs(["files", id])).toMatchObject({
    path: made.path,
    files: [{ name: "events.csv", level: "1", size: 4 }],
  });
  expect(await jobs(["event", id, "run"], worker)).toEqual({
    applied: false,
    reason: "finished",
    state: "FINISHED",
  });

  expect(await codeOf(["key", id, "--revoke"])).toEqual([0, ""]);
  expect((await codeOf(["event", id, "retire"], worker))[0]).toBe(1);
  expect(await jobs(["reset", id])).toMatchObject({ state: "RESET", wiped: { objects: 1, bytes: 4 } });
  expect(await jobs(["ready", id])).toMatchObject({ state: "CREATED" });
  expect(await codeOf(["event", id, "fail", "--data", '"no sample"', "--watch"])).toEqual([1, "FAILED"]);
  expect(await jobs(["delete", id, "--purge", "--dry-run"])).toMatchObject({
    dryRun: true,
    wiped: { objects: 0 },
  });
  expect(await jobs(["delete", id, "--purge"])).toMatchObject({ deleted: true });
  expect(await codeOf(["show", id])).toEqual([1, `error: there is no job "${id}"`]);
  expect(await codeOf(["watch", id])).toEqual([1, `error: there is no job "${id}"`]);

  // Whoever has done nothing yet may call it off.
  const other = await jobs<Made>(["create", "fcs-etl", "--parameter", "plate=8"]);
  expect(await jobs(["cancel", other.id])).toMatchObject({ state: "CANCELLED" });
  expect(await codeOf(["watch", other.id])).toEqual([1, "CANCELLED"]);
});
