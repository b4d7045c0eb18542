import { GetObjectCommand, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import type { ObjectUrls } from "./object-urls.ts";
import { SHA256_METADATA } from "./objects.aws.ts";

/** A URL lives no longer than the credentials that it was signed with, which in a function may be few minutes. */
const URL_SECONDS = 900;

/** Content that was announced, and no other: S3 compares its SHA-256 (docs.aws.amazon.com/AmazonS3, "Checking object integrity"). */
const CHECKSUM = "x-amz-checksum-sha256";
const METADATA = `x-amz-meta-${SHA256_METADATA}`;
const ONLY_FIRST = "if-none-match";

/** @param signer a client that signs, also on the loopback interface */
export const objectUrls = (signer: S3Client, bucket: string): ObjectUrls => ({
  read: ({ key, versionId }) =>
    getSignedUrl(
      signer,
      new GetObjectCommand({
        Bucket: bucket,
        Key: key,
        ...(versionId !== undefined && { VersionId: versionId }),
      }),
      { expiresIn: URL_SECONDS },
    ),
  store: async (key, { size, sha256 }, onlyFirst = false) => {
    const checksum = Buffer.from(sha256, "hex").toString("base64");
    const url = await getSignedUrl(
      signer,
      new PutObjectCommand({
        Bucket: bucket,
        Key: key,
        ContentLength: size,
        ChecksumSHA256: checksum,
        Metadata: { [SHA256_METADATA]: sha256 },
        ...(onlyFirst && { IfNoneMatch: "*" }),
      }),
      {
        expiresIn: URL_SECONDS,
        // In the query S3 would not look at them.
        unhoistableHeaders: new Set([CHECKSUM, METADATA, ONLY_FIRST]),
        signableHeaders: new Set(["host", "content-length", CHECKSUM, METADATA, ONLY_FIRST]),
      },
    );
    const headers = { [CHECKSUM]: checksum, [METADATA]: sha256, ...(onlyFirst && { [ONLY_FIRST]: "*" }) };
    return { url, headers };
  },
});
