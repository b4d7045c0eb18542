import { ListObjectsV2Command, type S3Client } from "@aws-sdk/client-s3";
import { sleep, systemClock } from "../../lib/clock.ts";
import type { Plan } from "../../lib/plan/plan.ts";
import type { ObjectCreated } from "./s3/server.ts";

/**
 * Uploads into a bucket of somebody else's, noticed by looking: nobody tells this machine of them. What is found again
 * after a restart is the same arrival as before, and is recognised by its id.
 */
export interface BucketPoll {
  /** Looks now. Resolves with how many uploads were new. */
  look(): Promise<number>;
  /** Looks again and again, until the signal aborts. */
  run(signal: AbortSignal, say: (message: string) => void): Promise<void>;
}

const INTERVAL_MS = 2000;

export function bucketPoll(
  client: S3Client,
  bucket: string,
  plan: Plan,
  deliver: (event: ObjectCreated) => Promise<void>,
): BucketPoll {
  const seen = new Set<string>();
  const prefixes = new Set(
    plan.pipelines.flatMap(({ inputs }) => inputs.flatMap(({ s3 }) => s3?.prefix ?? [])),
  );

  const look = async (): Promise<number> => {
    let found = 0;
    for (const prefix of prefixes)
      for await (const event of uploadsBelow(client, bucket, prefix)) {
        const version = JSON.stringify([event.key, event.etag]);
        if (seen.has(version)) continue;
        await deliver(event);
        seen.add(version);
        found += 1;
      }
    return found;
  };
  return {
    look,
    run: async (signal, say) => {
      while (!signal.aborted) {
        await look().catch((error: unknown) =>
          say(`the bucket ${bucket} cannot be listed: ${(error as Error).message}`),
        );
        await sleep(systemClock, INTERVAL_MS, signal).catch(() => {});
      }
    },
  };
}

async function* uploadsBelow(
  client: S3Client,
  bucket: string,
  prefix: string,
): AsyncGenerator<ObjectCreated> {
  let start: string | undefined;
  do {
    const page = await client.send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: start }),
    );
    for (const { Key: key = "", Size: size = 0, ETag: etag = "", LastModified } of page.Contents ?? []) {
      yield {
        bucket,
        key,
        size,
        etag,
        sequencer: "",
        reason: "PutObject",
        time: LastModified?.getTime() ?? 0,
      };
    }
    start = page.NextContinuationToken;
  } while (start !== undefined);
}
