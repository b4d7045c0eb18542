import { PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

/** An upload that was begun in this time may take as long as it needs. */
const SECONDS = 900;

/**
 * A URL by which an object can be uploaded for a while, without further credentials.
 *
 * @param client makes real signatures, also on the loopback interface
 */
export const uploadUrls =
  (client: S3Client, bucket: string) =>
  (key: string): Promise<string> =>
    getSignedUrl(client, new PutObjectCommand({ Bucket: bucket, Key: key }), { expiresIn: SECONDS });
