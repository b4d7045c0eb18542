import { once } from "node:events";
import { request } from "node:http";
import { Readable } from "node:stream";
import {
  type ChecksumAlgorithm,
  type ChecksumType,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { objectsIn, otherEndpoint, refusal, type S3, startService } from "./s3-endpoint.ts";

let s3: S3;
let Bucket: string;
let objects: ReturnType<typeof objectsIn>;

beforeAll(async () => {
  s3 = await startService();
  Bucket = await s3.createBucket();
  objects = objectsIn(s3.client, Bucket);
});
afterAll(() => s3[Symbol.asyncDispose]());

const head = (Key: string) => s3.client.send(new HeadObjectCommand({ Bucket, Key, ChecksumMode: "ENABLED" }));

describe("a checksum in the request", () => {
  /** Over "123456789": the check values that come with the definitions of the algorithms. */
  const published = [
    ["ChecksumCRC32", "y/Q5Jg=="],
    ["ChecksumCRC32C", "4waSgw=="],
    ["ChecksumCRC64NVME", "rosUhgp5mIg="],
    ["ChecksumSHA1", "98O8HYCOBHMq32eZZczDTKeuNEE="],
    ["ChecksumSHA256", "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="],
  ] as const;

  test.for(published)("%s is verified, kept and answered", async ([name, value]) => {
    expect(await objects.put(name, "123456789", { [name]: value })).toMatchObject({ [name]: value });
    expect(await head(name)).toMatchObject({ [name]: value, ChecksumType: "FULL_OBJECT" });
    const wrong = objects.put(`${name} wrong`, "123456780", { [name]: value });
    expect(await refusal(wrong)).toEqual(["BadDigest", 400]);
    expect(await refusal(head(`${name} wrong`))).toEqual(["NotFound", 404]);
  });

  test.for(["CRC32", "SHA256"] as const)("%s may come behind a streamed body", async (ChecksumAlgorithm) => {
    const Body = Readable.from([Buffer.from("12345"), Buffer.from("6789")]);
    await objects.put("trailer", Body, { ContentLength: 9, ChecksumAlgorithm });
    const [, value] = published.find(([name]) => name === `Checksum${ChecksumAlgorithm}`) ?? [];
    expect(await head("trailer")).toMatchObject({
      [`Checksum${ChecksumAlgorithm}`]: value,
      ContentLength: 9,
    });
  });

  test("Content-MD5 is verified", async () => {
    await objects.put("md5", "123456789", { ContentMD5: "JfnnlDI7RTiF9RgfG2JNCw==" });
    const wrong = objects.put("md5 wrong", "123456780", { ContentMD5: "JfnnlDI7RTiF9RgfG2JNCw==" });
    expect(await refusal(wrong)).toEqual(["BadDigest", 400]);
    const malformed = objects.put("md5 wrong", "123456789", { ContentMD5: "JfnnlDI7" });
    expect(await refusal(malformed)).toEqual(["InvalidDigest", 400]);
    expect(await refusal(head("md5 wrong"))).toEqual(["NotFound", 404]);
  });
});

describe("the checksum of an upload in parts", () => {
  const bodies = [Buffer.alloc(5 * 1024 ** 2, "a"), Buffer.from("end")];

  async function uploadParts(Key: string, algorithm?: ChecksumAlgorithm, type?: ChecksumType) {
    const checksum = { ChecksumAlgorithm: algorithm, ChecksumType: type };
    const { UploadId } = await s3.client.send(new CreateMultipartUploadCommand({ Bucket, Key, ...checksum }));
    const Parts: CompletedPart[] = [];
    for (const [index, Body] of bodies.entries()) {
      const part = { Bucket, Key, UploadId, PartNumber: index + 1, Body, ChecksumAlgorithm: algorithm };
      const { $metadata, ...sums } = await s3.client.send(new UploadPartCommand(part));
      Parts.push({ PartNumber: index + 1, ...sums });
    }
    return { Bucket, Key, UploadId, MultipartUpload: { Parts } };
  }

  test.for([
    ["SHA256", "COMPOSITE", "CCs1a+1DlLxspT19ARp9eg2ZuO4lvUykB7Orxi45QJg=-2"],
    ["CRC32", "COMPOSITE", "gJQ79w==-2"],
    ["CRC32", "FULL_OBJECT", "JZ3nOw=="],
    ["CRC32C", "FULL_OBJECT", "ikUIqA=="],
    ["CRC64NVME", "FULL_OBJECT", "Naidc2+phk8="],
  ] as const)("%s %s", async ([algorithm, type, value]) => {
    const Key = `${algorithm} ${type}`;
    const input = await uploadParts(Key, algorithm, type);
    const { ETag, $metadata, ...answer } = await s3.client.send(new CompleteMultipartUploadCommand(input));
    expect(answer).toMatchObject({ [`Checksum${algorithm}`]: value, ChecksumType: type });
    expect(await head(Key)).toMatchObject({ [`Checksum${algorithm}`]: value, ChecksumType: type });
  });

  test("must be the announced one in every part, and be named on completion", async () => {
    const input = await uploadParts("strict", "SHA256");
    const { UploadId } = input;
    const other = {
      Bucket,
      Key: "strict",
      UploadId,
      PartNumber: 1,
      Body: "x",
      ChecksumAlgorithm: "SHA1",
    } as const;
    expect(await refusal(s3.client.send(new UploadPartCommand(other)))).toEqual(["InvalidRequest", 400]);
    const bare = input.MultipartUpload.Parts.map(({ PartNumber, ETag }) => ({ PartNumber, ETag }));
    const without = new CompleteMultipartUploadCommand({ ...input, MultipartUpload: { Parts: bare } });
    expect(await refusal(s3.client.send(without))).toEqual(["InvalidRequest", 400]);
    await s3.client.send(new CompleteMultipartUploadCommand(input));
  });

  test("over the whole object is compared with the one that completion states", async () => {
    const input = await uploadParts("stated", "CRC32", "FULL_OBJECT");
    const complete = (ChecksumCRC32: string) =>
      s3.client.send(
        new CompleteMultipartUploadCommand({ ...input, ChecksumCRC32, ChecksumType: "FULL_OBJECT" }),
      );
    expect(await refusal(complete("AAAAAA=="))).toEqual(["BadDigest", 400]);
    expect(await refusal(head("stated"))).toEqual(["NotFound", 404]);
    await complete("JZ3nOw==");
  });
});

describe.skipIf(otherEndpoint)(
  "bodies that no SDK sends (unsigned, which only our own service takes)",
  () => {
    /** Sends a PUT as it is and answers with the status and the error code. */
    async function send(
      key: string,
      headers: Record<string, string>,
      body: string,
    ): Promise<[number?, string?]> {
      const call = request(`${s3.endpoint}/${Bucket}/${key}`, {
        method: "PUT",
        // A connection whose request was cut short must not serve the next one.
        agent: false,
        headers: { authorization: "none", ...headers },
      });
      const sent = once(call, "finish");
      call.end(body);
      const [response] = (await once(call, "response")) as [Readable & { statusCode?: number }];
      await sent;
      const text = (await response.setEncoding("utf8").toArray()).join("");
      call.destroy();
      return [response.statusCode, /<Code>(.*)<\/Code>/.exec(text)?.[1]];
    }

    const chunked = (length: number, trailer = "x-amz-checksum-crc32") => ({
      "content-encoding": "aws-chunked",
      "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
      "x-amz-decoded-content-length": String(length),
      "x-amz-trailer": trailer,
    });
    const trailer = "x-amz-checksum-crc32:y/Q5Jg==\r\n\r\n";

    test("signed chunks are unwrapped", async () => {
      const headers = {
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "x-amz-decoded-content-length": "9",
        "content-encoding": "gzip,aws-chunked",
      };
      const body =
        "5;chunk-signature=00\r\n12345\r\n4;chunk-signature=00\r\n6789\r\n0;chunk-signature=00\r\n\r\n";
      expect(await send("signed-chunks", headers, body)).toEqual([200, undefined]);
      expect(await head("signed-chunks")).toMatchObject({ ContentLength: 9, ContentEncoding: "gzip" });
    });

    test.for([
      ["a wrong trailer", chunked(9), "9\r\n123456780\r\n0\r\n", "BadDigest"],
      ["a missing trailer", chunked(9, "x-amz-checksum-sha1"), "9\r\n123456789\r\n0\r\n", "IncompleteBody"],
      ["fewer bytes than announced", chunked(10), "9\r\n123456789\r\n0\r\n", "IncompleteBody"],
      ["a chunk that is cut off", chunked(9), "9\r\n1234", "IncompleteBody"],
      ["a chunk that is too long", chunked(9), "8\r\n123456789\r\n0\r\n", "IncompleteBody"],
      ["no framing at all", chunked(9), "123456789", "IncompleteBody"],
      [
        "a SHA-256 of something else",
        { "x-amz-content-sha256": "0".repeat(64) },
        "1",
        "XAmzContentSHA256Mismatch",
      ],
      ["a checksum of the wrong length", { "x-amz-checksum-sha256": "y/Q5Jg==" }, "1", "InvalidRequest"],
      [
        "an algorithm without its checksum",
        { "x-amz-sdk-checksum-algorithm": "CRC32" },
        "1",
        "InvalidRequest",
      ],
      ["more than 5 GiB", { "content-length": String(5 * 1024 ** 3 + 1) }, "1", "EntityTooLarge"],
    ] as const)("%s is refused", async ([key, headers, body, code]) => {
      const name = encodeURIComponent(key);
      expect(await send(name, headers, body.endsWith("0\r\n") ? body + trailer : body)).toEqual([400, code]);
      expect(await refusal(head(key))).toEqual(["NotFound", 404]);
    });

    test("a body of unknown length is refused", async () => {
      expect(await send("endless", { "transfer-encoding": "chunked" }, "x")).toEqual([
        411,
        "MissingContentLength",
      ]);
    });

    test("the connection survives a refusal in the middle of a large body", async () => {
      const broken = `8\r\n123456789\r\n${"x".repeat(64 * 1024 ** 2)}`;
      expect(await send("broken", chunked(9), broken)).toEqual([400, "IncompleteBody"]);
    });
  },
);
