import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { JobRecord } from "../../lib/job/record.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { apiAt } from "./api.ts";
import { type Running, runJson, type Summary, startDev, startNode, until } from "./millrace.ts";

/** Stages that run in a cluster, with the local one: the real client over HTTP, pods as processes, and what is killed of them. */

const HEAVY = join(import.meta.dirname, "pipelines/heavy");
const FIXTURE = join(import.meta.dirname, "fixtures/runtime-that-dies.ts");

interface Made {
  readonly made: { readonly name: string; readonly attempt: number };
  readonly texts: readonly string[];
}

const madeOf = ({ results }: Pick<Summary, "results">): Made[] =>
  readFileSync(join(results, "outputs.ndjson"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => (JSON.parse(line) as { data: Made }).data)
    .sort((a, b) => a.made.name.localeCompare(b.made.name));

/** What has come of everything, once the runtime has stopped. */
async function summedUp(dev: Running, data: string): Promise<Summary> {
  dev.kill("SIGTERM");
  await dev.ended;
  const args = ["--once", "--json", "--no-sample", "--port", "0", "--data", data];
  return runJson<Summary>(["dev", HEAVY, ...args]);
}

/** Every object is of the attempt that made the data: none of a dead one's. */
function expectWhole(made: readonly Made[], files: Readonly<Record<string, number>>): void {
  expect(made.map(({ made: { name } }) => name)).toEqual(Object.keys(files));
  for (const {
    made: { name, attempt },
    texts,
  } of made) {
    const expected = Array.from({ length: files[name] ?? 0 }, (_, index) => `${name} ${attempt} ${index}`);
    expect(texts).toEqual(expected.sort());
  }
}

test("render: seven pages are drawn in a cluster, the one that is no text is in the error bucket", async () => {
  const data = temporaryFolder();
  const summary = await runJson<Summary>([
    "dev",
    "pipelines/render",
    "--once",
    "--json",
    "--port",
    "0",
    "--data",
    data,
  ]);
  expect(summary).toMatchObject({
    pipeline: "render",
    put: 4,
    done: 3,
    error: 1,
    outstanding: 0,
    stages: { paginate: { done: 4, error: 0 }, draw: { done: 7, error: 1 }, bind: { done: 7, error: 0 } },
  });
  const png = readFileSync(join(summary.results, "uuid-README.md/page-3.png"));
  expect(png.subarray(1, 4).toString("latin1")).toBe("PNG");
  // 92 lines of three pixels each, 120 columns of two.
  expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([240, 276]);
});

describe("the runtime is killed when", () => {
  test.for([
    ["a Job is to be made", "createNamespacedJob", 1],
    ["Jobs are made, their messages not yet parked", "ChangeMessageVisibility", 1],
    ["a pod has said that it runs", "UpdateItem", 4],
    ["a pod stores its output", "PutObject", 3],
    ["a Job is to be deleted, its outputs are sent", "deleteNamespacedJob", 1],
  ] as const)("%s (%s, call %i)", async ([, operation, nth]) => {
    const data = temporaryFolder();
    const died = await startNode([FIXTURE, HEAVY, data, operation, String(nth)]).ended;
    expect(died.signal, died.stderr).toBe("SIGKILL");
    const summary = await runJson<Summary>(["dev", HEAVY, "--once", "--json", "--port", "0", "--data", data]);
    expect(summary).toMatchObject({ put: 2, done: 2, error: 0, outstanding: 0 });
    expect(summary.stages).toMatchObject({ make: { done: 2, error: 0 }, end: { done: 2, error: 0 } });
    expectWhole(madeOf(summary), { a: 2, b: 2 });
  });
});

test("a rule that the operator allows to be broken is allowed where the pod is made, too", async () => {
  const folder = temporaryFolder();
  const patch = { op: "remove", path: "/containers/0/securityContext/readOnlyRootFilesystem" };
  const definition = {
    id: "loose",
    inputs: { in: { to: "write" } },
    stages: { write: { image: "test/writer:1", cpu: "100m", memory: "128Mi", podPatch: [patch] } },
  };
  const program = ["node", "-e", "require('node:fs').writeFileSync('kdp_output.json', '{}')"];
  writeFileSync(join(folder, "pipeline.yaml"), JSON.stringify(definition));
  writeFileSync(join(folder, "local.yaml"), JSON.stringify({ images: { "test/writer:1": { program } } }));
  const args = [folder, "--data", temporaryFolder(), "--no-sample"];
  const dev = await startDev(args, { env: { MILLRACE_POD_ALLOW: "writable-root" } });
  const api = apiAt(dev.url, "loose");
  await api.put({});
  expect(await api.settled(1)).toMatchObject({ done: 1, error: 0 });
});

test("a thousand files are one output; six hundred others are an output each: every one arrives, once", async () => {
  const data = temporaryFolder();
  const dev = await startDev([HEAVY, "--data", data, "--no-sample"]);
  const api = apiAt(dev.url, "heavy");
  await api.put({ name: "a", files: 1000 }, { name: "b", files: 600, each: true });
  const { stages } = await api.settled(2);
  expect(stages).toMatchObject({ make: { done: 2, error: 0 }, end: { done: 601, error: 0 } });
  const summary = await summedUp(dev, data);
  const made = madeOf(summary);
  expectWhole(made.slice(0, 1), { a: 1000 });
  const texts = made.slice(1).map((each) => each.texts);
  expect(texts.sort()).toEqual(Array.from({ length: 600 }, (_, index) => [`b 1 ${index}`]).sort());
});

/** Of this checkout: others may run on the machine. */
const AGENT = join(import.meta.dirname, "../../functions/agent/main.ts");

/** Processes of this machine whose command line has all of these words, as root or its owner sees them. */
const processesWith = (...words: string[]): number[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
        return words.every((word) => command.some((part) => part.endsWith(word))) ? [Number(pid)] : [];
      } catch {
        return [];
      }
    });

