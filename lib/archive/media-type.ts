/** By a file's extension. The list is that of what pipelines archive; whatever else there is keeps what it was stored as. */
const BY_EXTENSION: Readonly<Record<string, string>> = {
  csv: "text/csv",
  // www.iana.org/assignments/media-types/application/vnd.isac.fcs
  fcs: "application/vnd.isac.fcs",
  gz: "application/gzip",
  html: "text/html",
  jpg: "image/jpeg",
  json: "application/json",
  md: "text/markdown",
  ndjson: "application/x-ndjson",
  parquet: "application/vnd.apache.parquet",
  pdf: "application/pdf",
  png: "image/png",
  svg: "image/svg+xml",
  tgz: "application/gzip",
  tif: "image/tiff",
  tiff: "image/tiff",
  tsv: "text/tab-separated-values",
  txt: "text/plain",
  xml: "application/xml",
  yaml: "application/yaml",
  zip: "application/zip",
};

/** What S3 says of an object that was stored without a type, and what clients say who do not know. */
const UNKNOWN = new Set(["", "application/octet-stream", "binary/octet-stream"]);

/** @param stored as the object was stored; believed when it says anything */
export function mediaType(name: string, stored = ""): string {
  if (!UNKNOWN.has(stored)) return stored;
  const extension = /\.([A-Za-z0-9]+)$/.exec(name)?.[1]?.toLowerCase() ?? "";
  return Object.hasOwn(BY_EXTENSION, extension)
    ? (BY_EXTENSION[extension] ?? "")
    : "application/octet-stream";
}
