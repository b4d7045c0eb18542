import { Readable } from "node:stream";
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  DeleteObjectTaggingCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  NoSuchKey,
  PutObjectTaggingCommand,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { objectsIn, otherEndpoint, refusal, type S3, startService } from "./s3-endpoint.ts";

let s3: S3;
let bucket: string;
let objects: ReturnType<typeof objectsIn>;

beforeAll(async () => {
  s3 = await startService();
  bucket = await s3.createBucket();
  objects = objectsIn(s3.client, bucket);
});
afterAll(() => s3[Symbol.asyncDispose]());

const head = (Key: string) => s3.client.send(new HeadObjectCommand({ Bucket: bucket, Key }));
const copy = (source: string, Key: string, rest: object = {}) =>
  s3.client.send(
    new CopyObjectCommand({
      Bucket: bucket,
      Key,
      CopySource: `${bucket}/${encodeURIComponent(source)}`,
      ...rest,
    }),
  );
const remove = (Key: string, rest: object = {}) =>
  s3.client.send(new DeleteObjectCommand({ Bucket: bucket, Key, ...rest }));
const removeAll = (...Objects: { Key: string; ETag?: string }[]) =>
  s3.client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects } }));

describe("an object", () => {
  test("has the MD5 of its content as ETag and comes back with its headers and metadata", async () => {
    const { ETag } = await objects.put("whole", "hello", {
      ContentType: "text/plain",
      ContentEncoding: "identity",
      CacheControl: "no-store",
      ContentDisposition: 'attachment; filename="a.txt"',
      ContentLanguage: "de",
      Metadata: { "job-id": "42", note: "a b" },
    });
    expect(ETag).toBe('"5d41402abc4b2a76b9719d911017c592"');
    const found = await objects.get("whole");
    expect(found).toMatchObject({
      ETag,
      ContentLength: 5,
      ContentType: "text/plain",
      ContentEncoding: "identity",
      CacheControl: "no-store",
      ContentDisposition: 'attachment; filename="a.txt"',
      ContentLanguage: "de",
      Metadata: { "job-id": "42", note: "a b" },
      AcceptRanges: "bytes",
    });
    expect(await found.Body?.transformToString()).toBe("hello");
    expect(await head("whole")).toMatchObject({
      ETag,
      ContentLength: 5,
      Metadata: { "job-id": "42", note: "a b" },
    });
  });

  test.for([
    ["no bytes at all", new Uint8Array(0), ""],
    ["a string", "hé", "hé"],
    ["bytes", new Uint8Array([104, 105]), "hi"],
  ] as const)("may be put as %s", async ([name, body, content]) => {
    await objects.put(name, body);
    expect(await objects.text(name)).toBe(content);
  });

  test("may be put as a stream; the framing of the transfer is no part of it", async () => {
    await objects.put("stream", Readable.from([Buffer.from("abc"), Buffer.from("def")]), {
      ContentLength: 6,
    });
    const { ContentEncoding, Body } = await objects.get("stream");
    expect([ContentEncoding, await Body?.transformToString()]).toEqual([undefined, "abcdef"]);
  });

  test("is replaced whole, headers included", async () => {
    await objects.put("replaced", "a longer content", { Metadata: { a: "1" } });
    await objects.put("replaced", "short");
    expect(await objects.text("replaced")).toBe("short");
    expect((await head("replaced")).Metadata).toEqual({});
  });

  test("that is missing is NoSuchKey, and NotFound where no body can say so", async () => {
    await expect(objects.get("missing")).rejects.toBeInstanceOf(NoSuchKey);
    expect(await refusal(head("missing"))).toEqual(["NotFound", 404]);
    const elsewhere = objectsIn(s3.client, "no-such-bucket-here");
    expect(await refusal(elsewhere.get("missing"))).toEqual(["NoSuchBucket", 404]);
    expect(await refusal(elsewhere.put("missing"))).toEqual(["NoSuchBucket", 404]);
  });

  test("takes at most 2 KB of metadata and a key of 1,024 bytes", async () => {
    await objects.put("metadata", "x", { Metadata: { k: "v".repeat(2047) } });
    const tooMuch = objects.put("metadata", "x", { Metadata: { k: "v".repeat(2048) } });
    expect(await refusal(tooMuch)).toEqual(["MetadataTooLarge", 400]);
    await objects.put("ü".repeat(512), "longest");
    expect(await objects.text("ü".repeat(512))).toBe("longest");
    expect(await refusal(objects.put(`${"ü".repeat(512)}k`))).toEqual(["KeyTooLongError", 400]);
  });
});

