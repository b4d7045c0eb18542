import type { NamedPart, StoredPart, UploadChecksum } from "./assemble.ts";
import {
  type Checksum,
  type ChecksumAlgorithm,
  checksumAlgorithm,
  checksumElements,
  checksumHeader,
  checksumType,
} from "./checksum.ts";
import { writeCondition } from "./conditions.ts";
import { copySource, storeBody, storeCopy, type WrittenContent } from "./content.ts";
import { S3Error } from "./errors.ts";
import { objectHeaders } from "./headers.ts";
import { readIntegrity } from "./integrity.ts";
import { limits, partNumber } from "./limits.ts";
import { receiveText } from "./payload.ts";
import { parseCopyRange } from "./range.ts";
import type { S3Request } from "./request.ts";
import {
  documentTime,
  emptyResponse,
  type Handle,
  type Service,
  shownVersionId,
  xmlResponse,
} from "./service.ts";
import { tagsOfHeader } from "./tagging.ts";
import type { Upload } from "./upload.ts";
import { document, element } from "./xml.ts";
import { childrenOf, parseXml, textOf } from "./xml-parse.ts";

export const createMultipartUpload: Handle = ({ uploads, clock }, { bucket, key, headers }) => {
  const checksum = uploadChecksum(headers);
  const uploadId = uploads.create({
    bucket,
    key,
    initiated: clock.now(),
    headers: objectHeaders(headers),
    tags: tagsOfHeader(headers.get("x-amz-tagging")),
    checksum,
  });
  return xmlResponse(
    document(
      "InitiateMultipartUploadResult",
      element("Bucket", bucket),
      element("Key", key),
      element("UploadId", uploadId),
    ),
    { "x-amz-checksum-algorithm": checksum?.algorithm, "x-amz-checksum-type": checksum?.type },
  );
};

function uploadChecksum(headers: ReadonlyMap<string, string>): UploadChecksum | undefined {
  const given = headers.get("x-amz-checksum-algorithm");
  const type = headers.get("x-amz-checksum-type");
  if (given === undefined) {
    if (type === undefined) return undefined;
    throw new S3Error("InvalidRequest", "The x-amz-checksum-type header needs x-amz-checksum-algorithm.");
  }
  const algorithm = checksumAlgorithm(given);
  return { algorithm, type: checksumType(algorithm, type) };
}

export const uploadPart: Handle = async (service, request) => {
  const number = partNumber(request.query.get("partNumber"));
  const upload = openUpload(service, request);
  checkPartChecksum(upload, readIntegrity(request.headers).checksum?.algorithm);
  return storeBody(service, request, upload.checksum?.algorithm, (content) => {
    const part = putPart(service, upload, number, content);
    const { checksum } = content;
    return emptyResponse(200, {
      etag: `"${part.etag}"`,
      ...(checksum && { [checksumHeader(checksum.algorithm)]: checksum.value }),
    });
  });
};

export const uploadPartCopy: Handle = async (service, request) => {
  const number = partNumber(request.query.get("partNumber"));
  const upload = openUpload(service, request);
  const source = copySource(service, request);
  const given = parseCopyRange(request.headers.get("x-amz-copy-source-range"), source.size);
  const range = given ?? { first: 0, last: source.size - 1 };
  if (range.last - range.first >= limits.singlePutBytes) {
    throw new S3Error(
      "InvalidRequest",
      "The specified copy source is larger than the maximum allowable size: 5 GiB",
    );
  }
  const part = await storeCopy(service, source, { range, algorithm: upload.checksum?.algorithm }, (content) =>
    putPart(service, upload, number, content),
  );
  return xmlResponse(
    document(
      "CopyPartResult",
      element("LastModified", documentTime(part.modified)),
      element("ETag", `"${part.etag}"`),
      upload.checksum && element(`Checksum${upload.checksum.algorithm}`, part.checksum),
    ),
    { "x-amz-copy-source-version-id": shownVersionId(service, source.bucket, source.versionId) },
  );
};

