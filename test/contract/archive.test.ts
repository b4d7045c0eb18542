import {
  DeleteObjectCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { expect, test } from "vitest";
import { archiveStore } from "../../lib/archive/bucket.aws.ts";
import { fileIndex } from "../../lib/archive/file-index.aws.ts";
import type { FileEntry } from "../../lib/archive/file-index.ts";
import { type Indexing, indexArchive } from "../../lib/archive/indexing.ts";
import { archivePath } from "../../lib/archive/path.ts";
import { wipeArchive } from "../../lib/archive/wipe.ts";
import { startService as startDynamoDb } from "./dynamodb-endpoint.ts";
import { startService as startS3 } from "./s3-endpoint.ts";

/** Archives against the services themselves: listing, hashing, the record of files, wiping. */

const pathOf = (parameters: string): string =>
  archivePath({ layout: "v2", pipeline: { id: "etl", version: "1" }, belongsTo: [], parameters });
const PATH = pathOf("one");
const PREFIX = PATH.slice(1);
const JOB = { pipeline: "etl", id: "58fa9ec7-6c25-5525-94f3-e853335e2f17" };
const INDEXING: Indexing = {
  job: JOB,
  path: PATH,
  generatedBy: "etl",
  levels: [
    { level: "1", patterns: ["*.csv"] },
    { level: "2", patterns: ["*.json"] },
  ],
};

async function services() {
  const stack = new AsyncDisposableStack();
  const s3 = stack.use(await startS3());
  const dynamoDb = stack.use(await startDynamoDb());
  const bucket = await s3.createBucket();
  await s3.client.send(
    new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: "Enabled" } }),
  );
  const files = fileIndex(dynamoDb.documents, await dynamoDb.createTable());
  const archive = archiveStore(s3.client, bucket);
  const entries = async (): Promise<FileEntry[]> => {
    const found: FileEntry[] = [];
    for await (const entry of files.list(JOB)) found.push(entry);
    return found;
  };
  return {
    client: s3.client,
    bucket,
    archive,
    files,
    entries,
    put: (key: string, body: string, type?: string) =>
      s3.client.send(
        new PutObjectCommand({
          Bucket: bucket,
          Key: key,
          Body: body,
          ...(type !== undefined && { ContentType: type }),
        }),
      ),
    index: (indexing: Partial<Indexing> = {}, hasTime = (): boolean => true) =>
      indexArchive({ ...INDEXING, ...indexing }, { archive, files, hasTime }),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** `printf one | sha256sum`, and so on. */
const SHA256 = {
  one: "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed",
  two: "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3",
  three: "8b5b9db0c13db24256c829aa364aa90c6d2eba318b9232a4ab9313b954d3555f",
};

test("files are indexed with level, size, hash and type; what no pattern fits is left out", async () => {
  await using at = await services();
  await at.put(`${PREFIX}/events.csv`, "one");
  await at.put(`${PREFIX}/deep/er/means.json`, "two", "application/vnd.means+json");
  await at.put(`${PREFIX}/core.dump`, "three");
  await at.put(`${PREFIX}/folder.csv/`, "-");
  await at.put(`${PREFIX}/_manifest.json`, "-");
  await at.put(`${pathOf("two").slice(1)}/events.csv`, "another job's");
  await at.put(`${PREFIX}-longer/events.csv`, "another path's");

  expect(await at.index()).toEqual({
    isComplete: true,
    files: 2,
    bytes: 6,
    read: 2,
    removed: 0,
    levels: { "1": 1, "2": 1 },
  });
  expect(await at.entries()).toEqual([
    {
      v: 1,
      name: "deep/er/means.json",
      size: 3,
      sha256: SHA256.two,
      type: "application/vnd.means+json",
      level: "2",
      etag: expect.stringMatching(/^"[0-9a-f]{32}"$/),
      modified: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      generatedBy: "etl",
    },
    expect.objectContaining({
      name: "events.csv",
      size: 3,
      sha256: SHA256.one,
      type: "text/csv",
      level: "1",
    }),
  ]);
});

test("without patterns everything is indexed", async () => {
  await using at = await services();
  await at.put(`${PREFIX}/core.dump`, "three");
  expect(await at.index({ levels: [] })).toMatchObject({ files: 1, levels: { "-": 1 } });
  const [entry] = await at.entries();
  expect(entry).toMatchObject({ name: "core.dump", sha256: SHA256.three, type: "application/octet-stream" });
  expect(entry).not.toHaveProperty("level");
});

test("indexing again reads only what has changed, and forgets what is gone", async () => {
  await using at = await services();
  // U+FFFD and U+10000: their order in UTF-8 is not that of UTF-16.
  const names = ["a.csv", "b.csv", "c.csv", "\ufffd.csv", "\u{10000}.csv", "z.csv"];
  for (const name of names) await at.put(`${PREFIX}/${name}`, "one");
  expect(await at.index()).toMatchObject({ files: 6, read: 6, removed: 0 });
  expect(await at.index()).toMatchObject({ files: 6, read: 0, removed: 0 });

  await at.put(`${PREFIX}/b.csv`, "two");
  await at.put(`${PREFIX}/aa.csv`, "three");
  await at.client.send(new DeleteObjectCommand({ Bucket: at.bucket, Key: `${PREFIX}/\ufffd.csv` }));
  expect(await at.index()).toMatchObject({ files: 6, read: 2, removed: 1 });
  expect((await at.entries()).map(({ name, sha256 }) => [name, sha256])).toEqual([
    ["a.csv", SHA256.one],
    ["aa.csv", SHA256.three],
    ["b.csv", SHA256.two],
    ["c.csv", SHA256.one],
    ["z.csv", SHA256.one],
    ["\u{10000}.csv", SHA256.one],
  ]);

  // Other patterns: nothing has to be read for that.
  const levels = [{ level: "raw", patterns: ["?.csv"] }];
  expect(await at.index({ levels })).toMatchObject({ files: 5, read: 0, removed: 1, levels: { raw: 5 } });
});

test("indexing that ran out of time goes on where it was", async () => {
  await using at = await services();
  for (const name of ["a", "b", "c", "d", "e"]) await at.put(`${PREFIX}/${name}.csv`, name);
  const turns = [true, true, true];
  const forThree = (): boolean => turns.pop() ?? false;
  expect(await at.index({}, forThree)).toMatchObject({ isComplete: false, files: 3, read: 3 });
  expect(await at.index()).toMatchObject({ isComplete: true, files: 5, read: 2 });
});

test("a file that vanishes between the listing and its turn is not indexed", async () => {
  await using at = await services();
  await at.put(`${PREFIX}/a.csv`, "one");
  await at.put(`${PREFIX}/b.csv`, "two");
  const vanishing = {
    ...at.archive,
    open: async (object: Parameters<typeof at.archive.open>[0]) => {
      await at.client.send(new DeleteObjectCommand({ Bucket: at.bucket, Key: `${PREFIX}/b.csv` }));
      return at.archive.open(object);
    },
  };
  const indexed = await indexArchive(INDEXING, { archive: vanishing, files: at.files, hasTime: () => true });
  expect(indexed).toMatchObject({ isComplete: true, files: 1 });
  expect((await at.entries()).map(({ name }) => name)).toEqual(["a.csv"]);
});

test("wiping empties one path, in batches; a dry run says what it would take away; versions can be brought back", async () => {
  await using at = await services();
  const names = Array.from({ length: 1001 }, (_, index) => `${PREFIX}/${index}.csv`);
  for (let start = 0; start < names.length; start += 100)
    await Promise.all(names.slice(start, start + 100).map((name) => at.put(name, "one")));
  const neighbour = `${pathOf("two").slice(1)}/events.csv`;
  await at.put(neighbour, "two");
  await at.put(`${PREFIX}-longer.csv`, "two");

  const left = async (): Promise<string[]> => {
    const keys: string[] = [];
    for await (const { key } of at.archive.list("products/")) keys.push(key);
    return keys;
  };
  expect(await wipeArchive(PATH, at.archive, { dryRun: true })).toEqual({ objects: 1001, bytes: 3003 });
  expect(await left()).toHaveLength(1003);
  expect(await wipeArchive(PATH, at.archive, { dryRun: false })).toEqual({ objects: 1001, bytes: 3003 });
  expect((await left()).sort()).toEqual([neighbour, `${PREFIX}-longer.csv`].sort());
  expect(await wipeArchive(PATH, at.archive, { dryRun: false })).toEqual({ objects: 0, bytes: 0 });

  const { Versions = [] } = await at.client.send(
    new ListObjectVersionsCommand({ Bucket: at.bucket, Prefix: `${PREFIX}/1000.csv` }),
  );
  expect(Versions.map(({ Key, IsLatest }) => [Key, IsLatest])).toEqual([[`${PREFIX}/1000.csv`, false]]);
});

test.for(["/", "/products/", "", "/products/v2/../x"])(
  "a job whose record says %j has nothing wiped",
  async (path) => {
    await using at = await services();
    await at.put("products/kept.csv", "one");
    await expect(wipeArchive(path, at.archive, { dryRun: false })).rejects.toThrow(
      "is not the archive path of a job",
    );
    expect(await at.archive.list("products/")[Symbol.asyncIterator]().next()).toMatchObject({ done: false });
  },
);