describe("a range", () => {
  beforeAll(() => objects.put("digits", "0123456789"));

  test.for([
    ["bytes=2-4", "234", "bytes 2-4/10"],
    ["bytes=7-", "789", "bytes 7-9/10"],
    ["bytes=-3", "789", "bytes 7-9/10"],
    ["bytes=8-100", "89", "bytes 8-9/10"],
    ["bytes=-100", "0123456789", "bytes 0-9/10"],
  ] as const)("%s", async ([Range, content, contentRange]) => {
    const { Body, ContentRange, $metadata } = await objects.get("digits", { Range });
    expect([await Body?.transformToString(), ContentRange, $metadata.httpStatusCode]).toEqual([
      content,
      contentRange,
      206,
    ]);
  });

  test("that lies outside is refused, one that cannot be read is ignored", async () => {
    expect(await refusal(objects.get("digits", { Range: "bytes=10-12" }))).toEqual(["InvalidRange", 416]);
    expect(await refusal(objects.get("digits", { Range: "bytes=-0" }))).toEqual(["InvalidRange", 416]);
    expect(await objects.text("digits", { Range: "bytes=4-2" })).toBe("0123456789");
    expect(await objects.text("digits", { Range: "lines=1-2" })).toBe("0123456789");
  });
});

describe("a conditional read", () => {
  const past = new Date("2001-01-01T00:00:00Z");
  let ETag: string | undefined;
  let LastModified: Date | undefined;

  beforeAll(async () => {
    await objects.put("condition", "x");
    ({ ETag, LastModified } = await head("condition"));
  });

  test("is answered when its condition holds", async () => {
    expect(await objects.text("condition", { IfMatch: ETag })).toBe("x");
    expect(await objects.text("condition", { IfNoneMatch: '"other"' })).toBe("x");
    expect(await objects.text("condition", { IfModifiedSince: past })).toBe("x");
    expect(await objects.text("condition", { IfUnmodifiedSince: LastModified })).toBe("x");
    // An ETag counts, a time beside it does not.
    expect(await objects.text("condition", { IfMatch: ETag, IfUnmodifiedSince: past })).toBe("x");
  });

  test("is 412 or 304 when it does not", async () => {
    const status = async (condition: object) => (await refusal(objects.get("condition", condition)))[1];
    expect(await status({ IfMatch: '"other"' })).toBe(412);
    expect(await status({ IfUnmodifiedSince: past })).toBe(412);
    expect(await status({ IfNoneMatch: ETag })).toBe(304);
    expect(await status({ IfModifiedSince: LastModified })).toBe(304);
    expect(await status({ IfNoneMatch: ETag, IfModifiedSince: past })).toBe(304);
  });
});

