import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteBucketLifecycleCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketAclCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketLocationCommand,
  GetBucketNotificationConfigurationCommand,
  GetBucketPolicyCommand,
  GetBucketVersioningCommand,
  GetObjectAttributesCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectVersionsCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketNotificationConfigurationCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutObjectAclCommand,
  PutObjectCommand,
  PutObjectLegalHoldCommand,
  RestoreObjectCommand,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { objectsIn, otherEndpoint, refusal, type S3, startService } from "./s3-endpoint.ts";

let s3: S3;

beforeAll(async () => {
  s3 = await startService();
});
afterAll(() => s3[Symbol.asyncDispose]());

describe("a bucket", () => {
  test("is created, found, listed and deleted", async () => {
    const Bucket = await s3.createBucket();
    const found = await s3.client.send(new HeadBucketCommand({ Bucket }));
    expect(found.BucketRegion).toBe("us-east-1");
    const names = async () =>
      (await s3.client.send(new ListBucketsCommand({}))).Buckets?.map(({ Name }) => Name);
    expect(await names()).toContain(Bucket);
    expect((await s3.client.send(new GetBucketLocationCommand({ Bucket }))).LocationConstraint).toBeFalsy();
    // In us-east-1 creating one's own bucket again is a success.
    await s3.client.send(new CreateBucketCommand({ Bucket }));

    await s3.client.send(new DeleteBucketCommand({ Bucket }));
    expect(await names()).not.toContain(Bucket);
    expect(await refusal(s3.client.send(new HeadBucketCommand({ Bucket })))).toEqual(["NotFound", 404]);
    expect(await refusal(s3.client.send(new DeleteBucketCommand({ Bucket })))).toEqual(["NoSuchBucket", 404]);
    await s3.client.send(new CreateBucketCommand({ Bucket }));
  });

  test.for([
    "ab",
    "Capital",
    "a..b",
    "-a-b",
    "192.168.0.1",
    "under_score",
    "xn--abc",
    "abc-s3alias",
    "a".repeat(64),
  ])("may not be called %s", async (Bucket) => {
    expect(await refusal(s3.client.send(new CreateBucketCommand({ Bucket })))).toEqual([
      "InvalidBucketName",
      400,
    ]);
  });

  test("with anything in it cannot be deleted", async () => {
    const Bucket = await s3.createBucket();
    await objectsIn(s3.client, Bucket).put("a");
    expect(await refusal(s3.client.send(new DeleteBucketCommand({ Bucket })))).toEqual([
      "BucketNotEmpty",
      409,
    ]);
  });

  test("keeps configurations that have no effect here", async () => {
    const Bucket = await s3.createBucket();
    const get = () => s3.client.send(new GetBucketLifecycleConfigurationCommand({ Bucket }));
    expect(await refusal(get())).toEqual(["NoSuchLifecycleConfiguration", 404]);
    const Rules = [
      { ID: "tmp", Status: "Enabled", Filter: { Prefix: "tmp/" }, Expiration: { Days: 3 } },
    ] as const;
    await s3.client.send(
      new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules: [...Rules] } }),
    );
    expect((await get()).Rules).toEqual(Rules);
    await s3.client.send(new DeleteBucketLifecycleCommand({ Bucket }));
    expect(await refusal(get())).toEqual(["NoSuchLifecycleConfiguration", 404]);
  });

  test.skipIf(otherEndpoint)("keeps a policy (which AWS would check)", async () => {
    const Bucket = await s3.createBucket();
    const Policy = '{"Version":"2012-10-17","Statement":[]}';
    await s3.client.send(new PutBucketPolicyCommand({ Bucket, Policy }));
    expect((await s3.client.send(new GetBucketPolicyCommand({ Bucket }))).Policy).toBe(Policy);
    const broken = s3.client.send(new PutBucketPolicyCommand({ Bucket, Policy: "{" }));
    expect(await refusal(broken)).toEqual(["MalformedPolicy", 400]);
  });

  test("has notification targets, and none at first", async () => {
    const Bucket = await s3.createBucket();
    const get = async () => {
      const { $metadata, ...found } = await s3.client.send(
        new GetBucketNotificationConfigurationCommand({ Bucket }),
      );
      return found;
    };
    const put = (NotificationConfiguration: object) =>
      s3.client.send(
        new PutBucketNotificationConfigurationCommand({
          Bucket,
          NotificationConfiguration,
          SkipDestinationValidation: true,
        }),
      );
    expect(await get()).toEqual({});
    await put({ EventBridgeConfiguration: {} });
    expect(await get()).toEqual({ EventBridgeConfiguration: {} });
    if (otherEndpoint === undefined) {
      const queue = {
        Id: "q",
        QueueArn: "arn:aws:sqs:us-east-1:000000000000:q",
        Events: ["s3:ObjectCreated:*"],
      };
      await put({ QueueConfigurations: [queue] });
      expect(await get()).toEqual({ QueueConfigurations: [queue] });
    }
    await put({});
    expect(await get()).toEqual({});
  });
});

