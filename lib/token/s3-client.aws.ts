import { S3Client } from "@aws-sdk/client-s3";
import { type Env, settings } from "../client-settings.ts";

/** @param signing with real signatures also on the loopback interface, as URLs for others need them */
export function s3Client(env: Env = process.env, { signing = false } = {}): S3Client {
  const { signer, ...rest } = { signer: undefined, ...settings("S3", env) };
  // A host name as endpoint is a name of its own, not a domain for buckets.
  return new S3Client({
    // A checksum in a URL would be that of the empty body that the URL is made with.
    ...(signing && { requestChecksumCalculation: "WHEN_REQUIRED" as const }),
    ...rest,
    ...(rest.endpoint !== undefined && { forcePathStyle: true }),
    ...(signer && !signing && { signer }),
  });
}
