import { Readable } from "node:stream";
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type CreateMultipartUploadCommandInput,
  DeleteObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { objectsIn, refusal, type S3, startService } from "./s3-endpoint.ts";

const MiB = 1024 ** 2;

let s3: S3;
let Bucket: string;
let objects: ReturnType<typeof objectsIn>;

beforeAll(async () => {
  s3 = await startService();
  Bucket = await s3.createBucket();
  objects = objectsIn(s3.client, Bucket);
});
afterAll(() => s3[Symbol.asyncDispose]());

const begin = async (Key: string, rest: Partial<CreateMultipartUploadCommandInput> = {}): Promise<string> =>
  (await s3.client.send(new CreateMultipartUploadCommand({ Bucket, Key, ...rest }))).UploadId ?? "";

const upload = async (
  Key: string,
  UploadId: string,
  PartNumber: number,
  Body: string | Uint8Array,
): Promise<CompletedPart> => {
  const { $metadata, ...sums } = await s3.client.send(
    new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }),
  );
  return { PartNumber, ...sums };
};

const complete = (Key: string, UploadId: string, Parts: CompletedPart[], rest: object = {}) =>
  s3.client.send(
    new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts }, ...rest }),
  );

const abort = (Key: string, UploadId: string) =>
  s3.client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }));

const listParts = (Key: string, UploadId: string, rest: object = {}) =>
  s3.client.send(new ListPartsCommand({ Bucket, Key, UploadId, ...rest }));

describe("an upload in parts", () => {
  test("becomes one object whose ETag counts the parts", async () => {
    const id = await begin("joined", { ContentType: "text/x-joined", Metadata: { a: "1" }, Tagging: "t=1" });
    const large = Buffer.alloc(5 * MiB, "a");
    // Part 2 comes before part 1, and once more: the last one counts. Part 9 is left out of the object.
    await upload("joined", id, 2, "draft");
    const parts = [await upload("joined", id, 1, large), await upload("joined", id, 2, "end")];
    await upload("joined", id, 9, "left out");
    expect(await refusal(objects.get("joined"))).toEqual(["NoSuchKey", 404]);

    const { ETag } = await complete("joined", id, parts);
    // MD5 over the MD5s of 5 MiB of "a" and of "end".
    expect(ETag).toBe('"cc8f6f16b44b75adde6349ab98aee432-2"');
    const found = await objects.get("joined");
    expect(found).toMatchObject({ ETag, ContentType: "text/x-joined", Metadata: { a: "1" }, TagCount: 1 });
    const content = Buffer.from((await found.Body?.transformToByteArray()) ?? []);
    expect(content.equals(Buffer.concat([large, Buffer.from("end")]))).toBe(true);
  });

  test("is read across the seams of its parts, or by part", async () => {
    const id = await begin("seams");
    const parts = [
      await upload("seams", id, 1, Buffer.alloc(5 * MiB, "1")),
      await upload("seams", id, 3, Buffer.alloc(5 * MiB, "2")),
      await upload("seams", id, 7, "333"),
    ];
    await complete("seams", id, parts);
    expect(await objects.text("seams", { Range: `bytes=${5 * MiB - 2}-${5 * MiB + 1}` })).toBe("1122");
    expect(await objects.text("seams", { Range: "bytes=-5" })).toBe("22333");
    const last = await objects.get("seams", { PartNumber: 3 });
    expect(last).toMatchObject({
      PartsCount: 3,
      ContentLength: 3,
      ContentRange: "bytes 10485760-10485762/10485763",
    });
    expect(await last.Body?.transformToString()).toBe("333");
  });

  test("is read to its end, though it is deleted meanwhile", async () => {
    const id = await begin("busy");
    const parts: CompletedPart[] = [];
    for (const n of [1, 2, 3]) parts.push(await upload("busy", id, n, Buffer.alloc(5 * MiB, `${n}`)));
    await complete("busy", id, parts);
    const { Body } = await objects.get("busy");
    await s3.client.send(new DeleteObjectCommand({ Bucket, Key: "busy" }));
    const content = Buffer.from((await Body?.transformToByteArray()) ?? []);
    expect([content.length, content.at(0), content.at(-1)]).toEqual([15 * MiB, 49, 51]);
  });

  test("may be streamed by the SDK's uploader", async () => {
    const Body = Readable.from(Array.from({ length: 12 }, (_, n) => Buffer.alloc(MiB, n)));
    const uploaded = await new Upload({
      client: s3.client,
      params: { Bucket, Key: "streamed", Body },
    }).done();
    expect(uploaded.ETag).toMatch(/^"[0-9a-f]{32}-3"$/);
    const { ContentLength } = await s3.client.send(new HeadObjectCommand({ Bucket, Key: "streamed" }));
    expect(ContentLength).toBe(12 * MiB);
  });

  test("takes parts out of other objects", async () => {
    await objects.put("quarry ü", "0123456789");
    const id = await begin("from-copies");
    const CopySource = `${Bucket}/${encodeURIComponent("quarry ü")}`;
    const { CopyPartResult } = await s3.client.send(
      new UploadPartCopyCommand({
        Bucket,
        Key: "from-copies",
        UploadId: id,
        PartNumber: 1,
        CopySource,
        CopySourceRange: "bytes=2-5",
      }),
    );
    await complete("from-copies", id, [{ PartNumber: 1, ETag: CopyPartResult?.ETag }]);
    expect(await objects.text("from-copies")).toBe("2345");
    const outside = { Bucket, Key: "from-copies", PartNumber: 1, CopySource, CopySourceRange: "bytes=5-10" };
    const again = await begin("from-copies");
    const call = s3.client.send(new UploadPartCopyCommand({ ...outside, UploadId: again }));
    expect(await refusal(call)).toEqual(["InvalidArgument", 400]);
  });

  test("may be completed again by a client that lost the answer", async () => {
    const id = await begin("twice");
    const parts = [await upload("twice", id, 1, "x")];
    const first = await complete("twice", id, parts, { IfNoneMatch: "*" });
    const second = await complete("twice", id, parts, { IfNoneMatch: "*" });
    expect(second.ETag).toBe(first.ETag);
  });
});

