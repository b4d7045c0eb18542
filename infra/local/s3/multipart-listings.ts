import { invalidArgument } from "./errors.ts";
import { pageSize } from "./limits.ts";
import { entryElements, lastEntry, nameOf, readListing, startBehind } from "./listing.ts";
import { page } from "./paging.ts";
import { documentTime, type Handle, xmlResponse } from "./service.ts";
import type { Upload } from "./upload.ts";
import { document, element } from "./xml.ts";

export const listParts: Handle = ({ uploads }, { bucket, key, query }) => {
  const upload = uploads.get(bucket, key, query.get("uploadId") ?? "");
  const limit = pageSize("max-parts", query.get("max-parts"));
  const marker = Number(query.get("part-number-marker") ?? 0);
  if (!Number.isInteger(marker)) throw invalidArgument("part-number-marker is not an integer");
  const behind = uploads.parts(upload).filter(({ number }) => number > marker);
  const parts = behind.slice(0, limit);
  const truncated = parts.length > 0 && parts.length < behind.length;
  return xmlResponse(
    document(
      "ListPartsResult",
      element("Bucket", bucket),
      element("Key", key),
      element("UploadId", upload.id),
      element("PartNumberMarker", marker),
      element("NextPartNumberMarker", truncated ? parts.at(-1)?.number : undefined),
      element("MaxParts", limit),
      element("IsTruncated", truncated),
      element("StorageClass", "STANDARD"),
      element("ChecksumAlgorithm", upload.checksum?.algorithm),
      element("ChecksumType", upload.checksum?.type),
      parts.map((part) =>
        element(
          "Part",
          element("PartNumber", part.number),
          element("LastModified", documentTime(part.modified)),
          element("ETag", `"${part.etag}"`),
          element("Size", part.size),
          upload.checksum && element(`Checksum${upload.checksum.algorithm}`, part.checksum),
        ),
      ),
    ),
  );
};

export const listMultipartUploads: Handle = ({ buckets, uploads }, { bucket, query }) => {
  buckets.get(bucket);
  const listing = readListing(query, "Uploads");
  const { writeKey } = listing;
  const keyMarker = query.get("key-marker") ?? "";
  // S3 ignores it without a key marker.
  const idMarker = keyMarker === "" ? "" : (query.get("upload-id-marker") ?? "");
  const from = idMarker === "" ? startBehind(keyMarker, listing) : Buffer.from(keyMarker);
  const found = page(
    (first, until) => behindUpload(keyMarker, idMarker, uploads.list(bucket, first, until)),
    {
      ...listing,
      from,
    },
  );
  const last = lastEntry(found);
  return xmlResponse(
    document(
      "ListMultipartUploadsResult",
      element("Bucket", bucket),
      listing.echo,
      element("KeyMarker", writeKey(keyMarker)),
      element("UploadIdMarker", idMarker),
      element("NextKeyMarker", last && writeKey(nameOf(last))),
      element("NextUploadIdMarker", last && "item" in last ? last.item.upload.id : undefined),
      element("IsTruncated", found.truncated),
      entryElements(found, writeKey, ({ upload }) =>
        element(
          "Upload",
          element("Key", writeKey(upload.key)),
          element("UploadId", upload.id),
          element("Initiated", documentTime(upload.initiated)),
          element("StorageClass", "STANDARD"),
          element("ChecksumAlgorithm", upload.checksum?.algorithm),
          element("ChecksumType", upload.checksum?.type),
        ),
      ),
    ),
  );
};

interface Listed {
  key: Buffer;
  upload: Upload;
}

/** Upload ids begin with their time: among those of one key, the later ones are the greater ones. */
function* behindUpload(keyMarker: string, idMarker: string, uploads: Iterable<Listed>): Generator<Listed> {
  for (const listed of uploads) {
    if (listed.upload.key !== keyMarker || listed.upload.id > idMarker) yield listed;
  }
}
