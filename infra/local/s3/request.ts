import { S3Error } from "./errors.ts";

/** A request in the terms of S3, path style: `http://127.0.0.1:PORT/<bucket>/<key>?<query>`. */
export interface S3Request {
  method: string;
  /** The path as it was sent, still percent-encoded. */
  path: string;
  /** Empty for a request to the service itself. */
  bucket: string;
  /** Empty for a request to a bucket. */
  key: string;
  /** Decoded. */
  query: ReadonlyMap<string, string>;
  /** Names in lower case. */
  headers: ReadonlyMap<string, string>;
  body: AsyncIterable<Buffer>;
}

/**
 * Reads a request line. Nothing is normalised: `.`, `..`, `//` and a trailing `/` are parts of a key like any other.
 *
 * @param url the request target as it was sent
 * @throws InvalidURI
 */
export function parseTarget(url: string): Pick<S3Request, "path" | "bucket" | "key" | "query"> {
  if (!url.startsWith("/")) throw invalidUri("a path was expected");
  const [path, query] = cut(url, "?");
  const [bucket, key] = cut(path.slice(1), "/");
  return { path, bucket: decode(bucket), key: decode(key), query: parseQuery(query) };
}

function parseQuery(text: string): Map<string, string> {
  const query = new Map<string, string>();
  for (const pair of text.split("&")) {
    if (pair === "") continue;
    const [name, value] = cut(pair.replaceAll("+", " "), "=").map(decode) as [string, string];
    if (query.has(name)) throw invalidUri(`the parameter ${name} comes twice`);
    query.set(name, value);
  }
  return query;
}

/** Both sides of the first separator; the second is empty when there is none. */
function cut(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalidUri("it is not percent-encoded UTF-8");
  }
}

/** The object that `x-amz-copy-source` names: `[/]bucket/key[?versionId=…]`, percent-encoded. */
export interface CopySource {
  bucket: string;
  key: string;
  versionId?: string;
}

/** @throws InvalidArgument or InvalidURI */
export function parseCopySource(header: string): CopySource {
  const at = header.lastIndexOf("?versionId=");
  const target = at < 0 ? header : header.slice(0, at);
  const [bucket, key] = cut(target.replace(/^\//, ""), "/").map(decode) as [string, string];
  if (bucket === "" || key === "") {
    throw new S3Error(
      "InvalidArgument",
      "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
    );
  }
  return { bucket, key, versionId: at < 0 ? undefined : decode(header.slice(at + "?versionId=".length)) };
}

const invalidUri = (problem: string): S3Error =>
  new S3Error("InvalidURI", `Couldn't parse the specified URI: ${problem}.`);
