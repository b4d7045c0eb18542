import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, dirname, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import type { AgentDependencies } from "../../../lib/agent/agent-api.ts";
import { download, inParallel, ObjectMissing, UrlExpired, upload } from "../../../lib/agent/transfer.ts";
import type { Clock } from "../../../lib/clock.ts";
import { folderOf } from "./folders.ts";

/** Waiting takes no time. */
function hasty(): AgentDependencies {
  let now = 0;
  const clock: Clock = {
    now: () => now,
    schedule: (at, task) => {
      // The watchdog of a transfer waits longer, and has nothing to do here.
      if (at - now === 90_000) return () => {};
      const timer = globalThis.setImmediate(() => {
        now = Math.max(now, at);
        task();
      });
      return () => clearImmediate(timer);
    },
  };
  const patience = { ms: 600_000, until: Number.POSITIVE_INFINITY, waiting: () => {} };
  return { fetch, clock, random: () => 0, patience };
}

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => unknown;

/** A server that does what it is told to, request by request; the last handler serves all that follow. */
async function serve(...handlers: Handler[]): Promise<{ url: string; requests: IncomingMessage[] }> {
  const requests: IncomingMessage[] = [];
  const server = createServer(async (request, response) => {
    requests.push(request);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const handler = handlers.length > 1 ? handlers.shift() : handlers[0];
    handler?.(request, response, Buffer.concat(chunks).toString());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/o`, requests };
}

const TEXT = "0123456789".repeat(1000);
const OBJECT = {
  key: "in/a.txt",
  size: 10_000,
  etag: '"e"',
  sha256: createHash("sha256").update(TEXT).digest("hex"),
};
const status =
  (code: number, headers = {}): Handler =>
  (_, response) =>
    response.writeHead(code, headers).end();
const whole: Handler = (_, response) => response.writeHead(200, { "content-length": "10000" }).end(TEXT);
/** Breaks off when so much of it has come into the file. */
const breaking =
  (after: number, file: string): Handler =>
  async (_, response) => {
    response.writeHead(200, { "content-length": "10000" });
    response.write(TEXT.slice(0, after));
    while (
      (await stat(join(dirname(file), `.${basename(file)}.part`)).catch(() => undefined))?.size !== after
    )
      await setImmediate();
    response.destroy();
  };
const ranged: Handler = ({ headers: { range = "" } }, response) => {
  const from = Number(/^bytes=(\d+)-$/.exec(range)?.[1] ?? 0);
  response.writeHead(206, { "content-range": `bytes ${from}-9999/10000` }).end(TEXT.slice(from));
};

test("an object comes into a file, whole and checked", async () => {
  const { url } = await serve(whole);
  const file = join(folderOf(), "a.txt");
  await download(url, OBJECT, file, hasty());
  expect(readFileSync(file, "utf8")).toBe(TEXT);
  expect(readdirSync(dirname(file))).toEqual([basename(file)]);
});

test("a connection that breaks is taken up where it broke", async () => {
  const file = join(folderOf(), "a.txt");
  const { url, requests } = await serve(breaking(4000, file), ranged);
  await download(url, OBJECT, file, hasty());
  expect(readFileSync(file, "utf8")).toBe(TEXT);
  expect(requests.map(({ headers }) => headers.range)).toEqual([undefined, "bytes=4000-"]);
});

test("a server that does no ranges sends all of it once more", async () => {
  const file = join(folderOf(), "a.txt");
  const { url } = await serve(breaking(4000, file), whole);
  await download(url, OBJECT, file, hasty());
  expect(readFileSync(file, "utf8")).toBe(TEXT);
});

test("an empty object is an empty file", async () => {
  const { url } = await serve((_, response) => response.writeHead(200, { "content-length": "0" }).end());
  const file = join(folderOf(), "a.txt");
  await download(url, { key: "k", size: 0, etag: '"e"' }, file, hasty());
  expect(readFileSync(file, "utf8")).toBe("");
});

test("an object of the same size and other content is not the one that was meant", async () => {
  const { url } = await serve((_, response) => response.end("x".repeat(10_000)));
  const file = join(folderOf(), "a.txt");
  await expect(download(url, OBJECT, file, hasty())).rejects.toThrow(ObjectMissing);
  expect(existsSync(file)).toBe(false);
});

test.for([
  [404, ObjectMissing],
  [412, ObjectMissing],
  [403, UrlExpired],
] as const)("after a %i nothing is tried again", async ([code, kind]) => {
  const { url, requests } = await serve(status(code));
  await expect(download(url, OBJECT, join(folderOf(), "a"), hasty())).rejects.toThrow(kind);
  expect(requests).toHaveLength(1);
});

test("a file becomes an object, with the headers that were signed; a failing service is asked again", async () => {
  const bodies: string[] = [];
  const { url, requests } = await serve(status(503), (_, response, body) => {
    bodies.push(body);
    response.writeHead(200, { etag: '"e2"', "x-amz-version-id": "v7" }).end();
  });
  const path = join(folderOf({ "a.txt": TEXT }), "a.txt");
  const target = { key: "out/a.txt", url, headers: { "x-amz-checksum-sha256": "c" } };
  const file = { path, size: 10_000, sha256: OBJECT.sha256 };
  expect(await upload(target, file, hasty())).toEqual({
    key: "out/a.txt",
    size: 10_000,
    etag: '"e2"',
    sha256: OBJECT.sha256,
    versionId: "v7",
  });
  expect(bodies).toEqual([TEXT]);
  expect(
    requests.map(({ method, headers }) => [
      method,
      headers["content-length"],
      headers["x-amz-checksum-sha256"],
    ]),
  ).toEqual([
    ["PUT", "10000", "c"],
    ["PUT", "10000", "c"],
  ]);
});

test("what two write at once is tried again: S3 says 409 when it has not decided", async () => {
  const { url, requests } = await serve(status(409), status(412));
  const path = join(folderOf({ a: "1" }), "a");
  const target = { key: "k", url, headers: {} };
  expect(await upload(target, { path, size: 1, sha256: "" }, hasty())).toBeUndefined();
  expect(requests).toHaveLength(2);
});

test("only the object that the token means is fetched; a version is one by itself", async () => {
  const { url, requests } = await serve(whole);
  const folder = folderOf();
  await download(url, OBJECT, join(folder, "a"), hasty());
  await download(url, { ...OBJECT, versionId: "v1" }, join(folder, "b"), hasty());
  expect(requests.map(({ headers }) => headers["if-match"])).toEqual(['"e"', undefined]);
});

test("where there is an object already, nothing is stored", async () => {
  const { url } = await serve(status(412));
  const path = join(folderOf({ a: "1" }), "a");
  expect(
    await upload({ key: "k", url, headers: {} }, { path, size: 1, sha256: "" }, hasty()),
  ).toBeUndefined();
});

test("tasks run side by side, so many at once, and nothing new begins after a failure", async () => {
  let running = 0;
  let most = 0;
  const results = await inParallel([1, 2, 3, 4, 5], 2, async (item) => {
    running += 1;
    most = Math.max(most, running);
    await setImmediate();
    running -= 1;
    return item * 2;
  });
  expect([results, most]).toEqual([[2, 4, 6, 8, 10], 2]);
  const begun: number[] = [];
  const failing = inParallel([1, 2, 3, 4], 1, async (item) => {
    begun.push(item);
    if (item === 2) throw new Error("two");
  });
  await expect(failing).rejects.toThrow("two");
  expect(begun).toEqual([1, 2]);
});
