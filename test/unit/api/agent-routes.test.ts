import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { InputPage, UploadsAnswer } from "../../../lib/agent/protocol.ts";
import { derivedKey, type KeyRecord } from "../../../lib/job/callback-key.ts";
import { decodeEnvelope, encodeEnvelope, type ObjectRef } from "../../../lib/token/envelope.ts";
import type { Json } from "../../../lib/token/json.ts";
import { type Call, callbacks, RING } from "./around-callbacks.ts";

/** What an agent in a pod may ask for with its job's key, and what comes of a key that is not good for it. */

const HOUR = 3_600_000;
const NOBODYS = "0b366ef8-43db-51dc-b35d-70e5629bea9a";
const SHA256 = createHash("sha256").update("a").digest("hex");
const FILE = { name: "a.txt", size: 1, sha256: SHA256 };
const BODIES = {
  "pod/input": "",
  "pod/uploads": JSON.stringify({ pod: "pod-1", files: [FILE] }),
  "pod/manifest": JSON.stringify({ size: 1, sha256: SHA256 }),
} as const;
const ROUTES = Object.keys(BODIES) as (keyof typeof BODIES)[];
const FORBIDDEN = {
  statusCode: 403,
  body: JSON.stringify({
    type: "about:blank",
    status: 403,
    code: "forbidden",
    detail: "there is no such job, or the key is not good for this",
  }),
};

type Around = ReturnType<typeof callbacks>;

const call = (job: string, key: string, route: keyof typeof BODIES, more: Call = {}): Call => ({
  path: `/v1/jobs/${job}/${route}`,
  headers: { authorization: `Bearer ${key}` },
  body: BODIES[route],
  ...more,
});

/** Another key of the job's, made with the right secret. */
function keyOf(around: Around, id: string, claims: { attempt?: number; scope?: KeyRecord["scope"] }): string {
  const { key, pipeline, begun } = around.row(id);
  if (!key) throw new Error("the row has no key");
  return derivedKey({ ...key, pipeline, job: id, attempt: begun, ...claims }, RING);
}

/** A job whose token has so many objects, and this data. */
async function withObjects(around: Around, count: number, data: Json = { sample: 7 }) {
  const { id, key } = await around.tokens();
  const objects: ObjectRef[] = Array.from({ length: count }, (_, index) => ({
    key: `in/page-${index}.txt`,
    size: index,
    etag: '"e"',
  }));
  const envelope = decodeEnvelope(around.row(id).body ?? "");
  const payload = JSON.stringify({ data, objects });
  around.bucket.set("in/_payload.json", Buffer.from(payload));
  const ref = {
    key: "in/_payload.json",
    size: payload.length,
    etag: '"e"',
    sha256: createHash("sha256").update(payload).digest("hex"),
  };
  around.jobs.rows.set(id, { ...around.row(id), body: encodeEnvelope({ ...envelope, payload: ref }) });
  return { id, key };
}

async function answerOf(around: Around, asked: Call): Promise<{ status: number; body: { code?: string } }> {
  const { statusCode, body } = await around.send(asked);
  return { status: statusCode, body: JSON.parse(body) };
}

test("the input comes by pages: the data once, and each object once, with a URL of its own", async () => {
  const around = callbacks();
  const { id, key } = await withObjects(around, 750);
  const pages: InputPage[] = [];
  for (let from: number | undefined = 0; from !== undefined; from = pages.at(-1)?.next) {
    const asked = call(id, key, "pod/input", { query: { from: String(from) } });
    pages.push(InputPage.parse((await answerOf(around, asked)).body));
  }
  expect(pages.map(({ objects, next, data }) => [objects.length, next, data])).toEqual([
    [250, 250, { sample: 7 }],
    [250, 500, undefined],
    [250, undefined, undefined],
  ]);
  expect(pages.map(({ attempt }) => attempt)).toEqual([1, 1, 1]);
  const objects = pages.flatMap((page) => page.objects);
  expect(new Set(objects.map(({ name }) => name)).size).toBe(750);
  expect(objects[500]).toEqual({
    name: "page-500.txt",
    object: { key: "in/page-500.txt", size: 500, etag: '"e"' },
    url: "http://127.0.0.1/in/page-500.txt",
  });
});

test("data that no answer can hold are read from the bucket, however often they are to be escaped", async () => {
  const around = callbacks();
  const { id, key } = await withObjects(around, 250, "\\".repeat(1024 ** 2));
  const page = InputPage.parse((await answerOf(around, call(id, key, "pod/input"))).body);
  expect(page.data).toBeUndefined();
  expect(page.payload).toMatchObject({
    object: { key: "in/_payload.json" },
    url: "http://127.0.0.1/in/_payload.json",
  });
  expect(page.objects).toHaveLength(250);
});

