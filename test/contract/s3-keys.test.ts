import { DeleteObjectCommand, ListObjectsV2Command } from "@aws-sdk/client-s3";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { objectsIn, type S3, startService } from "./s3-endpoint.ts";

let s3: S3;
let bucket: string;

beforeAll(async () => {
  s3 = await startService();
  bucket = await s3.createBucket();
});
afterAll(() => s3[Symbol.asyncDispose]());

/** Percent-encoded on the way: the SDK's reader takes a text of nothing but line ends for formatting, and drops it. */
const listed = async (Prefix: string): Promise<string[]> => {
  const { Contents = [] } = await s3.client.send(
    new ListObjectsV2Command({ Bucket: bucket, Prefix, EncodingType: "url" }),
  );
  return Contents.map(({ Key = "" }) => decodeURIComponent(Key.replaceAll("+", " ")));
};

/** Puts, reads, lists and deletes under a key, and makes sure that only this key is meant. */
async function livesUnder(key: string): Promise<void> {
  const { put, text } = objectsIn(s3.client, bucket);
  await put(key, key);
  expect(await text(key)).toBe(key);
  expect(await listed(key)).toContain(key);
  await s3.client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
  expect(await listed(key)).not.toContain(key);
}

const hostile = [
  "a b+c",
  "100%25.txt",
  "%2e%2e/%00",
  "..",
  "../../etc/passwd",
  "./a",
  "a/./b/../c",
  "/leading",
  "//two//",
  "trailing/",
  "?versionId=1&acl",
  "#fragment",
  "emoji/😀",
  "日本/ünï",
  "line\nbreak\r\ttab",
  "\n",
  " ",
  "quotes\"'`<&>]]>",
  "&#x41;&amp;",
  "back\\slash",
  "C:\\con",
  "null\u0000byte",
  "\u007f\u0085\u2028\ufeff\uffff",
  "__proto__",
  "*!'();:@=$,[]|{}^~",
];

test.for(hostile)("an object lives under %j", (key) => livesUnder(key));

test("precomposed and decomposed letters are different keys, and so are a name and a name below it", async () => {
  const { put, text } = objectsIn(s3.client, bucket);
  const keys = ["caf\u00e9", "cafe\u0301", "cafe", "cafe/x", "cafe/", "Cafe"];
  for (const key of keys) await put(key, key);
  for (const key of keys) expect(await text(key)).toBe(key);
});

test("any Unicode string of up to 1,024 bytes is a key", async () => {
  const key = fc
    .oneof(
      fc.string({ unit: "binary", minLength: 1, maxLength: 200 }),
      fc.webPath(),
      fc.stringMatching(/^[./%+ ]{1,9}$/),
    )
    .filter((text) => text !== "" && Buffer.byteLength(text) <= 1024);
  // On failure fast-check prints the seed and the smallest key.
  await fc.assert(fc.asyncProperty(key, livesUnder), { numRuns: 120 });
});