describe("a conditional write", () => {
  test("If-None-Match: * creates and never replaces", async () => {
    await objects.put("once", "1", { IfNoneMatch: "*" });
    expect(await refusal(objects.put("once", "2", { IfNoneMatch: "*" }))).toEqual([
      "PreconditionFailed",
      412,
    ]);
    expect(await objects.text("once")).toBe("1");
    await remove("once");
    await objects.put("once", "3", { IfNoneMatch: "*" });
    expect(await objects.text("once")).toBe("3");
  });

  test("is refused in words, though a large body is still on its way", async () => {
    await objects.put("large", "1");
    const large = Buffer.alloc(20 * 1024 * 1024);
    expect(await refusal(objects.put("large", large, { IfNoneMatch: "*" }))).toEqual([
      "PreconditionFailed",
      412,
    ]);
    expect(await objects.text("large")).toBe("1");
  });

  test("of twenty at once that all want to be first, one is", async () => {
    const attempts = Array.from({ length: 20 }, (_, n) => objects.put("first", `${n}`, { IfNoneMatch: "*" }));
    const outcomes = await Promise.allSettled(attempts);
    const winners = outcomes.flatMap(({ status }, n) => (status === "fulfilled" ? [`${n}`] : []));
    expect(winners).toHaveLength(1);
    expect([await objects.text("first")]).toEqual(winners);
  });

  test("If-Match replaces only what it names", async () => {
    const { ETag } = await objects.put("swap", "1");
    await objects.put("swap", "2", { IfMatch: ETag });
    expect(await refusal(objects.put("swap", "3", { IfMatch: ETag }))).toEqual(["PreconditionFailed", 412]);
    expect(await refusal(objects.put("swap-nothing", "3", { IfMatch: ETag }))).toEqual(["NoSuchKey", 404]);
    expect(await objects.text("swap")).toBe("2");
  });

  test("of twenty increments at once by compare and swap none is lost", async () => {
    await objects.put("counter", "0");
    const increment = async (): Promise<void> => {
      const { Body, ETag } = await objects.get("counter");
      const next = Number(await Body?.transformToString()) + 1;
      try {
        await objects.put("counter", `${next}`, { IfMatch: ETag });
      } catch {
        return increment();
      }
    };
    await Promise.all(Array.from({ length: 20 }, increment));
    expect(await objects.text("counter")).toBe("20");
  });
});

describe("deleting", () => {
  test("succeeds whether or not there is something, and only what is named goes", async () => {
    await objects.put("gone");
    await objects.put("gone/below");
    expect((await remove("gone")).$metadata.httpStatusCode).toBe(204);
    expect((await remove("gone")).$metadata.httpStatusCode).toBe(204);
    expect(await refusal(objects.get("gone"))).toEqual(["NoSuchKey", 404]);
    expect(await objects.text("gone/below")).toBe("x");
  });

  test("with If-Match spares another content", async () => {
    const { ETag } = await objects.put("kept", "1");
    expect(await refusal(remove("kept", { IfMatch: '"other"' }))).toEqual(["PreconditionFailed", 412]);
    expect(await refusal(remove("kept-not", { IfMatch: ETag }))).toEqual(["NoSuchKey", 404]);
    expect(await objects.text("kept")).toBe("1");
    await remove("kept", { IfMatch: ETag });
    expect(await refusal(objects.get("kept"))).toEqual(["NoSuchKey", 404]);
  });

  test("many at once reports each one", async () => {
    await objects.put("batch & <1>");
    await objects.put("batch 2");
    const { Deleted, Errors } = await removeAll(
      { Key: "batch & <1>" },
      { Key: "batch never" },
      { Key: "batch 2", ETag: '"other"' },
    );
    expect(Deleted).toEqual([{ Key: "batch & <1>" }, { Key: "batch never" }]);
    expect(Errors).toMatchObject([{ Key: "batch 2", Code: "PreconditionFailed" }]);
    expect(await objects.text("batch 2")).toBe("x");
  });

  test("more than 1,000 at once is refused", async () => {
    const keys = Array.from({ length: 1001 }, (_, n) => ({ Key: `${n}` }));
    expect((await removeAll(...keys.slice(1))).Deleted).toHaveLength(1000);
    expect(await refusal(removeAll(...keys))).toEqual(["MalformedXML", 400]);
  });
});

