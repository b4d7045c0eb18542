import { join } from "node:path";
import { DeleteObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import { expect, test } from "vitest";
import { sqsClient } from "../../lib/clients.aws.ts";
import { s3Client } from "../../lib/token/s3-client.aws.ts";
import { apiAt } from "./api.ts";
import { definitionOf, startInProcess } from "./in-process.ts";

/** What comes from outside may be anything: it is handled rightly, or lies in the error bucket with a reason. */
const FAULTS = definitionOf("faults");

async function startFaults(file = FAULTS) {
  const { runtime } = await startInProcess([file]);
  const sqs = sqsClient(runtime.env);
  const s3 = s3Client(runtime.env);
  const [pipeline] = runtime.plan.pipelines;
  const edge = pipeline?.edges[0];
  return {
    ...apiAt(runtime.url, pipeline?.id ?? ""),
    runtime,
    send: (queue: string, body: string) =>
      sqs.send(new SendMessageCommand({ QueueUrl: runtime.queueBase + queue, MessageBody: body })),
    upload: (key: string, body: string | Uint8Array) =>
      s3.send(new PutObjectCommand({ Bucket: runtime.bucket, Key: key, Body: body })),
    remove: (key: string) => s3.send(new DeleteObjectCommand({ Bucket: runtime.bucket, Key: key })),
    queues: { intake: pipeline?.intake.name ?? "", edge: edge?.queue.name ?? "" },
  };
}

test("messages that are no tokens go to the error bucket unseen by user code", async () => {
  const faults = await startFaults();
  const { intake, edge } = faults.queues;
  const bodies = [
    "not JSON",
    "null",
    '{"v":1}',
    '{"v":99,"id":"x"}',
    `{"v":1,"data":${"[".repeat(5000)}${"]".repeat(5000)}}`,
    '{"__proto__":{"v":1}}',
    "\ud83d\ude00",
    "12345678901234567890",
  ];
  for (const body of bodies) {
    await faults.send(edge, body);
    await faults.send(intake, body);
  }
  const stranger = { v: 1, kind: "put", token: "5c2b8a5e-0f3b-4a8e-9d6a-3f1f2c1f6b11", input: "nobody" };
  await faults.send(intake, JSON.stringify(stranger));
  const board = await faults.settled(17);
  expect(board).toMatchObject({ put: 17, done: 0, error: 17, stages: { act: { done: 0, error: 17 } } });
  const dead = await faults.dead();
  expect(new Set(dead.map(({ reason }) => reason))).toEqual(new Set(["malformed"]));
  expect(dead.map(({ error }) => error?.message).join("\n")).toContain('the pipeline has no input "nobody"');
  expect(dead.filter(({ body }) => body === "not JSON")).toHaveLength(2);
  // It cannot be sent again: it would be as unreadable as before.
  const retried = await (await faults.post("/dead/retry", { all: true })).json();
  expect(new Set((retried as { jobs: { outcome: string }[] }).jobs.map(({ outcome }) => outcome))).toEqual(
    new Set(["not-retryable"]),
  );
});

test("a message of the largest size that SQS takes", async () => {
  const faults = await startFaults();
  await faults.send(faults.queues.edge, "x".repeat(1_048_576));
  expect(await faults.settled(1)).toMatchObject({ put: 1, error: 1 });
  const [dead] = await faults.dead();
  expect(dead?.body).toHaveLength(100_000);
});

test("keys with blanks, plus signs, percent signs, unicode and dots are read as they are", async () => {
  const faults = await startFaults();
  const keys = [
    "a b.txt",
    "a+b.txt",
    "a%20b.txt",
    "a%2Bb.txt",
    "ünï-日本-😀.txt",
    "é.txt",
    "e\u0301.txt",
    "../up.txt",
    "a//b.txt",
    "new\nline.txt",
    "q?x=1&y=#z.txt",
    `${"k".repeat(1000)}.txt`,
  ];
  for (const key of keys) await faults.upload(`faults/${key}`, `content of ${key}`);
  const board = await faults.settled(keys.length);
  expect(board).toMatchObject({ put: 12, done: 12, error: 0 });
  const { jobs } = (await (await fetch(faults.at("/jobs?stage=end&limit=100"))).json()) as {
    jobs: { committed: { outputs: { payload: { data: { text: string } } }[] } }[];
  };
  const texts = jobs.map(({ committed }) => committed.outputs[0]?.payload.data.text);
  expect(texts.sort()).toEqual(keys.map((key) => `content of ${key}`).sort());
});

test("data comes out to the letter as it went in, or is refused with the reason", async () => {
  const hop = await startFaults(join(import.meta.dirname, "pipelines/hop/pipeline.yaml"));
  const put = (data: string): Promise<Response> =>
    fetch(hop.at("/tokens"), { method: "POST", body: `{"tokens":[{"data":${data}}]}` });
  const kept = [
    "1e-200",
    "9007199254740991",
    '{"__proto__":{"x":1}}',
    '{"constructor":{"prototype":1},"":null,"#state":":x"}',
    `${"[".repeat(40)}${"]".repeat(40)}`,
    `${'{"a":'.repeat(150)}1${"}".repeat(150)}`,
    '"\u2028 \ufffd 😀 \\u0000"',
    '[[],{},null,false,0,-0.5,""]',
  ];
  for (const data of kept) expect([data, (await put(data)).status]).toEqual([data, 202]);
  const number = await put("12345678901234567890");
  expect([number.status, await number.json()]).toMatchObject([
    400,
    {
      code: "malformed-json",
      detail:
        "JSON with the number 12345678901234567890, which would be read as 12345678901234567000: write it as a string",
    },
  ]);
  expect(await hop.settled(kept.length)).toMatchObject({ done: kept.length, error: 0 });
  // As text: reading it would hide what reading makes of it.
  const jobs = await (await fetch(hop.at("/jobs?stage=second&limit=100"))).text();
  for (const data of kept) expect(jobs).toContain(`"payload":{"data":${data},"objects":[]}`);
});

test("an overwritten key is two tokens, each with its own content; a folder's placeholder is none", async () => {
  const faults = await startFaults();
  await faults.upload("faults/", "");
  await faults.upload("faults/same.txt", "first");
  await faults.upload("faults/same.txt", "second");
  expect(await faults.settled(2)).toMatchObject({ put: 2, done: 2 });
});

test("invalid UTF-8, a missing object and an empty one", async () => {
  const faults = await startFaults();
  await faults.upload("faults/latin1.txt", Buffer.from([0x63, 0x61, 0x66, 0xe9]));
  await faults.upload("faults/empty.txt", "");
  const event = (key: string) => ({
    source: "aws.s3",
    "detail-type": "Object Created",
    detail: { bucket: { name: faults.runtime.bucket }, object: { key, size: 3, etag: "0", sequencer: "01" } },
  });
  await faults.send(faults.queues.intake, JSON.stringify(event("faults/never-there.txt")));
  expect(await faults.settled(3)).toMatchObject({ put: 3, done: 1, error: 2 });
  const reasons = (await faults.dead()).map(({ reason, error }) => `${reason}: ${error?.message}`).sort();
  expect(reasons).toEqual([
    "object-missing: the object s3://millrace/faults/never-there.txt is not there, or was replaced",
    "rejected: the object faults/latin1.txt is not valid UTF-8",
  ]);
});

test("the same put twice is one token, and the event of an upload that comes again is the same arrival", async () => {
  const faults = await startFaults();
  const put = (): Promise<Response> =>
    faults.post("/tokens", { tokens: [{ key: "order-17", data: { do: "pass" } }] });
  const first = (await (await put()).json()) as { tokens: string[] };
  const second = (await (await put()).json()) as { tokens: string[] };
  expect(second).toEqual(first);
  const event = JSON.stringify({
    source: "aws.s3",
    "detail-type": "Object Created",
    detail: {
      bucket: { name: faults.runtime.bucket },
      object: { key: "faults/gone.txt", size: 3, etag: "0", sequencer: "01" },
    },
  });
  await faults.send(faults.queues.intake, event);
  await faults.send(faults.queues.intake, event);
  expect(await faults.settled(2)).toMatchObject({ put: 2, done: 1, error: 1 });
});

test("the API names what is wrong with a request", async () => {
  const faults = await startFaults();
  const answer = async (response: Response): Promise<[number, unknown]> => [
    response.status,
    await response.json(),
  ];
  const raw = (body: string): Promise<Response> => fetch(faults.at("/tokens"), { method: "POST", body });

  expect(await answer(await raw("{"))).toMatchObject([400, { code: "malformed-json" }]);
  expect(await answer(await raw(`{"tokens":${"[".repeat(1000)}${"]".repeat(1000)}}`))).toMatchObject([
    400,
    { code: "malformed-json" },
  ]);
  expect(await answer(await raw('{"tokens":[{"dta":1}]}'))).toMatchObject([
    422,
    { code: "invalid-request", detail: 'tokens.0: Unrecognized key: "dta"' },
  ]);
  expect(await answer(await faults.post("/tokens", { input: "nope", tokens: [{}] }))).toMatchObject([
    422,
    { code: "unknown-input", hint: "say which input: ask" },
  ]);
  expect(
    await answer(await faults.post("/tokens", { tokens: [{ data: "x".repeat(300_000) }] })),
  ).toMatchObject([413, { code: "too-large" }]);
  expect(
    await answer(await fetch(faults.at("/tokens").replace("faults", "nope"), { method: "POST", body: "{}" })),
  ).toMatchObject([404, { hint: "there is: faults" }]);
  expect(await answer(await faults.post("/dead/retry", {}))).toMatchObject([
    422,
    { code: "empty-selection" },
  ]);
  expect(await answer(await fetch(`${faults.runtime.url}/v2/nothing`))).toMatchObject([
    404,
    { code: "no-route" },
  ]);
  expect(await answer(await raw("x".repeat(7_000_000)))).toMatchObject([413, { code: "too-large" }]);
  expect(await faults.settled(0)).toMatchObject({ put: 0 });
});

test("pages of other sites reach nothing", async () => {
  const faults = await startFaults();
  const { hostname, port } = new URL(faults.runtime.url);
  const { request } = await import("node:http");
  const statusFor = (headers: Record<string, string>): Promise<number | undefined> =>
    new Promise((done, failed) => {
      request({ host: hostname, port, path: "/v1/pipelines", headers }, (response) =>
        done(response.resume().statusCode),
      )
        .on("error", failed)
        .end();
    });
  expect(await statusFor({ host: `127.0.0.1:${port}` })).toBe(200);
  expect(await statusFor({ host: `localhost:${port}`, origin: `http://localhost:${port}` })).toBe(200);
  expect(await statusFor({ host: "attacker.example" })).toBe(421);
  expect(await statusFor({ host: `127.0.0.1:${port}`, origin: "https://attacker.example" })).toBe(403);
});