test("a page beyond the last is empty; what is no number is none", async () => {
  const around = callbacks();
  const { id, key } = await around.tokens();
  const pageAt = (from: string) => answerOf(around, call(id, key, "pod/input", { query: { from } }));
  expect(await pageAt("250")).toMatchObject({ status: 200, body: { objects: [] } });
  for (const from of ["-1", "1.5", "one", "9007199254740993"])
    expect(await pageAt(from), from).toMatchObject({ status: 422, body: { code: "invalid-request" } });
  const other = call(id, key, "pod/input", { query: { from: "0", limit: "1" } });
  expect(await answerOf(around, other)).toMatchObject({ status: 422, body: { code: "invalid-request" } });
});

test("files are stored below the attempt and the pod, the manifest below the attempt", async () => {
  const around = callbacks();
  const { id, key } = await around.tokens();
  const { path } = around.row(id);
  const files = ["a.txt", "pages/b.txt", "日本.txt"].map((name) => ({ ...FILE, name }));
  const body = JSON.stringify({ pod: "pod-1", files });
  const { uploads } = UploadsAnswer.parse(
    (await answerOf(around, call(id, key, "pod/uploads", { body }))).body,
  );
  expect(path).toMatch(/^\/out\/lab\/measure\/.+\/1$/);
  expect(uploads.map((upload) => upload.key)).toEqual([
    `${path.slice(1)}/pod-1/a.txt`,
    `${path.slice(1)}/pod-1/pages/b.txt`,
    `${path.slice(1)}/pod-1/日本.txt`,
  ]);
  expect(await answerOf(around, call(id, key, "pod/manifest"))).toMatchObject({
    status: 200,
    body: { key: `${path.slice(1)}/_manifest.json` },
  });
});

test("many calls cost one read of the row each, and no write: the next pod asks the same once more", async () => {
  const around = callbacks();
  const { id, key } = await around.tokens();
  const before = JSON.stringify([...around.jobs.rows]);
  const { get } = around.jobs;
  let reads = 0;
  around.jobs.get = async (...args) => {
    reads += 1;
    return get(...args);
  };
  const asked = Array.from({ length: 60 }, () => ROUTES.map((route) => call(id, key, route))).flat();
  const answers = await Promise.all(asked.map((each) => around.send(each)));
  expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([200]));
  expect(reads).toBe(180);
  expect(JSON.stringify([...around.jobs.rows])).toBe(before);
});

for (const route of ROUTES) {
  test(`${route}: whoever has no good key is told one and the same`, async () => {
    const around = callbacks();
    const { id, key } = await around.tokens();
    const other = await around.outsiders();
    const before = JSON.stringify([...around.jobs.rows]);
    const asked: Record<string, Call> = {
      "no key": { ...call(id, key, route), headers: {} },
      "another job's key": call(id, other.key, route),
      "a key shown to another job": call(other.id, key, route),
      "a job that there is not": call(NOBODYS, key, route),
      "a key of a job that there is not": call(
        NOBODYS,
        derivedKey({ ...around.row(id).key!, pipeline: "lab", job: NOBODYS, attempt: 1 }, RING),
        route,
      ),
      "a program's key": call(id, keyOf(around, id, { scope: "progress" }), route),
      "a job that has no token": call(other.id, other.key, route),
    };
    for (const [what, each] of Object.entries(asked))
      expect(await around.send(each), what).toMatchObject(FORBIDDEN);
    expect(JSON.stringify([...around.jobs.rows])).toBe(before);
  });

  test(`${route}: a key that is too old, was revoked or renewed is none`, async () => {
    const around = callbacks();
    const { id, key } = await around.tokens();
    const renewed = await around.renewed(id);
    expect(await around.send(call(id, key, route))).toMatchObject(FORBIDDEN);
    expect(await around.send(call(id, renewed, route))).toMatchObject({ statusCode: 200 });
    const row = around.row(id);
    around.jobs.rows.set(id, { ...row, key: { ...row.key!, isRevoked: true } });
    expect(await around.send(call(id, renewed, route))).toMatchObject(FORBIDDEN);
    around.jobs.rows.set(id, row);
    around.clock.advance(72 * HOUR - 1);
    expect(await around.send(call(id, renewed, route))).toMatchObject({ statusCode: 200 });
    around.clock.advance(1);
    expect(await around.send(call(id, renewed, route))).toMatchObject(FORBIDDEN);
  });

  test(`${route}: an attempt that is over gets no more URLs, whichever way it ended`, async () => {
    const around = callbacks();
    const { id, key } = await around.tokens();
    const over = (attempt: number, state: string) => ({
      status: 409,
      body: { code: "over", detail: `attempt ${attempt} is over: the job is ${state}` },
    });
    await around.report(id, key, { event: "fail", data: "no luck" });
    expect(around.row(id)).toMatchObject({ begun: 2, state: "CREATED" });
    expect(await answerOf(around, call(id, key, route))).toMatchObject(over(1, "CREATED"));
    const second = keyOf(around, id, { attempt: 2 });
    expect(await answerOf(around, call(id, second, route))).toMatchObject({ status: 200 });
    // Made with the right secret, for an attempt that has not begun.
    const third = keyOf(around, id, { attempt: 3 });
    expect(await answerOf(around, call(id, third, route))).toMatchObject({ status: 409 });
    await around.report(id, second, { event: "finish" });
    expect(await answerOf(around, call(id, second, route))).toMatchObject(over(2, "FINISHED"));
  });
}

