import { invalidArgument } from "./errors.ts";
import { entryElements, lastEntry, nameOf, readListing, startBehind, type WriteKey } from "./listing.ts";
import type { ListedVersion } from "./object-store.ts";
import type { ObjectVersion } from "./object-version.ts";
import { behind, page, startOfToken, tokenAfter } from "./paging.ts";
import { documentTime, type Handle, xmlResponse } from "./service.ts";
import { document, element, type Xml } from "./xml.ts";

export const listObjectsV2: Handle = ({ buckets, objects }, { bucket, query }) => {
  buckets.get(bucket);
  if (query.get("list-type") !== "2") throw invalidArgument(`Invalid List Type: ${query.get("list-type")}`);
  const listing = readListing(query, "Keys");
  const token = query.get("continuation-token");
  const startAfter = query.get("start-after");
  const from = token === undefined ? afterStart(startAfter) : fromToken(token);
  const found = page((first, until) => objects.objects(bucket, first, until), { ...listing, from });
  const last = lastEntry(found);
  const withOwner = query.get("fetch-owner") === "true";
  const { writeKey } = listing;
  return xmlResponse(
    document(
      "ListBucketResult",
      element("Name", bucket),
      listing.echo,
      element("KeyCount", found.entries.length),
      element("ContinuationToken", token),
      element("StartAfter", startAfter && writeKey(startAfter)),
      element("NextContinuationToken", last && tokenAfter(last)),
      element("IsTruncated", found.truncated),
      entryElements(found, writeKey, ({ version }) =>
        element("Contents", ...objectElements(version, writeKey, withOwner)),
      ),
    ),
  );
};

const afterStart = (startAfter: string | undefined): Buffer =>
  startAfter ? behind(Buffer.from(startAfter)) : Buffer.alloc(0);

function fromToken(token: string): Buffer {
  const start = startOfToken(token);
  if (start === undefined) throw invalidArgument("The continuation token provided is incorrect");
  return start;
}

/** The older form of the listing. */
export const listObjects: Handle = ({ buckets, objects }, { bucket, query }) => {
  buckets.get(bucket);
  const listing = readListing(query, "Keys");
  const marker = query.get("marker") ?? "";
  const from = startBehind(marker, listing);
  const found = page((first, until) => objects.objects(bucket, first, until), { ...listing, from });
  // Without a delimiter S3 leaves the next marker out: the last key serves as one.
  const last = listing.delimiter.length > 0 ? lastEntry(found) : undefined;
  const { writeKey } = listing;
  return xmlResponse(
    document(
      "ListBucketResult",
      element("Name", bucket),
      listing.echo,
      element("Marker", writeKey(marker)),
      element("NextMarker", last && writeKey(nameOf(last))),
      element("IsTruncated", found.truncated),
      entryElements(found, writeKey, ({ version }) =>
        element("Contents", ...objectElements(version, writeKey, true)),
      ),
    ),
  );
};

export const listObjectVersions: Handle = ({ buckets, objects }, { bucket, query }) => {
  buckets.get(bucket);
  const listing = readListing(query, "Keys");
  const keyMarker = query.get("key-marker") ?? "";
  const versionMarker = query.get("version-id-marker") ?? "";
  if (keyMarker === "" && versionMarker !== "") {
    throw invalidArgument("A version-id marker cannot be specified without a key marker.");
  }
  // A marked version that has been deleted since the last page leaves only older ones: all of them are due.
  const marked = versionMarker === "" ? undefined : objects.find(bucket, keyMarker, versionMarker);
  const from = versionMarker === "" ? startBehind(keyMarker, listing) : Buffer.from(keyMarker);
  const found = page((first, until) => olderThan(marked, objects.versions(bucket, first, until)), {
    ...listing,
    from,
  });
  const last = lastEntry(found);
  const { writeKey } = listing;
  return xmlResponse(
    document(
      "ListVersionsResult",
      element("Name", bucket),
      listing.echo,
      element("KeyMarker", writeKey(keyMarker)),
      element("VersionIdMarker", versionMarker),
      element("NextKeyMarker", last && writeKey(nameOf(last))),
      element("NextVersionIdMarker", last && "item" in last ? last.item.version.versionId : undefined),
      element("IsTruncated", found.truncated),
      entryElements(found, writeKey, (listed) => versionElement(listed, writeKey)),
    ),
  );
};

/** Leaves out the marked version and the newer ones of its key: they were on an earlier page. */
function* olderThan(
  marked: ObjectVersion | undefined,
  versions: Iterable<ListedVersion>,
): Generator<ListedVersion> {
  for (const listed of versions) {
    if (!marked || listed.version.key !== marked.key || listed.version.seq < marked.seq) yield listed;
  }
}

const owner = element("Owner", element("ID", "local"));

const objectElements = (version: ObjectVersion, writeKey: WriteKey, withOwner: boolean): Xml[] => [
  element("Key", writeKey(version.key)),
  element("LastModified", documentTime(version.modified)),
  element("ETag", `"${version.etag}"`),
  element("ChecksumAlgorithm", version.checksum?.algorithm),
  element("ChecksumType", version.checksum?.type),
  element("Size", version.size),
  element("StorageClass", "STANDARD"),
  ...(withOwner ? [owner] : []),
];

function versionElement({ version, latest }: ListedVersion, writeKey: WriteKey): Xml {
  const identity = [element("VersionId", version.versionId), element("IsLatest", latest)];
  if (!version.deleteMarker)
    return element("Version", ...objectElements(version, writeKey, true), ...identity);
  return element(
    "DeleteMarker",
    element("Key", writeKey(version.key)),
    element("LastModified", documentTime(version.modified)),
    owner,
    ...identity,
  );
}
