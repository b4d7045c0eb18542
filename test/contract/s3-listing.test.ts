import {
  DeleteObjectCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
} from "@aws-sdk/client-s3";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { objectsIn, refusal, type S3, startService } from "./s3-endpoint.ts";

let s3: S3;

beforeAll(async () => {
  s3 = await startService();
});
afterAll(() => s3[Symbol.asyncDispose]());

async function bucketWith(...keys: string[]): Promise<string> {
  const bucket = await s3.createBucket();
  const { put } = objectsIn(s3.client, bucket);
  await Promise.all(keys.map((key) => put(key, key)));
  return bucket;
}

const list = (Bucket: string, rest: Partial<ListObjectsV2CommandInput> = {}) =>
  s3.client.send(new ListObjectsV2Command({ Bucket, ...rest }));

/** Keys and common prefixes of one page. */
const names = ({ Contents = [], CommonPrefixes = [] }: Awaited<ReturnType<typeof list>>) => ({
  keys: Contents.map(({ Key }) => Key),
  prefixes: CommonPrefixes.map(({ Prefix }) => Prefix),
});

/** Follows the continuation tokens to the end. */
async function listAll(Bucket: string, rest: Partial<ListObjectsV2CommandInput>) {
  const pages: ReturnType<typeof names>[] = [];
  let ContinuationToken: string | undefined;
  do {
    const page = await list(Bucket, { ...rest, ContinuationToken });
    expect(page.IsTruncated).toBe(page.NextContinuationToken !== undefined);
    expect(page.KeyCount).toBe((page.Contents?.length ?? 0) + (page.CommonPrefixes?.length ?? 0));
    pages.push(names(page));
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken);
  return pages;
}

test("keys come in the order of their UTF-8 bytes", async () => {
  // U+FFFD sorts behind U+1F600 in UTF-16, which JavaScript compares by, and before it in UTF-8.
  const bucket = await bucketWith("a", "B", "é", "Z", "_", "😀", "\ufffd", "a/b", "a.b", "a0");
  expect(names(await list(bucket)).keys).toEqual([
    "B",
    "Z",
    "_",
    "a",
    "a.b",
    "a/b",
    "a0",
    "é",
    "\ufffd",
    "😀",
  ]);
});

test("an object is listed with its size, time and ETag", async () => {
  const before = Date.now() - 60_000;
  const bucket = await bucketWith("four");
  const [listed] = (await list(bucket)).Contents ?? [];
  expect(listed).toMatchObject({
    Key: "four",
    Size: 4,
    ETag: '"8cbad96aced40b3838dd9f07f6ef5772"',
    StorageClass: "STANDARD",
  });
  expect(listed?.LastModified?.getTime()).toBeGreaterThan(before);
});

test("a prefix is compared byte by byte, and says nothing of folders", async () => {
  const bucket = await bucketWith("in", "in/", "in/a", "in0", "inn", "i", "In/a");
  expect(names(await list(bucket, { Prefix: "in/" })).keys).toEqual(["in/", "in/a"]);
  expect(names(await list(bucket, { Prefix: "in" })).keys).toEqual(["in", "in/", "in/a", "in0", "inn"]);
});

test("a delimiter rolls keys up, page by page, and each common prefix comes once", async () => {
  const bucket = await bucketWith("a", "b/1", "b/2", "b/c/3", "c", "d/4", "e//5", "f");
  expect(await listAll(bucket, { Delimiter: "/", MaxKeys: 2 })).toEqual([
    { keys: ["a"], prefixes: ["b/"] },
    { keys: ["c"], prefixes: ["d/"] },
    { keys: ["f"], prefixes: ["e/"] },
  ]);
  expect(names(await list(bucket, { Prefix: "b/", Delimiter: "/" }))).toEqual({
    keys: ["b/1", "b/2"],
    prefixes: ["b/c/"],
  });
});

