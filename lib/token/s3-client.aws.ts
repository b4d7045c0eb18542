import { S3Client } from "@aws-sdk/client-s3";
import { atOnce } from "../at-once.ts";
import { type Env, settings } from "../client-settings.ts";

/**
 * The SDK keeps 50 connections, and takes a request that waits for one of them for a connection that does not come about: a
 * stage that read 10,000 small objects side by side failed after its two seconds. Room is left for bodies that are read.
 */
const REQUESTS_AT_ONCE = 40;

/** @param signing with real signatures also on the loopback interface, as URLs for others need them */
export function s3Client(env: Env = process.env, { signing = false } = {}): S3Client {
  const { signer, ...rest } = { signer: undefined, ...settings("S3", env) };
  // A host name as endpoint is a name of its own, not a domain for buckets.
  const client = new S3Client({
    // A checksum in a URL would be that of the empty body that the URL is made with.
    ...(signing && { requestChecksumCalculation: "WHEN_REQUIRED" as const }),
    ...rest,
    ...(rest.endpoint !== undefined && { forcePathStyle: true }),
    ...(signer && !signing && { signer }),
  });
  const inTurn = atOnce(REQUESTS_AT_ONCE);
  // Within a try: what waits before the next one takes nobody's place.
  client.middlewareStack.add((next) => (args) => inTurn(() => next(args)), {
    name: "atOnce",
    step: "finalizeRequest",
    priority: "low",
  });
  return client;
}
