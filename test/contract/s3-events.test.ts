import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  PutBucketNotificationConfigurationCommand,
  PutBucketVersioningCommand,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { describe, expect, test } from "vitest";
import type { ObjectCreated } from "../../infra/local/s3/server.ts";
import { VirtualClock } from "../virtual-clock.ts";
import { objectsIn, otherEndpoint, refusal, type S3, startService, until } from "./s3-endpoint.ts";

async function announcingBucket(s3: S3): Promise<string> {
  const Bucket = await s3.createBucket();
  const NotificationConfiguration = { EventBridgeConfiguration: {} };
  await s3.client.send(new PutBucketNotificationConfigurationCommand({ Bucket, NotificationConfiguration }));
  return Bucket;
}

/** A consumer that accepts or refuses as the test says. */
class Consumer {
  readonly offered: ObjectCreated[] = [];
  readonly accepted: ObjectCreated[] = [];
  refuses: (event: ObjectCreated) => boolean = () => false;

  readonly onObjectCreated = async (event: ObjectCreated): Promise<void> => {
    this.offered.push(event);
    if (this.refuses(event)) throw new Error("not now");
    this.accepted.push(event);
  };

  async acceptedKeys(count: number): Promise<string[]> {
    await until(() => this.accepted.length >= count);
    return this.accepted.map(({ key }) => key);
  }
}

describe.skipIf(otherEndpoint)("events (delivered to a function by our own service alone)", () => {
  test("tell of every way in which an object comes to be, and of nothing else", async () => {
    const consumer = new Consumer();
    await using s3 = await startService({ ...consumer, clock: new VirtualClock(1_700_000_000_000) });
    const Bucket = await announcingBucket(s3);
    const { put } = objectsIn(s3.client, Bucket);
    const Key = "in/ü +%2B.txt";
    await put(Key, "hello");
    await s3.client.send(
      new CopyObjectCommand({ Bucket, Key: "copy", CopySource: `${Bucket}/${encodeURIComponent(Key)}` }),
    );
    const target = { Bucket, Key: "parts" };
    const { UploadId } = await s3.client.send(new CreateMultipartUploadCommand(target));
    const part = { ...target, UploadId, PartNumber: 1 };
    const { ETag } = await s3.client.send(new UploadPartCommand({ ...part, Body: "part" }));
    const Parts = [{ PartNumber: 1, ETag }];
    await s3.client.send(
      new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts } }),
    );
    // Completing again, refused writes and deletes create nothing.
    await s3.client.send(
      new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts } }),
    );
    expect(await refusal(put(Key, "x", { IfNoneMatch: "*" }))).toEqual(["PreconditionFailed", 412]);
    await s3.client.send(new DeleteObjectCommand({ Bucket, Key: "copy" }));
    await put("last", new Uint8Array(0));

    expect(await consumer.acceptedKeys(4)).toEqual([Key, "copy", "parts", "last"]);
    const time = 1_700_000_000_000;
    const etag = "5d41402abc4b2a76b9719d911017c592";
    expect(consumer.accepted).toMatchObject([
      { bucket: Bucket, key: Key, size: 5, etag, reason: "PutObject", time },
      { bucket: Bucket, key: "copy", size: 5, etag, reason: "CopyObject", time },
      { bucket: Bucket, key: "parts", size: 4, reason: "CompleteMultipartUpload", time },
      { bucket: Bucket, key: "last", size: 0, reason: "PutObject", time },
    ]);
    expect(consumer.accepted[0]?.versionId).toBeUndefined();
    const sequencers = consumer.accepted.map(({ sequencer }) => sequencer);
    expect(sequencers.every((sequencer) => /^[0-9A-F]{16}$/.test(sequencer))).toBe(true);
    expect([...sequencers].sort()).toEqual(sequencers);
  });

  test("come only from buckets that have them switched on, and name the version", async () => {
    const consumer = new Consumer();
    await using s3 = await startService(consumer);
    await objectsIn(s3.client, await s3.createBucket()).put("silent");
    const Bucket = await announcingBucket(s3);
    const VersioningConfiguration = { Status: "Enabled" } as const;
    await s3.client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
    const { VersionId } = await objectsIn(s3.client, Bucket).put("heard");
    expect(await consumer.acceptedKeys(1)).toEqual(["heard"]);
    expect(consumer.accepted[0]?.versionId).toBe(VersionId);

    await s3.client.send(
      new PutBucketNotificationConfigurationCommand({ Bucket, NotificationConfiguration: {} }),
    );
    await objectsIn(s3.client, Bucket).put("silent again");
    expect(consumer.offered).toHaveLength(1);
  });

  test("are offered again, with growing pauses, until they are accepted", async () => {
    const clock = new VirtualClock(Date.now());
    const consumer = new Consumer();
    consumer.refuses = () => consumer.offered.length < 5;
    await using s3 = await startService({ ...consumer, clock });
    await objectsIn(s3.client, await announcingBucket(s3)).put("a");
    // Each pause is over only when the clock says so: one offer at a time.
    for (const [offers, pause] of [
      [1, 50],
      [2, 100],
      [3, 200],
      [4, 400],
    ] as const) {
      await until(() => consumer.offered.length === offers);
      await until(() => clock.waiting === 1);
      clock.advance(pause - 1);
      expect(consumer.offered).toHaveLength(offers);
      clock.advance(1);
    }
    expect(await consumer.acceptedKeys(1)).toEqual(["a"]);
  });

  test("of one key come in order, and a refused one holds up no other key", async () => {
    const clock = new VirtualClock(Date.now());
    const consumer = new Consumer();
    consumer.refuses = ({ key }) => key === "stuck" && consumer.accepted.length < 20;
    await using s3 = await startService({ ...consumer, clock });
    const { put } = objectsIn(s3.client, await announcingBucket(s3));
    for (const content of ["1", "22", "333"]) await put("stuck", content);
    await Promise.all(Array.from({ length: 20 }, (_, n) => put(`free ${n}`)));
    expect(await consumer.acceptedKeys(20)).not.toContain("stuck");

    await until(() => clock.waiting === 1);
    clock.advance(60_000);
    await consumer.acceptedKeys(23);
    expect(consumer.accepted.slice(20)).toMatchObject([
      { key: "stuck", size: 1 },
      { key: "stuck", size: 2 },
      { key: "stuck", size: 3 },
    ]);
  });

  test("that nobody has accepted yet are counted", async () => {
    const consumer = new Consumer();
    consumer.refuses = () => true;
    const clock = new VirtualClock(Date.now());
    await using s3 = await startService({ ...consumer, clock });
    const { put } = objectsIn(s3.client, await announcingBucket(s3));
    await put("a");
    await put("b");
    expect(s3.pendingEvents()).toBe(2);
    consumer.refuses = () => false;
    await until(() => clock.waiting === 2);
    clock.advance(50);
    await until(() => s3.pendingEvents() === 0);
  });
});