test("StartAfter and MaxKeys: 0", async () => {
  const bucket = await bucketWith("a", "b", "b/1", "c");
  expect(names(await list(bucket, { StartAfter: "b" })).keys).toEqual(["b/1", "c"]);
  expect(await list(bucket, { MaxKeys: 0 })).toMatchObject({ KeyCount: 0, IsTruncated: false });
});

test("a page has 1,000 keys at most, and a deletion between pages hides nothing else", async () => {
  const keys = Array.from({ length: 1005 }, (_, n) => `k${String(n).padStart(4, "0")}`);
  const bucket = await bucketWith(...keys);
  const first = await list(bucket, { MaxKeys: 5000 });
  expect(first).toMatchObject({ KeyCount: 1000, IsTruncated: true, MaxKeys: 1000 });
  await s3.client.send(new DeleteObjectCommand({ Bucket: bucket, Key: "k0999" }));
  const second = await list(bucket, { ContinuationToken: first.NextContinuationToken });
  expect(names(second).keys).toEqual(keys.slice(1000));
});

test("keys that XML cannot hold are written percent-encoded on request", async () => {
  const bucket = await bucketWith("a\u0001b c+d/ü", "b\r\n<&>\t\u007f");
  const page = await list(bucket, { EncodingType: "url" });
  expect(names(page).keys).toEqual(["a%01b+c%2Bd/%C3%BC", "b%0D%0A%3C%26%3E%09%7F"]);
  expect(names(await list(bucket)).keys).toEqual(["a\u0001b c+d/ü", "b\r\n<&>\t\u007f"]);
});

test("the older listing pages by markers", async () => {
  const bucket = await bucketWith("a", "b/1", "b/2", "c", "d");
  const page = (Marker?: string) =>
    s3.client.send(new ListObjectsCommand({ Bucket: bucket, Delimiter: "/", MaxKeys: 2, Marker }));
  const first = await page();
  expect(first).toMatchObject({ IsTruncated: true, NextMarker: "b/", CommonPrefixes: [{ Prefix: "b/" }] });
  const second = await page(first.NextMarker);
  expect(second.Contents?.map(({ Key }) => Key)).toEqual(["c", "d"]);
  expect(second.CommonPrefixes).toBeUndefined();
});

test("what makes no sense is refused", async () => {
  const bucket = await bucketWith();
  expect(await refusal(list(bucket, { MaxKeys: -1 }))).toEqual(["InvalidArgument", 400]);
  expect(await refusal(list(bucket, { ContinuationToken: "not one of ours" }))).toEqual([
    "InvalidArgument",
    400,
  ]);
  expect(await refusal(list("no-such-bucket-here"))).toEqual(["NoSuchBucket", 404]);
});

test("any pages of any listing add up to what a plain filter finds", async () => {
  const piece = fc.constantFrom("a", "b", "/", "é", "😀", " ", "-");
  const key = fc.array(piece, { minLength: 1, maxLength: 5 }).map((pieces) => pieces.join(""));
  const text = fc.array(piece, { maxLength: 2 }).map((pieces) => pieces.join(""));
  const keys = fc.sample(key, { numRuns: 120, seed: 7 });
  const bucket = await bucketWith(...new Set(keys));
  const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

  const agrees = fc.asyncProperty(
    text,
    text,
    fc.integer({ min: 1, max: 40 }),
    async (Prefix, Delimiter, MaxKeys) => {
      const expected = new Set<string>();
      for (const name of [...new Set(keys)].filter((each) => each.startsWith(Prefix))) {
        const at = Delimiter === "" ? -1 : name.indexOf(Delimiter, Prefix.length);
        expected.add(at < 0 ? `key ${name}` : `prefix ${name.slice(0, at + Delimiter.length)}`);
      }
      const found = (await listAll(bucket, { Prefix, Delimiter, MaxKeys })).flatMap((page) => [
        ...page.keys.map((name) => `key ${name}`),
        ...page.prefixes.map((name) => `prefix ${name}`),
      ]);
      expect(found.sort(byBytes)).toEqual([...expected].sort(byBytes));
    },
  );
  // On failure fast-check prints the seed and the smallest case.
  await fc.assert(agrees, { numRuns: 40 });
});
