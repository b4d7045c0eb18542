import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fetchInput } from "../../../lib/agent/fetch-input.ts";
import { findOutput } from "../../../lib/agent/output-files.ts";
import { Manifest, UploadsRequest } from "../../../lib/agent/protocol.ts";
import { runAgent } from "../../../lib/agent/run-agent.ts";
import { fileNames } from "../../../lib/api/agent-routes.ts";
import { VirtualClock } from "../../virtual-clock.ts";
import { folderOf } from "./folders.ts";

const JOB = "0f8fad5b-d9cb-469f-a165-70867728950e";
const POD = "pod-1";

/** An API and a bucket, as an agent sees them. The URLs of the first page are too old when their turn comes. */
function outside() {
  const bucket = new Map<string, string>();
  const pages: number[] = [];
  const events: { event: string; data?: unknown }[] = [];
  const keys: string[] = [];
  let expired = 0;
  let refusal: { status: number; code: string; event: string } | undefined;
  let back = 0;
  const clock = new VirtualClock();
  const answers: Record<string, (body: string) => unknown> = {
    "pod/uploads": (body) => {
      const { files } = UploadsRequest.parse(JSON.parse(body));
      pages.push(files.length);
      return {
        uploads: files.map(({ name }) => ({
          key: `at/${POD}/${name}`,
          url: `s3:at/${POD}/${name}`,
          headers: {},
        })),
      };
    },
    "pod/manifest": () => ({ key: "at/_manifest.json", url: "s3:at/_manifest.json", headers: {} }),
    "pod/input?from=0": () => ({ token: "t", run: "r", attempt: 1, data: { page: 7 }, objects: [] }),
    events: (body) => {
      events.push(JSON.parse(body));
      return { applied: true, state: "FINISHED" };
    },
  };
  const ask = async (url: string, init: RequestInit = {}): Promise<Response> => {
    if (clock.now() < back) {
      // A gateway that has no function behind it, or nobody at all.
      if (clock.now() % 2 === 0) throw new TypeError("fetch failed", { cause: new Error("ECONNREFUSED") });
      return new Response("", { status: 503 });
    }
    if (url.startsWith("s3:")) {
      if (expired === 0 && bucket.size === 100) {
        expired += 1;
        return new Response("", { status: 403 });
      }
      bucket.set(url.slice(3), await (init.body as Blob).text());
      return new Response("", { headers: { etag: '"e"' } });
    }
    const path = url.replace(/^.*\/v1\/jobs\/[^/]+\//, "");
    const body = String(init.body);
    keys.push(new Headers(init.headers).get("authorization")?.replace("Bearer ", "") ?? "");
    if (refusal && path === "events" && JSON.parse(body).event === refusal.event) {
      return Response.json({ code: refusal.code, detail: "no" }, { status: refusal.status });
    }
    return Response.json(answers[path]?.(body));
  };
  return {
    bucket,
    pages,
    events,
    /** Nobody answers until so many milliseconds have passed. */
    awayFor: (ms: number) => {
      back = clock.now() + ms;
    },
    /** Shown with each request, in order. */
    keys,
    refuse: (status: number, code: string, event = "finish") => {
      refusal = { status, code, event };
    },
    clock,
    dependencies: { fetch: ask as typeof fetch, clock, random: () => 0.1 },
    env: (out: string, key = "key") => ({
      MILLRACE_API: "http://api.example",
      MILLRACE_ATTEMPTS: JSON.stringify([{ job: JOB, attempt: 1, key }]),
      MILLRACE_POD: POD,
      MILLRACE_IN: "/in",
      MILLRACE_OUT: out,
    }),
  };
}

test("a thousand files are stored page by page, the manifest last, though URLs grow old on the way", async () => {
  const names = Array.from({ length: 1001 }, (_, index) => `pages/${String(index).padStart(4, "0")}.txt`);
  const folder = folderOf(Object.fromEntries(names.map((name) => [name, `text of ${name}`])));
  const world = outside();
  const said: string[] = [];
  const log = (_: string, message: string): void => void said.push(message);
  expect(await runAgent("publish", world.env(folder), world.dependencies, log)).toBe(0);
  expect(world.pages[0]).toBe(250);
  // What was stored before the first URL was too old is not asked for again.
  expect(world.pages[1]).toBeLessThan(160);
  expect(world.pages.slice(2)).toEqual([250, 250, 250, 1]);
  expect([...world.bucket.keys()].at(-1)).toBe("at/_manifest.json");
  const manifest = Manifest.parse(JSON.parse(world.bucket.get("at/_manifest.json") ?? ""));
  expect(manifest.outputs[0]?.objects.map(({ key }) => key)).toEqual(
    names.map((name) => `at/${POD}/${name}`),
  );
  expect(world.bucket.get(`at/${POD}/pages/0777.txt`)).toBe("text of pages/0777.txt");
  expect(world.events.map(({ event }) => event)).toEqual(["finish"]);
  expect(said).toEqual(["the output is stored"]);
});

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** An agent on the virtual clock: its exit code, how long it took, and what it said. */
async function ran(verb: "fetch" | "publish", world: ReturnType<typeof outside>, env: object) {
  const said: string[] = [];
  let code: number | undefined;
  const began = world.clock.now();
  void runAgent(verb, env as never, world.dependencies, (_, message) => said.push(message)).then((ended) => {
    code = ended;
  });
  // While nothing is scheduled it is the disk that is waited for.
  while (code === undefined)
    await world.clock.runUntil(() => code !== undefined || world.clock.waiting === 0);
  return { code, ms: world.clock.now() - began, said };
}

test("when nobody answers for eleven hours, the work of the program is not lost", async () => {
  const world = outside();
  world.awayFor(11 * HOUR);
  const { code, ms, said } = await ran("publish", world, world.env(folderOf({ "a.txt": "a", "b.txt": "b" })));
  expect(code).toBe(0);
  expect(ms).toBeLessThan(11 * HOUR + MINUTE);
  expect(said.at(-1)).toBe("the output is stored");
  expect(said.filter((line) => line.startsWith("waiting, and trying again: "))).toHaveLength(116);
  const stored = [...world.bucket.keys()];
  expect(stored.at(-1)).toBe("at/_manifest.json");
  expect(stored.sort()).toEqual(["at/_manifest.json", `at/${POD}/a.txt`, `at/${POD}/b.txt`]);
});

test("it is lost when its key's time is over; the input is waited for for half an hour", async () => {
  const world = outside();
  world.awayFor(1000 * HOUR);
  const exp = world.clock.now() / 1000 + 72 * 3600;
  const key = `mk1.k1.scans.${JOB}.1.${exp}.work.${"0".repeat(32)}.${"A".repeat(43)}`;
  const published = await ran("publish", world, world.env(folderOf({ "a.txt": "a" }), key));
  expect(published).toMatchObject({ code: 1, ms: 72 * HOUR });
  const fetched = await ran("fetch", world, world.env(folderOf()));
  expect(fetched).toMatchObject({ code: 1, ms: 30 * MINUTE });
});

test("an output that is none is told for five minutes, then the pod's status is enough", async () => {
  const world = outside();
  world.awayFor(HOUR);
  expect(await ran("publish", world, world.env(folderOf()))).toMatchObject({ code: 1, ms: 5 * MINUTE });
});

test("the manifest's URL has grown too old while the bucket was away: there is another", async () => {
  const world = outside();
  const files = Array.from({ length: 100 }, (_, index) => [`${index}.txt`, "a"]);
  const { code } = await ran("publish", world, world.env(folderOf(Object.fromEntries(files))));
  expect(code).toBe(0);
  expect(world.bucket.has("at/_manifest.json")).toBe(true);
});

test("an output that the API cannot pass on is the program's fault, and is told at once", async () => {
  const world = outside();
  world.refuse(422, "output-invalid");
  const folder = folderOf({ "kdp_output.json": "{}" });
  expect(await runAgent("publish", world.env(folder), world.dependencies, () => {})).toBe(1);
  expect(world.events).toMatchObject([{ event: "fail", data: { reason: "output-invalid" } }]);
});

test("a link in place of the program's folder is not followed", async () => {
  const folder = folderOf({ "elsewhere/secret.txt": "s", "out/a.txt": "a" });
  renameSync(join(folder, "out"), join(folder, "moved"));
  symlinkSync(join(folder, "elsewhere"), join(folder, "out"));
  await expect(findOutput(join(folder, "out"))).rejects.toMatchObject({ reason: "output-invalid" });
});

test("a program that runs as another user of the pod's group can leave its output", async () => {
  const folder = folderOf();
  const folders = { in: join(folder, "in"), out: join(folder, "out") };
  // By another container, or an image's own idea of it.
  mkdirSync(folders.out);
  chmodSync(folders.out, 0o700);
  const api = { input: async () => ({ token: "t", run: "r", attempt: 1, data: { a: 1 }, objects: [] }) };
  const patience = { ms: 0, until: 0, waiting: () => {} };
  await fetchInput(api as never, folders, { ...outside().dependencies, patience });
  expect([folders.in, folders.out].map((each) => (statSync(each).mode & 0o777).toString(8))).toEqual([
    "775",
    "775",
  ]);
  expect(readFileSync(join(folders.out, "kdp_input.json"), "utf8")).toBe('{"a":1}');
});

test("data that the API cannot answer are fetched from the bucket", async () => {
  const folder = folderOf();
  const folders = { in: join(folder, "in"), out: join(folder, "out") };
  const text = JSON.stringify({ data: { text: "a".repeat(5_000_000) }, objects: [] });
  const sha256 = createHash("sha256").update(text).digest("hex");
  const payload = {
    object: { key: "out/_payload.json", size: text.length, etag: '"e"', sha256 },
    url: "s3:payload",
  };
  const api = { input: async () => ({ token: "t", run: "r", attempt: 1, payload, objects: [] }) };
  const asked: string[] = [];
  const ask = async (url: string): Promise<Response> => {
    asked.push(url);
    // The first time the URL is too old.
    return asked.length === 1 ? new Response("", { status: 403 }) : new Response(text);
  };
  const dependencies = { ...outside().dependencies, fetch: ask as typeof fetch };
  const patience = { ms: 0, until: 0, waiting: () => {} };
  await fetchInput(api as never, folders, { ...dependencies, patience });
  expect(asked).toEqual(["s3:payload", "s3:payload"]);
  expect(readFileSync(join(folders.out, "kdp_input.json"), "utf8")).toBe(
    JSON.stringify({ text: "a".repeat(5_000_000) }),
  );
  expect(readdirSync(folders.in)).toEqual(["token.json"]);
});

test("no two objects of a token become one file", () => {
  const all = ["a/x", "b/x", "c/0-x", "d/2024-01-01.csv", "e/..", "f/token.json", "g/4-"].map((key) => ({
    key,
  }));
  const names = fileNames(all);
  expect(names).toEqual(["0-x", "1-x", "2-0-x", "2024-01-01.csv", "4-_", "5-token.json", "6-4-"]);
  expect(new Set(names).size).toBe(7);
});

const OTHER = "1f8fad5b-d9cb-469f-a165-70867728950e";
/** Two tokens in a pod. */
const two = (env: Record<string, string>, folders: Record<string, string>) => ({
  ...env,
  ...folders,
  MILLRACE_ATTEMPTS: JSON.stringify([
    { job: JOB, attempt: 1, key: "key-1", folder: "t1", callback: { url: "http://api/1", key: "own-1" } },
    { job: OTHER, attempt: 1, key: "key-2", folder: "t2", callback: { url: "http://api/2", key: "own-2" } },
  ]),
});

test("each of the tokens of a pod has a folder for its input and one for its output, and its own callback", async () => {
  const world = outside();
  const folder = folderOf();
  const env = two(world.env(""), { MILLRACE_IN: join(folder, "in"), MILLRACE_OUT: join(folder, "out") });
  expect(await runAgent("fetch", env, world.dependencies, () => {})).toBe(0);
  expect(readFileSync(join(folder, "out", "t2", "kdp_input.json"), "utf8")).toBe('{"page":7}');
  expect(JSON.parse(readFileSync(join(folder, "in", "t2", "token.json"), "utf8"))).toEqual({
    id: "t",
    run: "r",
    attempt: 1,
    data: { page: 7 },
    objects: [],
    callback: { url: "http://api/2", key: "own-2" },
  });
  expect(world.events.map(({ event }) => event)).toEqual(["run", "run"]);
  expect(world.keys).toEqual(["key-1", "key-1", "key-2", "key-2"]);
});

test("a token whose input is not there leaves no folder: the program finds the others, each whole", async () => {
  const world = outside();
  const folder = folderOf();
  const [inFolder, outFolder] = [join(folder, "in"), join(folder, "out")];
  const env = two(world.env(""), { MILLRACE_IN: inFolder, MILLRACE_OUT: outFolder });
  const refusing = async (...[url, init]: Parameters<typeof fetch>): Promise<Response> =>
    String(url).includes(`${JOB}/pod/input`)
      ? Response.json({ code: "object-missing", detail: "it is gone" }, { status: 422 })
      : world.dependencies.fetch(url, init);
  const code = await runAgent("fetch", env, { ...world.dependencies, fetch: refusing }, () => {});
  expect(code).toBe(0);
  expect(world.events).toMatchObject([
    { event: "run" },
    { event: "fail", data: { reason: "object-missing" } },
    { event: "run" },
  ]);
  expect([readdirSync(inFolder), readdirSync(outFolder)]).toEqual([["t2"], ["t2"]]);
});

test("a token without output fails alone; the others of its pod are stored", async () => {
  const world = outside();
  const folder = folderOf({ "t2/kdp_output.json": '{"ok":true}' });
  mkdirSync(join(folder, "t1"));
  const code = await runAgent("publish", two(world.env(folder), {}), world.dependencies, () => {});
  expect(code).toBe(0);
  expect(world.events).toMatchObject([
    { event: "fail", data: { reason: "output-missing" } },
    { event: "finish" },
  ]);
  expect(Manifest.parse(JSON.parse(world.bucket.get("at/_manifest.json") ?? ""))).toMatchObject({
    job: OTHER,
    outputs: [{ data: { ok: true } }],
  });
});

test("a pod none of whose tokens came to anything has failed", async () => {
  const world = outside();
  const folder = folderOf();
  for (const token of ["t1", "t2"]) mkdirSync(join(folder, token));
  expect(await runAgent("publish", two(world.env(folder), {}), world.dependencies, () => {})).toBe(1);
  expect(world.events.map(({ event }) => event)).toEqual(["fail", "fail"]);
});

test("a failure that the API did not hear of is left to the pod to tell", async () => {
  const world = outside();
  world.refuse(403, "forbidden", "fail");
  const folder = folderOf({ "t2/kdp_output.json": "{}" });
  mkdirSync(join(folder, "t1"));
  expect(await runAgent("publish", two(world.env(folder), {}), world.dependencies, () => {})).toBe(1);
  expect(world.events.map(({ event }) => event)).toEqual(["finish"]);
});

test.for([
  ["no list", "nonsense", "is not JSON"],
  ["an empty list", "[]", "Too small"],
  ["a folder that leads out", JSON.stringify([{ job: JOB, attempt: 1, key: "k", folder: "../x" }]), "folder"],
] as const)("attempts that are %s end the agent at once", async ([, attempts, message]) => {
  const world = outside();
  const said: string[] = [];
  const env = { ...world.env("/out"), MILLRACE_ATTEMPTS: attempts };
  expect(await runAgent("fetch", env, world.dependencies, (_, text) => said.push(text))).toBe(2);
  expect(said.join()).toContain(message);
});