describe("versions", () => {
  async function versionedBucket() {
    const Bucket = await s3.createBucket();
    await setVersioning(Bucket, "Enabled");
    return { Bucket, ...objectsIn(s3.client, Bucket) };
  }
  const setVersioning = (Bucket: string, Status: "Enabled" | "Suspended") =>
    s3.client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status } }));
  const remove = (Bucket: string, Key: string, VersionId?: string) =>
    s3.client.send(new DeleteObjectCommand({ Bucket, Key, VersionId }));
  const list = (Bucket: string, rest: object = {}) =>
    s3.client.send(new ListObjectVersionsCommand({ Bucket, ...rest }));

  test("are off until they are enabled", async () => {
    const Bucket = await s3.createBucket();
    const status = async () => (await s3.client.send(new GetBucketVersioningCommand({ Bucket }))).Status;
    expect(await status()).toBeUndefined();
    const { VersionId } = await objectsIn(s3.client, Bucket).put("a");
    expect(VersionId).toBeUndefined();
    await setVersioning(Bucket, "Enabled");
    expect(await status()).toBe("Enabled");
    expect((await s3.client.send(new HeadObjectCommand({ Bucket, Key: "a" }))).VersionId).toBe("null");
  });

  test("stay readable by id, and a delete only hides them", async () => {
    const { Bucket, put, text, get } = await versionedBucket();
    const one = await put("doc", "one");
    const two = await put("doc", "two");
    expect(await text("doc")).toBe("two");
    expect(await text("doc", { VersionId: one.VersionId })).toBe("one");

    const deletion = await remove(Bucket, "doc");
    expect(deletion.DeleteMarker).toBe(true);
    expect(await refusal(get("doc"))).toEqual(["NoSuchKey", 404]);
    expect(await text("doc", { VersionId: two.VersionId })).toBe("two");
    const marker = get("doc", { VersionId: deletion.VersionId });
    expect((await refusal(marker))[1]).toBe(405);
    const { Versions, DeleteMarkers } = await list(Bucket);
    expect(Versions?.map(({ VersionId, IsLatest }) => [VersionId, IsLatest])).toEqual([
      [two.VersionId, false],
      [one.VersionId, false],
    ]);
    expect(DeleteMarkers).toMatchObject([{ Key: "doc", VersionId: deletion.VersionId, IsLatest: true }]);

    await remove(Bucket, "doc", deletion.VersionId);
    expect(await text("doc")).toBe("two");
    await remove(Bucket, "doc", two.VersionId);
    expect(await text("doc")).toBe("one");
    expect((await refusal(get("doc", { VersionId: two.VersionId })))[1]).toBe(404);
    expect(await refusal(s3.client.send(new DeleteBucketCommand({ Bucket })))).toEqual([
      "BucketNotEmpty",
      409,
    ]);
  });

  test("while suspended there is one without an id, which is replaced", async () => {
    const { Bucket, put, text } = await versionedBucket();
    const kept = await put("doc", "kept");
    await setVersioning(Bucket, "Suspended");
    expect((await put("doc", "first")).VersionId).toBe("null");
    await put("doc", "second");
    expect(await text("doc")).toBe("second");
    expect((await list(Bucket)).Versions?.map(({ VersionId }) => VersionId)).toEqual([
      "null",
      kept.VersionId,
    ]);
    expect(await remove(Bucket, "doc")).toMatchObject({ DeleteMarker: true, VersionId: "null" });
    expect((await list(Bucket)).Versions?.map(({ VersionId }) => VersionId)).toEqual([kept.VersionId]);
  });

  test("are judged by the current one when a write has a condition", async () => {
    const { Bucket, put, text } = await versionedBucket();
    await put("doc", "old");
    expect(await refusal(put("doc", "new", { IfNoneMatch: "*" }))).toEqual(["PreconditionFailed", 412]);
    await remove(Bucket, "doc");
    await put("doc", "new", { IfNoneMatch: "*" });
    expect(await text("doc")).toBe("new");
  });

  test("are listed in pages, also when each page is deleted before the next is fetched", async () => {
    const { Bucket, put } = await versionedBucket();
    for (const key of ["a", "b", "b", "b", "c"]) await put(key);
    const keys: (string | undefined)[] = [];
    let markers: object = {};
    for (let truncated = true; truncated; ) {
      const page = await list(Bucket, { MaxKeys: 2, ...markers });
      keys.push(...(page.Versions ?? []).map(({ Key }) => Key));
      const Objects = (page.Versions ?? []).map(({ Key, VersionId }) => ({ Key, VersionId }));
      await s3.client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
      markers = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker };
      truncated = page.IsTruncated ?? false;
    }
    expect(keys).toEqual(["a", "b", "b", "b", "c"]);
    await s3.client.send(new DeleteBucketCommand({ Bucket }));
    await s3.client.send(new CreateBucketCommand({ Bucket }));
  });

  test("pages of untouched versions add up", async () => {
    const { Bucket, put } = await versionedBucket();
    for (const key of ["a", "b", "b", "b", "c"]) await put(key);
    const first = await list(Bucket, { MaxKeys: 3 });
    const { NextKeyMarker: KeyMarker, NextVersionIdMarker: VersionIdMarker } = first;
    const second = await list(Bucket, { KeyMarker, VersionIdMarker });
    const ids = [...(first.Versions ?? []), ...(second.Versions ?? [])].map(({ VersionId }) => VersionId);
    expect(new Set(ids).size).toBe(5);
    expect(second.Versions?.map(({ Key }) => Key)).toEqual(["b", "c"]);
  });
});

