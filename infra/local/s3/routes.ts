import { bucketDocuments, deleteDocument, getDocument, putDocument } from "./bucket-documents.ts";
import {
  createBucket,
  deleteBucket,
  getBucketLocation,
  getBucketNotification,
  getBucketVersioning,
  headBucket,
  listBuckets,
  putBucketNotification,
  putBucketVersioning,
} from "./bucket-operations.ts";
import { notImplemented } from "./errors.ts";
import { listMultipartUploads, listParts } from "./multipart-listings.ts";
import {
  abortMultipartUpload,
  completeMultipartUpload,
  createMultipartUpload,
  uploadPart,
  uploadPartCopy,
} from "./multipart-operations.ts";
import { listObjects, listObjectsV2, listObjectVersions } from "./object-listings.ts";
import { getObject, headObject, responseOverrides } from "./object-reads.ts";
import { copyObject, deleteObject, deleteObjects, putObject } from "./object-writes.ts";
import type { S3Request } from "./request.ts";
import type { Handle } from "./service.ts";
import { deleteObjectTagging, getObjectTagging, putObjectTagging } from "./tagging-operations.ts";

/** Which requests an operation answers. */
export interface Operation {
  /** As AWS names it. */
  name: string;
  method: string;
  target: "service" | "bucket" | "object";
  /** Query parameters that the request must have. */
  needs: readonly string[];
  /** Further ones that it may have. Any other makes it a request for something else. */
  allows: readonly string[];
  /** It has a source to copy from, or it has none. */
  copies: boolean;
  handle: Handle;
}

const operation = (
  name: string,
  method: string,
  target: Operation["target"],
  handle: Handle,
  query: { needs?: readonly string[]; allows?: readonly string[]; copies?: boolean } = {},
): Operation => ({ needs: [], allows: [], copies: false, ...query, name, method, target, handle });

const listed = ["prefix", "delimiter", "encoding-type"];
const read = ["versionId", "partNumber", ...responseOverrides];

const operations: readonly Operation[] = [
  operation("ListBuckets", "GET", "service", listBuckets),

  operation("CreateBucket", "PUT", "bucket", createBucket),
  operation("HeadBucket", "HEAD", "bucket", headBucket),
  operation("DeleteBucket", "DELETE", "bucket", deleteBucket),
  operation("GetBucketLocation", "GET", "bucket", getBucketLocation, { needs: ["location"] }),
  operation("GetBucketVersioning", "GET", "bucket", getBucketVersioning, { needs: ["versioning"] }),
  operation("PutBucketVersioning", "PUT", "bucket", putBucketVersioning, { needs: ["versioning"] }),
  operation("GetBucketNotificationConfiguration", "GET", "bucket", getBucketNotification, {
    needs: ["notification"],
  }),
  operation("PutBucketNotificationConfiguration", "PUT", "bucket", putBucketNotification, {
    needs: ["notification"],
  }),
  ...bucketDocuments.flatMap((kept) => [
    operation(`Get${kept.name}`, "GET", "bucket", getDocument(kept), { needs: [kept.subResource] }),
    operation(`Put${kept.name}`, "PUT", "bucket", putDocument(kept), { needs: [kept.subResource] }),
    // DeleteBucketLifecycle: the only name that is not formed like its siblings.
    operation(`Delete${kept.name.replace("Configuration", "")}`, "DELETE", "bucket", deleteDocument(kept), {
      needs: [kept.subResource],
    }),
  ]),

  operation("ListObjects", "GET", "bucket", listObjects, { allows: [...listed, "max-keys", "marker"] }),
  operation("ListObjectsV2", "GET", "bucket", listObjectsV2, {
    needs: ["list-type"],
    allows: [...listed, "max-keys", "continuation-token", "start-after", "fetch-owner"],
  }),
  operation("ListObjectVersions", "GET", "bucket", listObjectVersions, {
    needs: ["versions"],
    allows: [...listed, "max-keys", "key-marker", "version-id-marker"],
  }),
  operation("ListMultipartUploads", "GET", "bucket", listMultipartUploads, {
    needs: ["uploads"],
    allows: [...listed, "max-uploads", "key-marker", "upload-id-marker"],
  }),
  operation("DeleteObjects", "POST", "bucket", deleteObjects, { needs: ["delete"] }),

  operation("PutObject", "PUT", "object", putObject),
  operation("CopyObject", "PUT", "object", copyObject, { copies: true }),
  operation("GetObject", "GET", "object", getObject, { allows: read }),
  operation("HeadObject", "HEAD", "object", headObject, { allows: read }),
  operation("DeleteObject", "DELETE", "object", deleteObject, { allows: ["versionId"] }),
  operation("GetObjectTagging", "GET", "object", getObjectTagging, {
    needs: ["tagging"],
    allows: ["versionId"],
  }),
  operation("PutObjectTagging", "PUT", "object", putObjectTagging, {
    needs: ["tagging"],
    allows: ["versionId"],
  }),
  operation("DeleteObjectTagging", "DELETE", "object", deleteObjectTagging, {
    needs: ["tagging"],
    allows: ["versionId"],
  }),

  operation("CreateMultipartUpload", "POST", "object", createMultipartUpload, { needs: ["uploads"] }),
  operation("UploadPart", "PUT", "object", uploadPart, { needs: ["partNumber", "uploadId"] }),
  operation("UploadPartCopy", "PUT", "object", uploadPartCopy, {
    needs: ["partNumber", "uploadId"],
    copies: true,
  }),
  operation("ListParts", "GET", "object", listParts, {
    needs: ["uploadId"],
    allows: ["max-parts", "part-number-marker"],
  }),
  operation("CompleteMultipartUpload", "POST", "object", completeMultipartUpload, { needs: ["uploadId"] }),
  operation("AbortMultipartUpload", "DELETE", "object", abortMultipartUpload, { needs: ["uploadId"] }),
];

/**
 * Finds the one operation that a request asks for. A request with anything in its query that the operation does not
 * know is for something else, and refused: `?acl` on a PUT must never become an object's content.
 *
 * @throws NotImplemented
 */
export function findOperation({ method, bucket, key, query, headers }: S3Request): Operation {
  const target = bucket === "" ? "service" : key === "" ? "bucket" : "object";
  const copies = headers.has("x-amz-copy-source");
  // The SDKs name the operation that they mean.
  const meant = query.get("x-id");
  const names = [...query.keys()].filter((name) => name !== "x-id");
  const found = operations.find(
    (candidate) =>
      candidate.method === method &&
      candidate.target === target &&
      candidate.copies === copies &&
      (meant === undefined || candidate.name === meant) &&
      candidate.needs.every((name) => query.has(name)) &&
      names.every((name) => candidate.needs.includes(name) || candidate.allows.includes(name)),
  );
  if (found) return found;
  const what = [
    `${method} on ${target === "service" ? "the service" : `a${target === "object" ? "n" : ""} ${target}`}`,
  ];
  if (names.length > 0) what.push(`with ${names.join(", ")}`);
  throw notImplemented(
    `A header or query you provided implies functionality that is not implemented: ${what.join(" ")}`,
  );
}
