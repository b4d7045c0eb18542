import { once } from "node:events";
import { readdir, readFile, stat } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Readable } from "node:stream";
import {
  CreateBucketCommand,
  PutBucketNotificationConfigurationCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { describe, expect, onTestFinished, test } from "vitest";
import { type ObjectCreated, startS3 } from "../../infra/local/s3/server.ts";
import { sleep, systemClock } from "../../lib/clock.ts";
import { seeds } from "../seeds.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { clientOf, objectsIn, otherEndpoint, startService, until } from "./s3-endpoint.ts";
import { Load } from "./s3-load.ts";
import { ServiceProcess } from "./service-process.ts";

const MiB = 1024 ** 2;

const acceptedIn = (directory: string): string => join(directory, "accepted.jsonl");
const startProcess = (directory: string): Promise<ServiceProcess> =>
  ServiceProcess.start("s3-process.ts", directory, acceptedIn(directory));

function clientOfProcess({ endpoint }: ServiceProcess): S3Client {
  const client = clientOf(endpoint);
  onTestFinished(() => client.destroy());
  return client;
}

async function createBucket(client: S3Client, Bucket: string): Promise<string> {
  await client.send(new CreateBucketCommand({ Bucket }));
  const NotificationConfiguration = { EventBridgeConfiguration: {} };
  await client.send(new PutBucketNotificationConfigurationCommand({ Bucket, NotificationConfiguration }));
  return Bucket;
}

/** Blob files that belong to nothing, and content without its file. The service must not be running. */
async function filesAtOdds(directory: string): Promise<string[]> {
  const database = new DatabaseSync(join(directory, "s3.sqlite"));
  const parts = database.prepare("SELECT blob, size FROM parts").all();
  database.close();
  const expected = parts.map(({ blob, size }) => `${blob} of ${size} bytes`);
  const blobs = join(directory, "blobs");
  const names = (await readdir(blobs, { recursive: true })).filter(
    (name) => /\d+$/.test(name) && /[/\\]/.test(name),
  );
  const found = await Promise.all(
    names.map(
      async (name) => `${name.split(/[/\\]/).at(-1)} of ${(await stat(join(blobs, name))).size} bytes`,
    ),
  );
  return [
    ...expected.filter((file) => !found.includes(file)),
    ...found.filter((file) => !expected.includes(file)),
  ];
}

/** Keys whose events did not come in the order of their sequencers, repetitions aside. */
function outOfOrder(events: readonly ObjectCreated[]): string[] {
  const latest = new Map<string, string>();
  const seen = new Set<string>();
  return events.flatMap(({ key, sequencer }) => {
    if (seen.has(sequencer)) return [];
    seen.add(sequencer);
    const previous = latest.get(key) ?? "";
    latest.set(key, sequencer);
    return sequencer > previous ? [] : [`${key}: ${sequencer} after ${previous}`];
  });
}

describe.skipIf(otherEndpoint)("a directory (kept by our own service alone)", () => {
  test.for(seeds(4))("kill -9 under load leaves whole objects and loses no event (seed %i)", async (seed) => {
    const directory = temporaryFolder();
    await using service = await startProcess(directory);
    const client = clientOfProcess(service);
    const load = new Load(client, await createBucket(client, "load"), seed);
    const running = load.run();
    await sleep(systemClock, load.duration);
    await Promise.all([service.kill(), running]);

    const later: ObjectCreated[] = [];
    const again = await startService({ directory, onObjectCreated: async (event) => void later.push(event) });
    const { problems, found } = await load.inspect(again.client);
    expect(problems).toEqual([]);
    await until(() => again.pendingEvents() === 0);
    await again[Symbol.asyncDispose]();
    expect(await filesAtOdds(directory)).toEqual([]);

    const earlier = (await readFile(acceptedIn(directory), "utf8"))
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line));
    const events: ObjectCreated[] = [...earlier, ...later];
    const told = new Set(events.map(({ key, etag }) => `${key} ${etag}`));
    const untold = [...load.announced, ...found].filter(({ key, etag }) => !told.has(`${key} ${etag}`));
    expect(untold).toEqual([]);
    expect(load.announced.length).toBeGreaterThan(0);
    expect(outOfOrder(events)).toEqual([]);
  });

  test("objects, open uploads and undelivered events outlive a restart", async () => {
    const directory = temporaryFolder();
    const refusing = await startService({
      directory,
      onObjectCreated: () => Promise.reject(new Error("not now")),
    });
    const Bucket = await createBucket(refusing.client, "kept");
    await objectsIn(refusing.client, Bucket).put("a", "content", { Metadata: { m: "1" } });
    await refusing[Symbol.asyncDispose]();

    const events: ObjectCreated[] = [];
    await using s3 = await startService({
      directory,
      onObjectCreated: async (event) => void events.push(event),
    });
    expect(await objectsIn(s3.client, Bucket).get("a")).toMatchObject({
      ContentLength: 7,
      Metadata: { m: "1" },
    });
    await until(() => events.length > 0);
    expect(events).toMatchObject([{ bucket: "kept", key: "a", size: 7, reason: "PutObject" }]);
  });

  test("has one owner, until it closes", async () => {
    const directory = temporaryFolder();
    const first = await startS3({ directory });
    await expect(startS3({ directory })).rejects.toMatchObject({
      code: "S3_DIRECTORY_IN_USE",
      message: `the S3 directory ${directory} is in use by another local S3 service`,
    });
    await first.close();
    await (await startS3({ directory })).close();
  });

  test("of another version is refused by name", async () => {
    const directory = temporaryFolder();
    const file = new DatabaseSync(join(directory, "s3.sqlite"));
    file.exec("PRAGMA user_version = 99");
    file.close();
    await expect(startS3({ directory })).rejects.toMatchObject({
      code: "S3_VERSION",
      message: `${directory} was written by another version (format 99)`,
      hint: "this one reads format 1: delete the directory to start empty, or name another",
    });
  });

  test("replaced, refused and broken-off content leaves the disk", async () => {
    const directory = temporaryFolder();
    const calls: string[] = [];
    const s3 = await startService({ directory, onCall: (operation) => void calls.push(operation) });
    const Bucket = await s3.createBucket();
    const { put, text } = objectsIn(s3.client, Bucket);
    for (const content of ["1", "2", "3"]) await put("a", content);
    await put("refused", "4", { ContentMD5: "1B2M2Y8AsgTpgAmY7PhCfg==" }).catch(() => undefined);
    const headers = { authorization: "none", "content-length": MiB };
    const brokenOff = request(`${s3.endpoint}/${Bucket}/a`, { method: "PUT", headers });
    const broken = once(brokenOff, "error");
    const seen = calls.length;
    brokenOff.write("begun");
    await until(() => calls.length > seen);
    brokenOff.destroy();
    await broken;

    expect(await text("a")).toBe("3");
    await s3[Symbol.asyncDispose]();
    expect(await filesAtOdds(directory)).toEqual([]);
  });
});

describe.skipIf(otherEndpoint)("memory (of a process that only we can look into)", () => {
  test("stays flat while 300 MB go in and out", async () => {
    await using service = await startProcess(temporaryFolder());
    const client = clientOfProcess(service);
    const Bucket = await createBucket(client, "large");
    const peak = async (): Promise<number> => Number(await service.ask());
    const size = 300 * MiB;
    const piece = Buffer.alloc(MiB, "x");
    async function* body() {
      for (let sent = 0; sent < size; sent += piece.length) yield piece;
    }
    await objectsIn(client, Bucket).put("warm-up", piece);
    const before = await peak();
    const { put, get } = objectsIn(client, Bucket);
    await put("large", Readable.from(body()), { ContentLength: size });
    const { Body } = await get("large");
    let received = 0;
    for await (const chunk of Body as AsyncIterable<Buffer>) received += chunk.length;
    expect(received).toBe(size);
    expect((await peak()) - before).toBeLessThan(150 * MiB);
  });
});
