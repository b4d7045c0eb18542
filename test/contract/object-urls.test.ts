import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand, HeadObjectCommand } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startS3 } from "../../infra/local/s3/server.ts";
import { objectUrls } from "../../lib/token/object-urls.aws.ts";
import { objectStore } from "../../lib/token/objects.aws.ts";
import { s3Client } from "../../lib/token/s3-client.aws.ts";

/** What a pod can do with the URLs that it is given, and what it cannot. */

const BUCKET = "urls";
const folder = mkdtempSync(join(tmpdir(), "urls-"));
let s3: Awaited<ReturnType<typeof startS3>>;
let env: Record<string, string>;

beforeAll(async () => {
  s3 = await startS3({ directory: folder });
  env = {
    AWS_ENDPOINT_URL_S3: s3.endpoint,
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
    AWS_REGION: "us-east-1",
  };
  await s3Client(env).send(new CreateBucketCommand({ Bucket: BUCKET }));
});
afterAll(async () => {
  await s3.close();
  rmSync(folder, { recursive: true });
});

const urls = () => objectUrls(s3Client(env, { signing: true }), BUCKET);
const content = (text: string) => ({
  size: Buffer.byteLength(text),
  sha256: createHash("sha256").update(text).digest("hex"),
});
const put = (url: string, headers: Readonly<Record<string, string>>, body: string) =>
  fetch(url, { method: "PUT", headers, body });

test("what was announced is stored, with its hash, and can be read by URL", async () => {
  const { url, headers } = await urls().store("out/a b/ä.txt", content("hello"));
  const stored = await put(url, headers, "hello");
  expect(stored.status).toBe(200);
  const read = await fetch(await urls().read({ key: "out/a b/ä.txt" }));
  expect(await read.text()).toBe("hello");
  const ref = await objectStore(s3Client(env), BUCKET).putNew("out/a b/ä.txt", "x", "nobody");
  expect(ref.object).toMatchObject({
    size: 5,
    sha256: "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
  });
});

test("an empty object is stored", async () => {
  const { url, headers } = await urls().store("out/empty", content(""));
  expect((await put(url, headers, "")).status).toBe(200);
});

test.for([
  ["another content of the same length", "hellO", {}],
  ["another length", "hello, world", {}],
  ["a header less", "hello", { "x-amz-checksum-sha256": undefined }],
  [
    "another checksum",
    "hellO",
    { "x-amz-checksum-sha256": createHash("sha256").update("hellO").digest("base64") },
  ],
  ["a header of one's own", "hello", { "x-amz-meta-millrace-owner": "me" }],
] as const)("%s is not stored", async ([, body, changes]) => {
  const { url, headers } = await urls().store("out/b.txt", content("hello"));
  const sent = Object.entries({ ...headers, ...changes }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  expect((await put(url, Object.fromEntries(sent), body)).status).toBeGreaterThanOrEqual(400);
  await expect(
    s3Client(env).send(new HeadObjectCommand({ Bucket: BUCKET, Key: "out/b.txt" })),
  ).rejects.toThrow();
});

test("a URL is good for its key alone", async () => {
  const { url, headers } = await urls().store("out/c.txt", content("hello"));
  expect((await put(url.replace("c.txt", "d.txt"), headers, "hello")).status).toBe(403);
  expect((await fetch(url)).status).toBe(403);
});

test("of two that are to be the first, the first is stored", async () => {
  const [one, two] = await Promise.all(
    ["1", "2"].map((text) => urls().store("out/m.json", content(text), true)),
  );
  expect((await put(one!.url, one!.headers, "1")).status).toBe(200);
  expect((await put(two!.url, two!.headers, "2")).status).toBe(412);
  const { "if-none-match": _, ...without } = two!.headers;
  expect((await put(two!.url, without, "2")).status).toBe(403);
  expect(await (await fetch(await urls().read({ key: "out/m.json" }))).text()).toBe("1");
});
