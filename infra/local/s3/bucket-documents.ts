import { type ErrorCode, S3Error } from "./errors.ts";
import { receiveText } from "./payload.ts";
import { emptyResponse, type Handle, xmlResponse } from "./service.ts";
import { parseXml } from "./xml-parse.ts";

/** A configuration that a bucket keeps and answers, and that has no effect here. */
export interface BucketDocument {
  /** The query parameter. */
  subResource: string;
  /** As in the operations' names: `GetBucket…`. */
  name: string;
  /** The element that the document must be; `undefined` for JSON. */
  root: string | undefined;
  /** The code for a bucket that has none. */
  missing: ErrorCode;
}

export const bucketDocuments: readonly BucketDocument[] = [
  { subResource: "cors", name: "BucketCors", root: "CORSConfiguration", missing: "NoSuchCORSConfiguration" },
  {
    subResource: "encryption",
    name: "BucketEncryption",
    root: "ServerSideEncryptionConfiguration",
    missing: "ServerSideEncryptionConfigurationNotFoundError",
  },
  {
    subResource: "lifecycle",
    name: "BucketLifecycleConfiguration",
    root: "LifecycleConfiguration",
    missing: "NoSuchLifecycleConfiguration",
  },
  {
    subResource: "ownershipControls",
    name: "BucketOwnershipControls",
    root: "OwnershipControls",
    missing: "OwnershipControlsNotFoundError",
  },
  { subResource: "policy", name: "BucketPolicy", root: undefined, missing: "NoSuchBucketPolicy" },
  {
    subResource: "publicAccessBlock",
    name: "PublicAccessBlock",
    root: "PublicAccessBlockConfiguration",
    missing: "NoSuchPublicAccessBlockConfiguration",
  },
  { subResource: "tagging", name: "BucketTagging", root: "Tagging", missing: "NoSuchTagSet" },
];

export const getDocument =
  ({ subResource, root, missing }: BucketDocument): Handle =>
  ({ buckets }, { bucket }) => {
    const body = buckets.document(bucket, subResource);
    if (body === undefined)
      throw new S3Error(missing, `The bucket has no ${subResource} configuration: ${bucket}`);
    return xmlResponse(body, root === undefined ? { "content-type": "application/json" } : {});
  };

export const putDocument =
  ({ subResource, root }: BucketDocument): Handle =>
  async ({ buckets }, request) => {
    const body = await receiveText(request);
    if (root === undefined) checkJson(body);
    else parseXml(body, root);
    buckets.setDocument(request.bucket, subResource, body);
    return emptyResponse(root === undefined ? 204 : 200);
  };

export const deleteDocument =
  ({ subResource }: BucketDocument): Handle =>
  ({ buckets }, { bucket }) => {
    buckets.deleteDocument(bucket, subResource);
    return emptyResponse(204);
  };

function checkJson(body: string): void {
  try {
    JSON.parse(body);
  } catch {
    throw new S3Error("MalformedPolicy", "This policy contains invalid Json");
  }
}