describe("a copy", () => {
  const source = "source ü+%20/1.txt";
  let ETag: string | undefined;

  beforeAll(async () => {
    const put = { Metadata: { a: "1" }, ContentType: "text/x-a", Tagging: "t=1" };
    ({ ETag } = await objects.put(source, "copied", put));
  });

  test("takes content, headers, metadata and tags along", async () => {
    expect((await copy(source, "copy")).CopyObjectResult?.ETag).toBe(ETag);
    expect(await objects.text("copy")).toBe("copied");
    expect(await head("copy")).toMatchObject({ Metadata: { a: "1" }, ContentType: "text/x-a", TagCount: 1 });
  });

  test("may have new metadata and tags", async () => {
    const replace = { MetadataDirective: "REPLACE", TaggingDirective: "REPLACE" } as const;
    await copy(source, "copy-new", { ...replace, Metadata: { b: "2" }, Tagging: "t=2&u=3" });
    expect(await head("copy-new")).toMatchObject({ Metadata: { b: "2" }, TagCount: 2 });
  });

  test("onto itself must change something", async () => {
    await objects.put("self", "x");
    expect(await refusal(copy("self", "self"))).toEqual(["InvalidRequest", 400]);
    await copy("self", "self", { MetadataDirective: "REPLACE", Metadata: { c: "3" } });
    expect(await head("self")).toMatchObject({ Metadata: { c: "3" }, ContentLength: 1 });
  });

  test("is refused when a condition on either side does not hold", async () => {
    const stale = { CopySourceIfMatch: '"other"' };
    expect(await refusal(copy(source, "copy-never", stale))).toEqual(["PreconditionFailed", 412]);
    const unchanged = { CopySourceIfNoneMatch: ETag };
    expect(await refusal(copy(source, "copy-never", unchanged))).toEqual(["PreconditionFailed", 412]);
    await objects.put("occupied", "mine");
    expect(await refusal(copy(source, "occupied", { IfNoneMatch: "*" }))).toEqual([
      "PreconditionFailed",
      412,
    ]);
    expect(await objects.text("occupied")).toBe("mine");
    expect(await refusal(copy("nothing", "copy-never"))).toEqual(["NoSuchKey", 404]);
    expect(await refusal(head("copy-never"))).toEqual(["NotFound", 404]);
  });
});

describe("tags", () => {
  const tagsOf = async (Key: string) =>
    (await s3.client.send(new GetObjectTaggingCommand({ Bucket: bucket, Key }))).TagSet;
  const tag = (Key: string, TagSet: { Key: string; Value: string }[]) =>
    s3.client.send(new PutObjectTaggingCommand({ Bucket: bucket, Key, Tagging: { TagSet } }));

  test("are set, read and removed without touching the object", async () => {
    await objects.put("tagged", "content", { Tagging: "a=1&b=x%20y" });
    expect(await tagsOf("tagged")).toEqual([
      { Key: "a", Value: "1" },
      { Key: "b", Value: "x y" },
    ]);
    await tag("tagged", [{ Key: "ü", Value: "<&>" }]);
    expect(await tagsOf("tagged")).toEqual([{ Key: "ü", Value: "<&>" }]);
    expect(await objects.get("tagged")).toMatchObject({ TagCount: 1, ContentLength: 7 });
    await s3.client.send(new DeleteObjectTaggingCommand({ Bucket: bucket, Key: "tagged" }));
    expect(await tagsOf("tagged")).toEqual([]);
    expect(await objects.text("tagged")).toBe("content");
  });

  test("are ten at most, each key once, on an object that is there", async () => {
    await objects.put("tag-limits");
    const eleven = Array.from({ length: 11 }, (_, n) => ({ Key: `k${n}`, Value: "v" }));
    await tag("tag-limits", eleven.slice(1));
    expect(await refusal(tag("tag-limits", eleven))).toEqual(["InvalidTag", 400]);
    const twice = [eleven[0]!, eleven[0]!];
    expect(await refusal(tag("tag-limits", twice))).toEqual(["InvalidTag", 400]);
    expect(await refusal(tag("tag-nothing", []))).toEqual(["NoSuchKey", 404]);
  });
});

test.skipIf(otherEndpoint)(
  "every call is reported by its name (to a function, by our own service)",
  async () => {
    const calls: string[] = [];
    await using own = await startService({ onCall: (operation) => void calls.push(operation) });
    const { put, get } = objectsIn(own.client, await own.createBucket());
    await put("a");
    await get("a");
    await refusal(get("b"));
    expect(calls).toEqual(["CreateBucket", "PutObject", "GetObject", "GetObject"]);
  },
);