const NAMES = {
  "a step up": "../a.txt",
  "a step up in the middle": "pages/../../a.txt",
  "this folder": "./a.txt",
  absolute: "/etc/passwd",
  "an empty step": "pages//a.txt",
  "a folder": "pages/",
  empty: "",
  "a line feed": "a\n.txt",
  "an escape sequence": "\u001b[2J.txt",
  "a zero": "a\u0000.txt",
  "513 bytes": "a".repeat(513),
  "513 bytes in 171 letters": "日".repeat(171),
};

test.for(Object.entries(NAMES))("no file is stored by a name that is %s", async ([, name]) => {
  const around = callbacks();
  const { id, key } = await around.tokens();
  const body = JSON.stringify({ pod: "pod-1", files: [FILE, { ...FILE, name }] });
  expect(await answerOf(around, call(id, key, "pod/uploads", { body }))).toMatchObject({
    status: 422,
    body: { code: "invalid-request", detail: expect.stringMatching(/^files\.1\.name: /) },
  });
});

test("a name of 512 bytes is one", async () => {
  const around = callbacks();
  const { id, key } = await around.tokens();
  const body = JSON.stringify({ pod: "pod-1", files: [{ ...FILE, name: `${"日".repeat(170)}ab` }] });
  expect(await answerOf(around, call(id, key, "pod/uploads", { body }))).toMatchObject({ status: 200 });
});

const GIB = 1024 ** 3;
const REQUESTS: Record<string, ["pod/uploads" | "pod/manifest", unknown, number]> = {
  "a file of 5 GiB": ["pod/uploads", { pod: "p", files: [{ ...FILE, size: 5 * GIB }] }, 200],
  "a file of a byte more": ["pod/uploads", { pod: "p", files: [{ ...FILE, size: 5 * GIB + 1 }] }, 422],
  "a file of less than nothing": ["pod/uploads", { pod: "p", files: [{ ...FILE, size: -1 }] }, 422],
  "no file": ["pod/uploads", { pod: "p", files: [] }, 422],
  "250 files": ["pod/uploads", { pod: "p", files: Array.from({ length: 250 }, () => FILE) }, 200],
  "251 files": ["pod/uploads", { pod: "p", files: Array.from({ length: 251 }, () => FILE) }, 422],
  "a pod's uid that leads elsewhere": ["pod/uploads", { pod: "../p", files: [FILE] }, 422],
  "a hash that is none": ["pod/uploads", { pod: "p", files: [{ ...FILE, sha256: "a" }] }, 422],
  "what is not asked for": ["pod/uploads", { pod: "p", files: [FILE], acl: "public-read" }, 422],
  "a manifest of 32 MiB": ["pod/manifest", { size: 32 * 1024 ** 2, sha256: SHA256 }, 200],
  "a manifest of a byte more": ["pod/manifest", { size: 32 * 1024 ** 2 + 1, sha256: SHA256 }, 422],
};

test.for(Object.entries(REQUESTS))("%s", async ([, [route, body, status]]) => {
  const around = callbacks();
  const { id, key } = await around.tokens();
  const asked = call(id, key, route, { body: JSON.stringify(body) });
  expect(await answerOf(around, asked)).toMatchObject({ status });
});

test("what is no JSON is told so", async () => {
  const around = callbacks();
  const { id, key } = await around.tokens();
  expect(await answerOf(around, call(id, key, "pod/uploads", { body: "{" }))).toMatchObject({
    status: 400,
    body: { code: "malformed-json" },
  });
});
