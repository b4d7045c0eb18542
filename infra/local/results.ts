import { createHash } from "node:crypto";
import { createWriteStream, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pipeline as flow } from "node:stream/promises";
import { ListObjectsV2Command, type S3Client } from "@aws-sdk/client-s3";
import { documentClient } from "../../lib/clients.aws.ts";
import { jobQueries } from "../../lib/job/queries.aws.ts";
import { jobStore } from "../../lib/job/store.aws.ts";
import { resultPrefix } from "../../lib/plan/names.ts";
import type { PipelinePlan } from "../../lib/plan/plan.ts";
import { loadPayload, outputsOf } from "../../lib/stage/emission.ts";
import { objectStore } from "../../lib/token/objects.aws.ts";
import type { ObjectStore } from "../../lib/token/objects.ts";
import { s3Client } from "../../lib/token/s3-client.aws.ts";
import type { Runtime } from "./runtime.ts";

/**
 * Puts what came out of a pipeline where it can be looked at without a client of S3: the objects that stages published,
 * and `outputs.ndjson` with what the last stages put out.
 *
 * @returns the folder
 */
export async function copyResults(
  pipeline: PipelinePlan,
  { env, bucket, data, plan }: Runtime,
): Promise<string> {
  const folder = join(data.results, pipeline.id);
  const s3 = s3Client(env);
  const objects = objectStore(s3, bucket);
  const published = await listed(s3, bucket, resultPrefix(pipeline.id));
  await copyObjects(published, folder, objects).catch(async (error: unknown) => {
    if (!isInTheWay(error)) throw error;
    // An earlier copy has a file where a folder is now, or the reverse.
    rmSync(folder, { recursive: true });
    await copyObjects(published, folder, objects);
  });

  const documents = documentClient(env);
  const ends = pipeline.stages.filter(({ out }) => out.length === 0).map(({ name }) => name);
  const summaries = await jobQueries(documents, plan.table).summaries(pipeline.id);
  const lines: string[] = [];
  for (const { id, stage, state } of summaries) {
    if (state !== "FINISHED" || !ends.includes(stage)) continue;
    const row = await jobStore(documents, plan.table).get(pipeline.id, id);
    for (const { payload } of row?.committed ? await outputsOf(row.committed, objects) : []) {
      lines.push(
        JSON.stringify({ stage, token: row?.token, run: row?.run, ...(await loadPayload(payload, objects)) }),
      );
    }
  }
  writeFileSync(
    join(folder, "outputs.ndjson"),
    lines
      .sort()
      .map((line) => `${line}\n`)
      .join(""),
  );
  return folder;
}

interface Published {
  readonly key: string;
  readonly etag: string;
  /** Its steps below the pipeline's results. */
  readonly steps: readonly string[];
}

async function listed(client: S3Client, bucket: string, prefix: string): Promise<Published[]> {
  const found: Published[] = [];
  let start: string | undefined;
  do {
    const page = await client.send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: start }),
    );
    for (const { Key: key = "", ETag: etag = "" } of page.Contents ?? [])
      found.push({ key, etag, steps: key.slice(prefix.length).split("/").map(fileName) });
    start = page.NextContinuationToken;
  } while (start !== undefined);
  return found;
}

async function copyObjects(
  published: readonly Published[],
  folder: string,
  objects: Pick<ObjectStore, "read">,
): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const folders = new Set(
    published.flatMap(({ steps }) =>
      steps.slice(0, -1).map((_, depth) => join(...steps.slice(0, depth + 1))),
    ),
  );
  for (const { key, etag, steps } of published) {
    const path = join(...steps);
    // A bucket can hold both "a" and "a/b", a file system cannot. No step is encoded with an at sign.
    const file = join(folder, folders.has(path) ? `${path}@` : path);
    mkdirSync(dirname(file), { recursive: true });
    await flow(await objects.read({ key, etag }), createWriteStream(file));
  }
}

const isInTheWay = (error: unknown): boolean =>
  ["EEXIST", "ENOTDIR", "EISDIR"].includes((error as NodeJS.ErrnoException).code ?? "");

const LONGEST_FILE_NAME = 200;

/** A step of a key as a file's name: nothing that a file system reads in its own way. */
function fileName(step: string): string {
  const name = encodeURIComponent(step.toWellFormed()).replace(/^\.{0,2}$/, (dots) => `%2E${dots}`);
  if (name.length <= LONGEST_FILE_NAME) return name;
  return `${name.slice(0, LONGEST_FILE_NAME)}-${createHash("sha256").update(step).digest("hex").slice(0, 10)}`;
}
