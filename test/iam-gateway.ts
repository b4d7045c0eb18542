import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/**
 * A gateway that admits whoever has signed a request (Signature Version 4), and refuses others as API Gateway does.
 * It signs what has arrived once more, by the specification and without the SDK.
 * (docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html)
 */

export interface Arrived {
  readonly method: string;
  /** Path and query, as they came. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface Identity {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Begin and end of what a signature is good for: service and region. */
export interface Scope {
  readonly region: string;
  readonly service: string;
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

/** Every byte but A-Z a-z 0-9 - . _ ~ */
const encode = (text: string): string =>
  [...Buffer.from(text)]
    .map((byte) => {
      const char = String.fromCharCode(byte);
      return /[A-Za-z0-9._~-]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    })
    .join("");

/** @param signed names of the headers that the signature covers */
export function signatureOf(
  { method, target, headers, body }: Arrived,
  signed: readonly string[],
  { secretAccessKey }: Identity,
  { region, service }: Scope,
): string {
  const [path = "", query = ""] = target.split("?");
  const pairs = query
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => pair.split("="))
    .map(
      ([name = "", value = ""]) => `${encode(decodeURIComponent(name))}=${encode(decodeURIComponent(value))}`,
    );
  const canonical = [
    method,
    path.split("/").map(encode).join("/"),
    pairs.sort().join("&"),
    ...signed.map((name) => `${name}:${String(headers[name]).trim().replace(/ +/g, " ")}`),
    "",
    signed.join(";"),
    sha256(body),
  ].join("\n");
  const at = String(headers["x-amz-date"]);
  const scope = [at.slice(0, 8), region, service, "aws4_request"];
  const text = ["AWS4-HMAC-SHA256", at, scope.join("/"), sha256(canonical)].join("\n");
  const key = scope.reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`);
  return hmac(key, text).toString("hex");
}

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/;

/** Why a request is refused, if it is. */
function objection(request: Arrived, identity: Identity, region: string): string | undefined {
  const { headers } = request;
  const [, id, day, ...rest] = AUTHORIZATION.exec(String(headers["authorization"])) ?? [];
  const [itsRegion, service, names = "", signature] = rest;
  if (id === undefined) return "no signature";
  if (id !== identity.accessKeyId) return "an unknown identity";
  if (itsRegion !== region || service !== "execute-api") return "another scope";
  if (day !== String(headers["x-amz-date"]).slice(0, 8)) return "another day";
  if (headers["x-amz-security-token"] !== identity.sessionToken) return "another session";
  const signed = names.split(";");
  const needed = [
    "host",
    "content-type",
    ...Object.keys(headers).filter((name) => name.startsWith("x-amz-")),
  ];
  const open = needed.find((name) => name in headers && !signed.includes(name));
  if (open !== undefined) return `${open} is not signed`;
  const own = signatureOf(request, signed, identity, { region, service: "execute-api" });
  return signature === own ? undefined : "another signature";
}

/** @param answer what is behind it */
export async function iamGateway(
  identity: Identity,
  region: string,
  answer: (request: Arrived) => unknown = () => ({}),
) {
  const admitted: Arrived[] = [];
  const refused: string[] = [];
  const server = createServer(async (message, response) => {
    const request = await arrivedAs(message);
    const why = objection(request, identity, region);
    if (why === undefined) admitted.push(request);
    else refused.push(why);
    response.writeHead(why === undefined ? 200 : 403, { "content-type": "application/json" });
    response.end(JSON.stringify(why === undefined ? answer(request) : { message: "Forbidden" }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, admitted, refused };
}

async function arrivedAs(message: IncomingMessage): Promise<Arrived> {
  const { method = "", url: target = "", headers } = message;
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return { method, target, headers, body: Buffer.concat(chunks).toString() };
}
