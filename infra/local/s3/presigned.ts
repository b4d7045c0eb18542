import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { S3Error } from "./errors.ts";
import { headerText } from "./headers.ts";
import { limits } from "./limits.ts";
import type { S3Request } from "./request.ts";

/** Secret access keys by access key id. */
export type Credentials = Readonly<Record<string, string>>;

const ALGORITHM = "AWS4-HMAC-SHA256";

/** How far ahead of this clock a URL may have been signed. */
const TOLERATED_SKEW_MS = 15 * 60 * 1000;

const authParameters = new Set([
  "x-amz-algorithm",
  "x-amz-content-sha256",
  "x-amz-credential",
  "x-amz-date",
  "x-amz-expires",
  "x-amz-security-token",
  "x-amz-signature",
  "x-amz-signedheaders",
]);

/** Checksums that a signer computed over the empty body it had at hand; S3 ignores them in a query, and so do we. */
const signersChecksum = /^x-amz-(sdk-checksum-algorithm|checksum-(?!mode$|algorithm$|type$).*)$/;

export const isPresigned = (query: ReadonlyMap<string, string>): boolean => query.has("X-Amz-Signature");

/**
 * Turns a presigned request into the one that was meant: signature parameters go, and headers that the signer moved
 * into the query (`x-amz-meta-…`, `x-amz-tagging`, `x-amz-copy-source`) become headers again. Real headers win.
 */
export function withoutSignature(request: S3Request): S3Request {
  const query = new Map<string, string>();
  const headers = new Map<string, string>();
  for (const [name, value] of request.query) {
    const header = name.toLowerCase();
    if (!header.startsWith("x-amz-")) query.set(name, value);
    else if (header === "x-amz-content-sha256") headers.set(header, value);
    else if (!authParameters.has(header) && !signersChecksum.test(header))
      headers.set(header, headerText(value));
  }
  for (const [name, value] of request.headers) headers.set(name, value);
  return { ...request, query, headers };
}

/**
 * Checks a request whose URL carries its signature (Signature Version 4 in the query).
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
 *
 * @param now milliseconds
 * @throws AuthorizationQueryParametersError, InvalidAccessKeyId, AccessDenied (expired, not valid yet, unsigned
 * headers), SignatureDoesNotMatch
 */
export function checkPresigned(request: S3Request, credentials: Credentials, now: number): void {
  const { scope, accessKeyId, date, signedHeaders, signature } = readParameters(request.query, now);
  const secret = Object.hasOwn(credentials, accessKeyId) ? credentials[accessKeyId] : undefined;
  if (secret === undefined) {
    throw new S3Error(
      "InvalidAccessKeyId",
      `The AWS Access Key Id you provided does not exist: ${accessKeyId}`,
    );
  }
  checkAllSigned(request.headers, signedHeaders);
  const stringToSign = [
    ALGORITHM,
    date,
    scope.join("/"),
    sha256Hex(canonicalRequest(request, signedHeaders)),
  ].join("\n");
  const key = scope.reduce<string | Buffer>((signingKey, piece) => hmac(signingKey, piece), `AWS4${secret}`);
  const expected = hmac(key, stringToSign);
  const given = Buffer.from(signature, "hex");
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw new S3Error(
      "SignatureDoesNotMatch",
      "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
    );
  }
}

interface Parameters {
  accessKeyId: string;
  /** Date, region, service, `aws4_request`. */
  scope: string[];
  /** `YYYYMMDDTHHMMSSZ` */
  date: string;
  /** Names in lower case. */
  signedHeaders: string[];
  signature: string;
}

function readParameters(query: ReadonlyMap<string, string>, now: number): Parameters {
  const value = (name: string): string => {
    const given = query.get(name);
    if (given) return given;
    throw badParameters(`Query-string authentication version 4 requires the parameter ${name}.`);
  };
  if (value("X-Amz-Algorithm") !== ALGORITHM)
    throw badParameters(`X-Amz-Algorithm only supports "${ALGORITHM}"`);
  const [accessKeyId = "", ...scope] = value("X-Amz-Credential").split("/");
  const date = value("X-Amz-Date");
  if (
    scope.length !== 4 ||
    scope[0] !== date.slice(0, 8) ||
    scope[2] !== "s3" ||
    scope[3] !== "aws4_request"
  ) {
    throw badParameters(`Error parsing the X-Amz-Credential parameter: ${scope.join("/")}`);
  }
  checkExpiry(signedAt(date), value("X-Amz-Expires"), now);
  const signedHeaders = value("X-Amz-SignedHeaders").toLowerCase().split(";");
  return { accessKeyId, scope, date, signedHeaders, signature: value("X-Amz-Signature") };
}

function signedAt(date: string): number {
  const [, ...pieces] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date) ?? [];
  const [year = "", month = "", day = "", hour = "", minute = "", second = ""] = pieces;
  const at = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(at))
    throw badParameters(`X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd'T'HHmmss'Z'": ${date}`);
  return at;
}

function checkExpiry(signed: number, expires: string, now: number): void {
  const seconds = /^\d{1,9}$/.test(expires) ? Number(expires) : Number.NaN;
  if (!(seconds >= 1 && seconds <= limits.presignedSeconds)) {
    throw badParameters(`X-Amz-Expires must be between 1 and ${limits.presignedSeconds} seconds: ${expires}`);
  }
  if (now > signed + seconds * 1000) throw new S3Error("AccessDenied", "Request has expired");
  if (now < signed - TOLERATED_SKEW_MS) throw new S3Error("AccessDenied", "Request is not yet valid");
}

/** A header that changes what the request means may not be added to a URL that somebody else signed. */
function checkAllSigned(headers: ReadonlyMap<string, string>, signedHeaders: readonly string[]): void {
  if (!signedHeaders.includes("host")) throw badParameters("Signing of the Host header is required.");
  const unsigned = [...headers.keys()].filter(
    (name) => name.startsWith("x-amz-") && name !== "x-amz-content-sha256" && !signedHeaders.includes(name),
  );
  if (unsigned.length > 0) {
    throw new S3Error(
      "AccessDenied",
      `There were headers present in the request which were not signed: ${unsigned.join(", ")}`,
    );
  }
}

function canonicalRequest(
  { method, path, query, headers }: S3Request,
  signedHeaders: readonly string[],
): string {
  const parameters = [...query]
    .filter(([name]) => name !== "X-Amz-Signature")
    .map(([name, value]) => `${uriEncode(name)}=${uriEncode(value)}`)
    .sort();
  const headerLines = signedHeaders.map(
    (name) => `${name}:${(headers.get(name) ?? "").trim().replace(/ +/g, " ")}\n`,
  );
  return [
    method,
    path
      .split("/")
      .map((segment) => uriEncode(decodeURIComponent(segment)))
      .join("/"),
    parameters.join("&"),
    headerLines.join(""),
    signedHeaders.join(";"),
    query.get("X-Amz-Content-Sha256") ?? headers.get("x-amz-content-sha256") ?? "UNSIGNED-PAYLOAD",
  ].join("\n");
}

/** All but the unreserved characters of RFC 3986. */
const uriEncode = (text: string): string =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );

const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

const sha256Hex = (text: string): string => createHash("sha256").update(text).digest("hex");

const badParameters = (message: string): S3Error => new S3Error("AuthorizationQueryParametersError", message);