const openUpload = ({ uploads }: Service, { bucket, key, query }: S3Request): Upload =>
  uploads.get(bucket, key, query.get("uploadId") ?? "");

/**
 * A part brings the checksum that its upload was announced with; where that is over the whole object it may leave it
 * to the service. An upload that was announced without one takes any: the SDKs add a CRC-32 of their own to each part.
 */
function checkPartChecksum({ checksum }: Upload, given: ChecksumAlgorithm | undefined): void {
  if (checksum === undefined || given === checksum.algorithm) return;
  if (given === undefined && checksum.type === "FULL_OBJECT") return;
  throw new S3Error(
    "InvalidRequest",
    `Checksum Type mismatch occurred, expected checksum Type: ${checksum.algorithm.toLowerCase()}, actual checksum Type: ${given?.toLowerCase() ?? "null"}`,
  );
}

function putPart(
  { uploads, clock }: Service,
  upload: Upload,
  number: number,
  content: WrittenContent,
): StoredPart {
  const { blob, size, md5, checksum } = content;
  const kept = upload.checksum && checksum?.value;
  const part: StoredPart = { blob, number, size, etag: md5, checksum: kept, modified: clock.now() };
  uploads.putPart(upload, part);
  return part;
}

export const completeMultipartUpload: Handle = async (service, request) => {
  const { bucket, key, query, headers } = request;
  const named = namedParts(await receiveText({ ...request, headers: withoutChecksums(headers) }));
  const target = { bucket, key, id: query.get("uploadId") ?? "", now: service.clock.now() };
  const completed = service.uploads.complete(target, named, writeCondition(headers), (object) =>
    checkAnnounced(headers, object),
  );
  return xmlResponse(
    document(
      "CompleteMultipartUploadResult",
      element("Location", `http://${headers.get("host")}${request.path}`),
      element("Bucket", bucket),
      element("Key", key),
      element("ETag", `"${completed.etag}"`),
      checksumElements(completed.checksum),
    ),
    { "x-amz-version-id": shownVersionId(service, bucket, completed.versionId) },
  );
};

/** On completion a checksum header speaks of the object, not of the request's own body. */
const withoutChecksums = (headers: ReadonlyMap<string, string>): ReadonlyMap<string, string> =>
  new Map([...headers].filter(([name]) => !name.startsWith("x-amz-checksum-")));

function namedParts(body: string): NamedPart[] {
  const parts = childrenOf(parseXml(body, "CompleteMultipartUpload"), "Part");
  return parts.map((part) => ({
    number: partNumber(textOf(part, "PartNumber")),
    etag: (textOf(part, "ETag") ?? "").replace(/^"(.*)"$/, "$1"),
    checksum: part.children.find(({ name }) => name.startsWith("Checksum"))?.text,
  }));
}

/** Compares the assembled object with the size and the checksum that the request states, if it does. */
function checkAnnounced(
  headers: ReadonlyMap<string, string>,
  object: { size: number; checksum?: Checksum },
): void {
  const size = headers.get("x-amz-mp-object-size");
  if (size !== undefined && size !== String(object.size)) {
    throw new S3Error(
      "InvalidRequest",
      `The provided 'x-amz-mp-object-size' header value ${size} does not match what was computed: ${object.size}`,
    );
  }
  const { checksum } = object;
  const type = headers.get("x-amz-checksum-type");
  if (type !== undefined && type !== checksum?.type) {
    throw new S3Error("InvalidRequest", `The upload was created using another checksum type than ${type}.`);
  }
  if (checksum === undefined) return;
  const announced = headers.get(checksumHeader(checksum.algorithm));
  if (announced !== undefined && announced !== checksum.value) {
    throw new S3Error(
      "BadDigest",
      `The ${checksum.algorithm} you specified did not match the calculated checksum.`,
    );
  }
}

export const abortMultipartUpload: Handle = ({ uploads }, { bucket, key, query }) => {
  uploads.abort(bucket, key, query.get("uploadId") ?? "");
  return emptyResponse(204);
};