describe.skipIf(otherEndpoint)(
  "what is not implemented is refused, not misread (other services implement it)",
  () => {
    test("sub-resources of an object leave the object alone", async () => {
      const Bucket = await s3.createBucket();
      const { put, text } = objectsIn(s3.client, Bucket);
      await put("a", "content");
      const target = { Bucket, Key: "a" };
      const refused = ["NotImplemented", 501];
      expect(await refusal(s3.client.send(new PutObjectAclCommand({ ...target, ACL: "private" })))).toEqual(
        refused,
      );
      const hold = new PutObjectLegalHoldCommand({ ...target, LegalHold: { Status: "ON" } });
      expect(await refusal(s3.client.send(hold))).toEqual(refused);
      expect(await refusal(s3.client.send(new RestoreObjectCommand(target)))).toEqual(refused);
      const attributes = new GetObjectAttributesCommand({ ...target, ObjectAttributes: ["ETag"] });
      expect(await refusal(s3.client.send(attributes))).toEqual(refused);
      expect(await refusal(s3.client.send(new GetBucketAclCommand({ Bucket })))).toEqual(refused);
      expect(await text("a")).toBe("content");
    });

    test("an append is not taken for a put", async () => {
      const Bucket = await s3.createBucket();
      const { put, text } = objectsIn(s3.client, Bucket);
      await put("log", "first");
      const append = new PutObjectCommand({ Bucket, Key: "log", Body: "second", WriteOffsetBytes: 5 });
      expect(await refusal(s3.client.send(append))).toEqual(["NotImplemented", 501]);
      expect(await text("log")).toBe("first");
    });

    test("any other query is refused on every method", async () => {
      const Bucket = await s3.createBucket();
      for (const method of ["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"]) {
        for (const path of [`/?x`, `/${Bucket}?x`, `/${Bucket}/key?x`, `/${Bucket}/key?tagging&x`]) {
          const { status } = await fetch(`${s3.endpoint}${path}`, {
            method,
            headers: { authorization: "none" },
          });
          expect([method, path, status]).toEqual([method, path, 501]);
        }
      }
      await s3.client.send(new DeleteBucketCommand({ Bucket }));
    });

    test("a bucket in the host name is not taken for path style", async () => {
      const host = `${await s3.createBucket()}.localhost`;
      const headers = { authorization: "none", host };
      const call = request(`${s3.endpoint}/key`, { method: "PUT", headers, agent: false }).end();
      const [response] = (await once(call, "response")) as [IncomingMessage];
      expect(response.resume().statusCode).toBe(403);
    });

    test("the bucket of another owner is refused", async () => {
      const Bucket = await s3.createBucket();
      const expecting = (ExpectedBucketOwner: string) =>
        s3.client.send(new HeadBucketCommand({ Bucket, ExpectedBucketOwner }));
      await expecting("000000000000");
      expect((await refusal(expecting("111111111111")))[1]).toBe(403);
    });
  },
);
