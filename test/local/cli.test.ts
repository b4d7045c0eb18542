import { once } from "node:events";
import { truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Board } from "../../lib/board/board.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { apiAt } from "./api.ts";
import { run, runJson, startDev } from "./millrace.ts";

/** The command line: what it prints where, and how it ends. */
const HOP = join(import.meta.dirname, "pipelines/hop");
const RELAY = join(import.meta.dirname, "pipelines/relay");

const broken = (): string => {
  const folder = temporaryFolder();
  writeFileSync(
    join(folder, "pipeline.yaml"),
    "id: q\ngraph:\n  nodes:\n    start: { image: a, paralellism: 3 }\n    last: { image: b }\n  edges:\n    - { source: start, target: lst }\n",
  );
  return folder;
};

test("validate: 0 and the names when all is well; 1 and every defect when it is not", async () => {
  const good = await run(["validate"]);
  expect([good.code, good.stdout]).toEqual([0, "ok: fcs-etl, queue-example, render, scans, validate\n"]);

  const bad = await run(["validate", join(broken(), "pipeline.yaml"), "--json"]);
  expect(bad.code).toBe(1);
  const { ok, defects } = JSON.parse(bad.stdout) as {
    ok: boolean;
    defects: { line: number; column: number; rule: string; hint: string }[];
  };
  expect(ok).toBe(false);
  expect(defects.map(({ line, column, rule }) => [line, column, rule])).toEqual([
    [4, 5, "several-roots"],
    [4, 24, "unknown-key"],
    [5, 5, "several-roots"],
    [7, 32, "edge-unknown-stage"],
  ]);
  expect(defects.find(({ rule }) => rule === "unknown-key")?.hint).toBe('did you mean "parallelism"?');
});

test("wrong usage is told in two lines, which no help pushes out of sight", async () => {
  const { code, stderr } = await run(["jobs", "lst"]);
  expect([code, stderr]).toEqual([
    2,
    "error: unknown command 'lst'\n(Did you mean list?)\n  --help tells what there is\n",
  ]);
});

test("plan shows queues by both their names", async () => {
  const { code, stdout } = await run(["plan", "pipelines/queue-example"]);
  expect(code).toBe(0);
  for (const name of [
    "queue-example-work",
    "start-last-work",
    "start-last-claimed",
    "millrace_queue-example_start_last",
  ]) {
    expect(stdout).toContain(name);
  }
  const plan = await runJson<{ v: number; pipelines: { id: string }[] }>(["plan", "--json"]);
  expect(plan.pipelines.map(({ id }) => id)).toEqual([
    "fcs-etl",
    "queue-example",
    "render",
    "scans",
    "validate",
  ]);
  const limits = await run(["plan", "--limits"]);
  expect(limits.stdout).toContain("2026-11-22");
});

test.for([
  [["--help"], 0],
  [["--version"], 0],
  [["dev", "--help"], 0],
  [["dead", "retry", "--help"], 0],
  [["nonsense"], 2],
  [["validate", "--nonsense"], 2],
  [["board", "--url", "not a url"], 2],
  [["board", "--url", "ftp://127.0.0.1"], 2],
  [["put", "hop"], 2],
  [["dead", "retry", "hop"], 2],
  [["dead", "skip", "hop", "--dry-run"], 2],
  [["jobs", "list", "hop", "--limit", "many"], 2],
  [["jobs", "list", "hop", "--limit", "201"], 2],
  [["dev", "--port", "70000"], 2],
  [["plan", "--app", "2nd"], 2],
  [["plan", "--allow-orphans"], 2],
  [["validate", "no/such/path"], 1],
  [["plan", "/dev/null"], 1],
  [["board", "--url", "http://127.0.0.1:9"], 3],
] as const)("millrace %s ends with %i", async ([args, code]) => {
  const ended = await run(args);
  expect(ended.code, ended.stderr).toBe(code);
  // Errors go beside the result, and say what to do.
  if (code !== 0) expect([ended.stdout, ended.stderr.length > 20]).toEqual(["", true]);
});

