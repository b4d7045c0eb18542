import { checksumAlgorithm, checksumElements, checksumHeaders } from "./checksum.ts";
import { writeCondition } from "./conditions.ts";
import { copySource, storeBody, storeCopy } from "./content.ts";
import { notImplemented, S3Error } from "./errors.ts";
import { objectHeaders } from "./headers.ts";
import { checkKey, limits } from "./limits.ts";
import type { ObjectVersion } from "./object-version.ts";
import { receiveText } from "./payload.ts";
import type { S3Request } from "./request.ts";
import {
  documentTime,
  emptyResponse,
  type Handle,
  type Service,
  shownVersionId,
  xmlResponse,
} from "./service.ts";
import { replaces, tagsOfHeader } from "./tagging.ts";
import { document, element, type Xml } from "./xml.ts";
import { childrenOf, parseXml, textOf, type XmlElement } from "./xml-parse.ts";

export const putObject: Handle = async (service, request) => {
  const { bucket, key } = request;
  const condition = writeCondition(request.headers);
  const headers = objectHeaders(request.headers);
  const tags = tagsOfHeader(request.headers.get("x-amz-tagging"));
  // A hopeless write is refused before its body is read; what decides is the check in the transaction.
  service.objects.checkCondition(bucket, key, condition);
  const version = await storeBody(service, request, undefined, ({ blob, size, md5, checksum }) => {
    const object = { bucket, key, size, etag: md5, headers, tags, checksum, modified: service.clock.now() };
    return service.objects.put(object, blob, condition, "PutObject");
  });
  return emptyResponse(200, {
    etag: `"${version.etag}"`,
    "x-amz-version-id": shownVersionId(service, bucket, version.versionId),
    ...checksumHeaders(version.checksum),
  });
};

export const copyObject: Handle = async (service, request) => {
  const { bucket, key } = request;
  const condition = writeCondition(request.headers);
  service.objects.checkCondition(bucket, key, condition);
  const source = copySource(service, request);
  if (source.size > limits.singlePutBytes) {
    throw new S3Error(
      "InvalidRequest",
      "The specified copy source is larger than the maximum allowable size: 5 GiB",
    );
  }
  const { headers, tags } = copiedAttributes(request, source);
  const algorithm = request.headers.get("x-amz-checksum-algorithm");
  const version = await storeCopy(
    service,
    source,
    {
      range: { first: 0, last: source.size - 1 },
      algorithm: algorithm === undefined ? source.checksum?.algorithm : checksumAlgorithm(algorithm),
    },
    ({ blob, size, md5, checksum }) => {
      const object = { bucket, key, size, etag: md5, headers, tags, checksum, modified: service.clock.now() };
      return service.objects.put(object, blob, condition, "CopyObject");
    },
  );
  return xmlResponse(
    document(
      "CopyObjectResult",
      element("LastModified", documentTime(version.modified)),
      element("ETag", `"${version.etag}"`),
      checksumElements(version.checksum),
    ),
    {
      "x-amz-version-id": shownVersionId(service, bucket, version.versionId),
      "x-amz-copy-source-version-id": shownVersionId(service, source.bucket, source.versionId),
    },
  );
};

/** @throws InvalidRequest for a copy of an object onto itself that changes nothing */
function copiedAttributes(
  request: S3Request,
  source: ObjectVersion,
): Pick<ObjectVersion, "headers" | "tags"> {
  const newHeaders = replaces(request.headers, "x-amz-metadata-directive");
  const newTags = replaces(request.headers, "x-amz-tagging-directive");
  const ontoItself = source.bucket === request.bucket && source.key === request.key;
  if (ontoItself && !newHeaders && !request.headers.get("x-amz-copy-source")?.includes("?versionId=")) {
    throw new S3Error(
      "InvalidRequest",
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    );
  }
  return {
    headers: newHeaders ? objectHeaders(request.headers) : source.headers,
    tags: newTags ? tagsOfHeader(request.headers.get("x-amz-tagging")) : source.tags,
  };
}

export const deleteObject: Handle = ({ objects, clock }, { bucket, key, query, headers }) => {
  const deletion = objects.delete(bucket, key, {
    versionId: query.get("versionId"),
    condition: { ifMatch: headers.get("if-match") },
    now: clock.now(),
  });
  return emptyResponse(204, {
    "x-amz-version-id": deletion.versionId,
    "x-amz-delete-marker": deletion.deleteMarker ? "true" : undefined,
  });
};

/** Every key stands for itself: the refusal of one does not keep the others from being deleted. */
export const deleteObjects: Handle = async (service, request) => {
  const batch = parseXml(await receiveText(request), "Delete");
  service.buckets.get(request.bucket);
  const entries = childrenOf(batch, "Object");
  if (entries.length < 1 || entries.length > limits.deleteBatch) {
    throw new S3Error(
      "MalformedXML",
      `A delete takes 1 to ${limits.deleteBatch} keys: ${entries.length} given`,
    );
  }
  const quiet = textOf(batch, "Quiet") === "true";
  return xmlResponse(
    document(
      "DeleteResult",
      entries.map((entry) => deleteEntry(service, request.bucket, entry, quiet)),
    ),
  );
};

function deleteEntry({ objects, clock }: Service, bucket: string, entry: XmlElement, quiet: boolean): Xml {
  const key = textOf(entry, "Key") ?? "";
  const versionId = textOf(entry, "VersionId");
  try {
    checkKey(key);
    if (textOf(entry, "LastModifiedTime") !== undefined || textOf(entry, "Size") !== undefined) {
      throw notImplemented("Conditions on size and time are for directory buckets.");
    }
    const deletion = objects.delete(bucket, key, {
      versionId,
      condition: { ifMatch: textOf(entry, "ETag") },
      now: clock.now(),
    });
    if (quiet) return { xml: "" };
    const made = versionId === undefined && deletion.deleteMarker;
    return element(
      "Deleted",
      element("Key", key),
      element("VersionId", versionId),
      element("DeleteMarker", deletion.deleteMarker),
      element(
        "DeleteMarkerVersionId",
        deletion.deleteMarker ? (made ? deletion.versionId : versionId) : undefined,
      ),
    );
  } catch (error) {
    if (!(error instanceof S3Error)) throw error;
    return element(
      "Error",
      element("Key", key),
      element("VersionId", versionId),
      element("Code", error.code),
      element("Message", error.message),
    );
  }
}
