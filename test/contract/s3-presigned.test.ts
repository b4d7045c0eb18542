import {
  CopyObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { VirtualClock } from "../virtual-clock.ts";
import { clientOf, objectsIn, otherEndpoint, type S3, startService } from "./s3-endpoint.ts";

let s3: S3;
let Bucket: string;
let objects: ReturnType<typeof objectsIn>;

beforeAll(async () => {
  s3 = await startService();
  Bucket = await s3.createBucket();
  objects = objectsIn(s3.client, Bucket);
});
afterAll(() => s3[Symbol.asyncDispose]());

const signGet = (Key: string, rest: object = {}) =>
  getSignedUrl(s3.client, new GetObjectCommand({ Bucket, Key, ...rest }), { expiresIn: 60 });
const signPut = (Key: string, rest: Partial<PutObjectCommandInput> = {}, options: object = {}) =>
  getSignedUrl(s3.client, new PutObjectCommand({ Bucket, Key, ...rest }), { expiresIn: 60, ...options });

/** Status and error code of a plain HTTP call. */
async function call(
  url: string,
  init: RequestInit = {},
): Promise<[status: number, code: string | undefined]> {
  const response = await fetch(url, init);
  return [response.status, /<Code>(.*)<\/Code>/.exec(await response.text())?.[1]];
}
const ok = [200, undefined];

describe("a presigned URL", () => {
  test.for(["plain.txt", "with space/ü+%20&=?#.txt", "emoji/😀'()*!"])("puts and gets %j", async (key) => {
    const put = await fetch(await signPut(key), { method: "PUT", body: "content" });
    expect([put.status, put.headers.get("etag")]).toEqual([200, '"9a0364b9e99bb480dd25e1f0284c8555"']);
    expect(await (await fetch(await signGet(key))).text()).toBe("content");
  });

  test("serves ranges, and headers that the signer chose", async () => {
    await objects.put("served", "0123456789");
    const url = await signGet("served", {
      ResponseContentType: "text/x-a",
      ResponseContentDisposition: 'inline; filename="日本"',
    });
    const response = await fetch(url, { headers: { range: "bytes=0-2" } });
    const disposition = Buffer.from(response.headers.get("content-disposition") ?? "", "latin1").toString();
    expect(disposition).toBe('inline; filename="日本"');
    expect([response.status, response.headers.get("content-type"), await response.text()]).toEqual([
      206,
      "text/x-a",
      "012",
    ]);
  });

  test("carries metadata that the signer chose", async () => {
    expect(
      await call(await signPut("meta", { Metadata: { a: "b c" } }), { method: "PUT", body: "x" }),
    ).toEqual(ok);
    const { Metadata } = await s3.client.send(new HeadObjectCommand({ Bucket, Key: "meta" }));
    expect(Metadata).toEqual({ a: "b c" });
  });

  test("for a copy copies, and does not put an empty object", async () => {
    await objects.put("copied", "content");
    const copy = new CopyObjectCommand({ Bucket, Key: "copy", CopySource: `${Bucket}/copied` });
    await call(await getSignedUrl(s3.client, copy, { expiresIn: 60 }), { method: "PUT" });
    expect(await objects.text("copy")).toBe("content");
  });

  test("holds for its method, key, query and time alone", async () => {
    await objects.put("mine", "x");
    await objects.put("yours", "y");
    const url = await signGet("mine");
    const refused = [403, "SignatureDoesNotMatch"];
    expect(await call(url)).toEqual(ok);
    expect(await call(url.replace("mine", "yours"))).toEqual(refused);
    expect(await call(url.replace("X-Amz-Expires=60", "X-Amz-Expires=600"))).toEqual(refused);
    expect(await call(`${url}&response-content-type=text/html`)).toEqual(refused);
    expect(await call(url.replace(/X-Amz-Signature=../, "X-Amz-Signature=00"))).toEqual(refused);
    expect(await call(url, { method: "DELETE" })).toEqual(refused);
    expect(await call(url, { method: "PUT", body: "z" })).toEqual(refused);
    expect(await objects.text("mine")).toBe("x");
  });

  test("without its signature is worth nothing", async () => {
    await objects.put("bare", "x");
    expect(await call((await signGet("bare")).split("?", 1).join())).toEqual([403, "AccessDenied"]);
  });

  test("needs the headers that were signed, and takes no others that count", async () => {
    const length = { ContentLength: 5, IfNoneMatch: "*" } as const;
    const url = await signPut("once", length);
    expect(new URL(url).searchParams.get("X-Amz-SignedHeaders")).toBe("content-length;host;if-none-match");
    const put = (body: string, headers: Record<string, string>) =>
      call(url, { method: "PUT", body, headers });
    expect(await put("12345", {})).toEqual([403, "SignatureDoesNotMatch"]);
    expect(await put("123456", { "if-none-match": "*" })).toEqual([403, "SignatureDoesNotMatch"]);
    expect(await put("12345", { "if-none-match": "*", "x-amz-meta-a": "b" })).toEqual([403, "AccessDenied"]);
    expect(await put("12345", { "if-none-match": "*" })).toEqual(ok);
    expect(await put("54321", { "if-none-match": "*" })).toEqual([412, "PreconditionFailed"]);
    expect(await objects.text("once")).toBe("12345");
  });

  test("needs the content type that was signed, if one was", async () => {
    const signableHeaders = new Set(["content-type"]);
    const url = await signPut("typed", { ContentType: "text/plain" }, { signableHeaders });
    const put = (type: string) => call(url, { method: "PUT", body: "x", headers: { "content-type": type } });
    expect(await put("text/html")).toEqual([403, "SignatureDoesNotMatch"]);
    expect(await put("text/plain")).toEqual(ok);
  });

  test.skipIf(otherEndpoint)("ends when its time is over (our own service has a clock to set)", async () => {
    const clock = new VirtualClock(Date.now());
    await using own = await startService({ clock });
    const target = { Bucket: await own.createBucket(), Key: "soon" };
    await objectsIn(own.client, target.Bucket).put(target.Key);
    const url = await getSignedUrl(own.client, new GetObjectCommand(target), { expiresIn: 60 });
    const signed = Date.now();
    clock.advance(signed + 50_000 - clock.now());
    expect(await call(url)).toEqual(ok);
    clock.advance(11_000);
    expect(await call(url)).toEqual([403, "AccessDenied"]);
  });

  test.skipIf(otherEndpoint)(
    "of an unknown key or another secret is refused (other services have others)",
    async () => {
      const sign = (accessKeyId: string, secretAccessKey: string) => {
        const client = clientOf(s3.endpoint);
        client.config.credentials = async () => ({ accessKeyId, secretAccessKey });
        return getSignedUrl(client, new GetObjectCommand({ Bucket, Key: "mine" }), { expiresIn: 3600 });
      };
      expect(await call(await sign("nobody", "local"))).toEqual([403, "InvalidAccessKeyId"]);
      expect(await call(await sign("toString", "local"))).toEqual([403, "InvalidAccessKeyId"]);
      expect(await call(await sign("local", "guess"))).toEqual([403, "SignatureDoesNotMatch"]);
    },
  );

  test("lives seven days at most", async () => {
    const url = (await signGet("mine")).replace("X-Amz-Expires=60", "X-Amz-Expires=604801");
    expect(await call(url)).toEqual([400, "AuthorizationQueryParametersError"]);
  });
});
