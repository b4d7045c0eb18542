import { createHash } from "node:crypto";
import { createWriteStream, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pipeline as flow } from "node:stream/promises";
import { ListObjectsV2Command } from "@aws-sdk/client-s3";
import { documentClient } from "../../lib/clients.aws.ts";
import { jobQueries } from "../../lib/job/queries.aws.ts";
import { jobStore } from "../../lib/job/store.aws.ts";
import { resultPrefix } from "../../lib/plan/names.ts";
import type { PipelinePlan } from "../../lib/plan/plan.ts";
import { loadPayload, outputsOf } from "../../lib/stage/emission.ts";
import { objectStore } from "../../lib/token/objects.aws.ts";
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
  mkdirSync(folder, { recursive: true });
  const s3 = s3Client(env);
  const objects = objectStore(s3, bucket);
  const prefix = resultPrefix(pipeline.id);
  let start: string | undefined;
  do {
    const page = await s3.send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: start }),
    );
    for (const { Key = "", ETag = "" } of page.Contents ?? []) {
      const file = join(folder, ...Key.slice(prefix.length).split("/").map(fileName));
      mkdirSync(dirname(file), { recursive: true });
      await flow(await objects.read({ key: Key, etag: ETag }), createWriteStream(file));
    }
    start = page.NextContinuationToken;
  } while (start !== undefined);

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

const LONGEST_FILE_NAME = 200;

/** A step of a key as a file's name: nothing that a file system reads in its own way. */
function fileName(step: string): string {
  const name = encodeURIComponent(step.toWellFormed()).replace(/^\.{0,2}$/, (dots) => `%2E${dots}`);
  if (name.length <= LONGEST_FILE_NAME) return name;
  return `${name.slice(0, LONGEST_FILE_NAME)}-${createHash("sha256").update(step).digest("hex").slice(0, 10)}`;
}