test("pods are killed: the program, and each half of the agent; every token ends once, by a living attempt", async () => {
  const data = temporaryFolder();
  const dev = await startDev([HEAVY, "--data", data, "--no-sample"]);
  const api = apiAt(dev.url, "heavy");
  const killed: string[] = [];
  const killNext = async (verb: "fetch" | "publish"): Promise<void> => {
    const known = new Set(processesWith(AGENT, verb));
    const [pid] = await until(
      async () => processesWith(AGENT, verb).filter((each) => !known.has(each)),
      (pids) => pids.length > 0,
    );
    process.kill(pid!, "SIGKILL");
    killed.push(verb);
  };
  const fetchDies = killNext("fetch");
  await api.put({ name: "a", files: 1 });
  await fetchDies;
  const publishDies = killNext("publish");
  await api.put({ name: "b", files: 300 });
  await publishDies;
  await api.put({ name: "c", files: 2, first: "kill" }, { name: "d", files: 2, first: "exit" });
  await api.settled(4);
  expect(killed).toEqual(["fetch", "publish"]);
  const { jobs: listed } = (await (await fetch(api.at("/jobs?stage=make"))).json()) as { jobs: JobRecord[] };
  // A list leaves out what events carry.
  const jobs = await Promise.all(
    listed.map(async ({ id }) => (await fetch(`${dev.url}/v1/jobs/${id}`)).json() as Promise<JobRecord>),
  );
  const retries = jobs.flatMap(({ history }) =>
    history
      .filter(({ event }) => event === "retry")
      .map(({ data }) => data as { reason: string; exitCode: number }),
  );
  expect(retries.map(({ reason, exitCode }) => [reason, exitCode]).sort()).toEqual([
    ["agent", 137],
    ["agent", 137],
    ["exit", 137],
    ["exit", 3],
  ]);
  const summary = await summedUp(dev, data);
  expectWhole(madeOf(summary), { a: 1, b: 300, c: 2, d: 2 });
});
