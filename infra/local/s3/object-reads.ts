import type { Segment } from "./blob-store.ts";
import { checksumHeaders } from "./checksum.ts";
import { checkRead, readCondition } from "./conditions.ts";
import { invalidArgument, notImplemented, S3Error } from "./errors.ts";
import { headerText } from "./headers.ts";
import { partNumber } from "./limits.ts";
import type { ObjectVersion } from "./object-version.ts";
import { type ByteRange, parseRange } from "./range.ts";
import type { S3Request } from "./request.ts";
import { type Handle, headerTime, type S3Response, type Service, shownVersionId } from "./service.ts";

/** Headers of the answer that a query parameter `response-…` may set. */
const overridable = [
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-type",
  "expires",
];

export const responseOverrides = overridable.map((header) => `response-${header}`);

export const getObject: Handle = (service, request) => readObject(service, request, true);

export const headObject: Handle = (service, request) => readObject(service, request, false);

function readObject(service: Service, request: S3Request, withContent: boolean): S3Response {
  const { objects, blobs } = service;
  const version = objects.get(request.bucket, request.key, request.query.get("versionId"));
  const headers = versionHeaders(service, version);
  if (!checkRead(readCondition(request.headers), version)) return { status: 304, headers };

  const segments = objects.segments(version);
  const wanted = selection(request, version, segments);
  const range = wanted?.range ?? { first: 0, last: version.size - 1 };
  return {
    status: wanted ? 206 : 200,
    headers: {
      ...headers,
      ...overrides(request.query),
      ...wanted?.headers,
      // Of a part of an object S3 states no checksum: it would be the one of the whole.
      ...(wanted || request.headers.get("x-amz-checksum-mode") !== "ENABLED"
        ? {}
        : checksumHeaders(version.checksum)),
      "content-length": String(range.last - range.first + 1),
    },
    body: withContent ? blobs.read(segments, range) : undefined,
  };
}

/** Headers that describe a version, whatever part of it is sent. */
function versionHeaders(service: Service, version: ObjectVersion): Record<string, string | undefined> {
  return {
    "content-type": "binary/octet-stream",
    ...version.headers,
    "accept-ranges": "bytes",
    etag: `"${version.etag}"`,
    "last-modified": headerTime(version.modified),
    "x-amz-version-id": shownVersionId(service, version.bucket, version.versionId),
    "x-amz-tagging-count": version.tags.length > 0 ? String(version.tags.length) : undefined,
  };
}

/** @throws InvalidArgument for a value that cannot be a header */
function overrides(query: ReadonlyMap<string, string>): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const header of overridable) {
    const value = query.get(`response-${header}`);
    if (value === undefined) continue;
    if (/[\r\n\0]/.test(value))
      throw invalidArgument(`Header value cannot be represented: response-${header}`);
    headers[header] = headerText(value);
  }
  return headers;
}

/** The stretch that the request asks for by `Range` or by part number; `undefined` for the whole object. */
function selection(
  request: S3Request,
  version: ObjectVersion,
  segments: readonly Segment[],
): { range: ByteRange; headers: Record<string, string> } | undefined {
  const given = request.query.get("partNumber");
  const range = parseRange(request.headers.get("range"), version.size);
  if (given === undefined) return range && { range, headers: contentRange(range, version) };
  if (request.headers.has("range"))
    throw notImplemented("A Range together with a partNumber is not implemented.");

  const number = partNumber(given);
  const part = segments[number - 1];
  if (part === undefined) {
    throw new S3Error(
      "InvalidRange",
      `The requested partnumber is not satisfiable: ${number} of ${segments.length}`,
    );
  }
  const first = segments.slice(0, number - 1).reduce((sum, segment) => sum + segment.size, 0);
  const partRange = { first, last: first + part.size - 1 };
  const count = /-(\d+)$/.exec(version.etag)?.[1];
  return {
    range: partRange,
    headers: {
      ...contentRange(partRange, version),
      ...(count !== undefined && { "x-amz-mp-parts-count": count }),
    },
  };
}

const contentRange = ({ first, last }: ByteRange, { size }: ObjectVersion): Record<string, string> => ({
  "content-range": `bytes ${first}-${last}/${size}`,
});
