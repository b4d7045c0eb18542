import type { Commit, CommittedOutput, JobRecord } from "../../../lib/job/record.ts";
import { isSpilled, type ObjectRef, type Payload, type PayloadRef } from "../../../lib/token/envelope.ts";
import { childTokenId } from "../../../lib/token/ids.ts";
import { PIPELINE } from "../scenario/pipeline.ts";
import type { BucketModel } from "../services/bucket.ts";
import { short, type TokenTruth, type Truth } from "./truth.ts";

/**
 * Checks a commit as it is made: whatever it refers to lies in the bucket, is what the committing attempt stored, and
 * stays so. Answers the tokens that the job puts out.
 */
export function takeCommit(row: JobRecord, commit: Commit, bucket: BucketModel, truth: Truth): TokenTruth[] {
  const refer = (ref: PayloadRef | ObjectRef, what: string): void => {
    if (!bucket.find(ref)) truth.violate(`${what} of job ${short(row.id)} is not there: ${ref.key}`);
    if (isOfOtherAttempt(ref.key, row, commit))
      truth.violate(`${what} of job ${short(row.id)} is not the committing attempt's: ${ref.key}`);
    truth.referenced.set(ref.key, ref.etag);
  };
  if (commit.manifest) refer(commit.manifest, "the list of outputs");
  const outputs = outputsIn(commit, bucket);
  for (const { payload } of outputs) {
    if (isSpilled(payload)) refer(payload, "a payload");
    for (const object of payloadIn(payload, bucket).objects) refer(object, "an object");
  }
  const { id: parent, run } = row;
  const children = outputs.flatMap(({ payload, to = commit.to }, place) =>
    to.map((edge) =>
      truth.expect({ id: childTokenId(parent, edge, place), edge, run, parent, place, payload }),
    ),
  );
  if (outputs.length !== commit.count || children.length !== commit.tokens)
    truth.violate(`job ${short(row.id)} counts ${commit.count} outputs and ${commit.tokens} tokens wrongly`);
  return children;
}

/** The attempt is a part of the key: below the token of this job there is nothing of another one. */
function isOfOtherAttempt(key: string, { stage, token }: JobRecord, { attempt }: Commit): boolean {
  const own = `out/${PIPELINE.id}/${stage}/${token}/`;
  return key.startsWith(own) && !key.startsWith(`${own}${attempt}/`);
}

function outputsIn({ outputs, manifest }: Commit, bucket: BucketModel): readonly CommittedOutput[] {
  if (!manifest) return outputs ?? [];
  const text = bucket.find(manifest)?.bytes.toString() ?? "";
  return text === "" ? [] : text.split("\n").map((line) => JSON.parse(line) as CommittedOutput);
}

/** A payload itself, wherever it lies. */
export function payloadIn(payload: Payload | PayloadRef, bucket: BucketModel): Payload {
  if (!isSpilled(payload)) return payload;
  const object = bucket.find(payload);
  return object ? (JSON.parse(object.bytes.toString()) as Payload) : { objects: [] };
}