describe("completing is refused", () => {
  test("for parts that are missing, wrong, out of order or too small", async () => {
    const id = await begin("refused");
    const small = await upload("refused", id, 1, "small");
    const end = await upload("refused", id, 2, "end");
    const attempt = (...parts: CompletedPart[]) => refusal(complete("refused", id, parts));
    expect(await attempt(small, end)).toEqual(["EntityTooSmall", 400]);
    expect(await attempt(end, small)).toEqual(["InvalidPartOrder", 400]);
    expect(await attempt({ ...end, PartNumber: 3 })).toEqual(["InvalidPart", 400]);
    expect(await attempt({ ...end, ETag: small.ETag })).toEqual(["InvalidPart", 400]);
    expect(await attempt()).toEqual(["MalformedXML", 400]);
    expect(await refusal(objects.get("refused"))).toEqual(["NoSuchKey", 404]);
    // Nothing of it has spoilt the upload.
    await complete("refused", id, [end]);
    expect(await objects.text("refused")).toBe("end");
  });

  test("when a condition does not hold, and the upload lives on", async () => {
    const { ETag } = await objects.put("guarded", "first");
    const id = await begin("guarded");
    const parts = [await upload("guarded", id, 1, "second")];
    expect(await refusal(complete("guarded", id, parts, { IfNoneMatch: "*" }))).toEqual([
      "PreconditionFailed",
      412,
    ]);
    expect(await refusal(complete("guarded", id, parts, { IfMatch: '"other"' }))).toEqual([
      "PreconditionFailed",
      412,
    ]);
    expect(await objects.text("guarded")).toBe("first");
    await complete("guarded", id, parts, { IfMatch: ETag });
    expect(await objects.text("guarded")).toBe("second");
  });

  test("after abort, under another key, and for an unknown upload", async () => {
    const id = await begin("aborted");
    const parts = [await upload("aborted", id, 1, "x")];
    expect(await refusal(complete("other", id, parts))).toEqual(["NoSuchUpload", 404]);
    await abort("aborted", id);
    expect(await refusal(complete("aborted", id, parts))).toEqual(["NoSuchUpload", 404]);
    expect(await refusal(upload("aborted", id, 1, "x"))).toEqual(["NoSuchUpload", 404]);
    expect(await refusal(abort("aborted", id))).toEqual(["NoSuchUpload", 404]);
  });
});

test("part numbers run from 1 to 10,000", async () => {
  const id = await begin("numbers");
  expect(await refusal(upload("numbers", id, 0, "x"))).toEqual(["InvalidArgument", 400]);
  expect(await refusal(upload("numbers", id, 10_001, "x"))).toEqual(["InvalidArgument", 400]);
  await upload("numbers", id, 10_000, "x");
  expect((await listParts("numbers", id)).Parts).toMatchObject([{ PartNumber: 10_000, Size: 1 }]);
});

test("parts are listed in pages", async () => {
  const id = await begin("paged");
  for (const number of [5, 1, 2]) await upload("paged", id, number, "part");
  const first = await listParts("paged", id, { MaxParts: 2 });
  expect(first).toMatchObject({ IsTruncated: true, Parts: [{ PartNumber: 1 }, { PartNumber: 2 }] });
  const second = await listParts("paged", id, { PartNumberMarker: first.NextPartNumberMarker });
  expect(second).toMatchObject({ IsTruncated: false, Parts: [{ PartNumber: 5, Size: 4 }] });
});

test("open uploads are listed in pages, by key and then by age", async () => {
  const bucket = await s3.createBucket();
  const open = async (Key: string) =>
    (await s3.client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key }))).UploadId;
  const list = (rest: object) => s3.client.send(new ListMultipartUploadsCommand({ Bucket: bucket, ...rest }));
  await open("z");
  const twice = [await open("a/1"), await open("a/1")].sort();
  await open("a/2");

  const first = await list({ MaxUploads: 1 });
  expect(first).toMatchObject({ IsTruncated: true, Uploads: [{ Key: "a/1", UploadId: twice[0] }] });
  const second = await list({ KeyMarker: first.NextKeyMarker, UploadIdMarker: first.NextUploadIdMarker });
  expect(second.Uploads?.map(({ Key }) => Key)).toEqual(["a/1", "a/2", "z"]);
  const rolled = await list({ Delimiter: "/" });
  expect(rolled).toMatchObject({ Uploads: [{ Key: "z" }], CommonPrefixes: [{ Prefix: "a/" }] });
});