test("an upload that nobody takes is a service's fault, told in two lines; one that nobody could take is not tried", async () => {
  const asked: string[] = [];
  const api = createServer(({ url = "" }, response) => {
    asked.push(url);
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ key: "relay/a.txt", url: "http://127.0.0.1:9/bucket/relay/a.txt" }));
  });
  api.listen(0, "127.0.0.1");
  await once(api, "listening");
  onTestFinished(() => void api.close());
  const url = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
  const file = join(temporaryFolder(), "a.txt");
  writeFileSync(file, "a");
  const failed = await run(["put", "relay", file, "--url", url]);
  expect([failed.code, failed.stdout]).toEqual([3, ""]);
  expect(failed.stderr).toMatch(
    /^error: uploading .*a\.txt failed: http:\/\/127\.0\.0\.1:9: .+\n {2}what was uploaded before it is above; put the rest again\n$/,
  );
  expect(asked).toEqual(["/v1/pipelines/relay/uploads"]);

  truncateSync(file, 5 * 1024 ** 3 + 1);
  const large = await run(["put", "relay", file, "--url", url]);
  expect([large.code, large.stdout]).toEqual([1, ""]);
  expect(large.stderr).toContain("one upload takes at most 5368709120\n  nothing was put; aws s3 cp");
  expect(asked).toHaveLength(1);
});

test("put, board, jobs and token log against a runtime", async () => {
  const dev = await startDev([HOP, RELAY, "--data", temporaryFolder(), "--no-sample"]);
  const millrace = (...args: string[]) => run([...args, "--url", dev.url]);
  const folder = temporaryFolder();
  const lines = join(folder, "tokens.ndjson");
  writeFileSync(lines, Array.from({ length: 250 }, (_, index) => JSON.stringify({ index })).join("\n"));
  const put = await millrace("put", "hop", "--data", '{"single":true}', "--lines", lines);
  expect(put.code).toBe(0);
  expect(put.stdout.trimEnd().split("\n")).toHaveLength(251);
  expect(put.stderr).toContain("put 251 of 251");

  writeFileSync(lines, '{"good":1}\nbad\n');
  const refused = await millrace("put", "hop", "--lines", lines);
  expect([refused.code, refused.stdout]).toEqual([1, ""]);
  expect(refused.stderr).toContain(`${lines}:2 is not JSON`);

  const upload = join(folder, "a b+c.txt");
  writeFileSync(upload, "x1 x2");
  const uploaded = await millrace("put", "relay", upload);
  expect([uploaded.code, uploaded.stdout]).toEqual([0, "relay/a b+c.txt\n"]);

  await apiAt(dev.url, "hop").settled(251);
  await apiAt(dev.url, "relay").settled(1);
  const boards = await runJson<Board[]>(["board", "--json", "--url", dev.url]);
  expect(boards.map(({ pipeline, put: count, done }) => [pipeline, count, done])).toEqual([
    ["hop", 251, 251],
    ["relay", 1, 1],
  ]);
  const board = await millrace("board", "hop");
  expect(board.stdout).toBe(
    [
      "hop  put 251 = done 251 + in error 0 + outstanding 0",
      "list               waiting  claimed list          claimed  parked  error  skipped  done",
      "hop-work                 0  hop-claimed                 0       0      0        0   251",
      "first-second-work        0  first-second-claimed        0       0      0        0   251",
      "",
    ].join("\n"),
  );

  const { jobs } = await runJson<{ jobs: { id: string; stage: string }[] }>([
    "jobs",
    "list",
    "relay",
    "--stage",
    "split",
    "--json",
    "--url",
    dev.url,
  ]);
  expect(jobs.map(({ stage }) => stage)).toEqual(["split"]);
  const shown = await millrace("jobs", "show", jobs[0]?.id ?? "");
  expect(shown.stdout).toContain("outputs   2 (2 tokens)");
  const log = await millrace("token", "log", jobs[0]?.id ?? "");
  expect(log.stdout.split("\n").filter((line) => line.startsWith("store"))).toHaveLength(6);
  expect(await millrace("jobs", "logs", jobs[0]?.id ?? "")).toMatchObject({
    code: 0,
    stdout: "",
    stderr: "nothing is on record: a job keeps its log when an attempt ends\n",
  });
  const unknown = await millrace("jobs", "show", "nobody");
  expect([unknown.code, unknown.stderr]).toEqual([
    1,
    'error: there is no job "nobody"\n  list them: millrace jobs list PIPELINE\n',
  ]);
  expect((await millrace("jobs", "list", "hop", "--run", "none")).stdout).toBe("there is no such job\n");
  const retried = await millrace("dead", "retry", "hop", "--all");
  expect([retried.code, retried.stdout, retried.stderr]).toEqual([
    1,
    "",
    "error: nothing in the error bucket is like that\n  what is there: millrace dead list hop\n",
  ]);
  expect((await millrace("dead", "list", "hop")).stdout).toBe("nothing lies in the error bucket\n");
});
