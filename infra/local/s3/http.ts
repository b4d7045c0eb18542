import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { S3Error } from "./errors.ts";
import { parseTarget, type S3Request } from "./request.ts";
import type { S3Response } from "./service.ts";
import { element, XML_DECLARATION } from "./xml.ts";

/** Runs one request to its end. Never rejects: what goes wrong is answered, or the connection is broken off. */
export async function respond(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  handle: (request: S3Request) => Promise<S3Response>,
): Promise<void> {
  const requestId = randomBytes(8).toString("hex").toUpperCase();
  outgoing.setHeader("x-amz-request-id", requestId);
  outgoing.setHeader("server", "millrace-s3");
  let response: S3Response;
  try {
    response = await handle(requestOf(incoming));
  } catch (error) {
    response = errorResponse(error, (incoming.url ?? "").split("?", 1).join(), requestId);
  }
  if (!incoming.complete) {
    // What is left of a refused body is read and dropped, and the connection kept for that even if the client wants it
    // closed: otherwise its sending would fail before it sees the answer.
    outgoing.setHeader("connection", "keep-alive");
    incoming.resume();
  }
  await send(outgoing, incoming.method === "HEAD", response);
}

function requestOf(incoming: IncomingMessage): S3Request {
  const headers = new Map<string, string>();
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(",") : value);
  }
  return {
    method: incoming.method ?? "",
    ...parseTarget(incoming.url ?? ""),
    headers,
    // Leaving the loop early must not break the connection: the refusal has yet to be sent on it.
    body: incoming.iterator({ destroyOnReturn: false }),
  };
}

async function send(
  outgoing: ServerResponse,
  headOnly: boolean,
  { status, headers, body }: S3Response,
): Promise<void> {
  const isText = typeof body === "string";
  try {
    for (const [name, value] of Object.entries(headers ?? {})) {
      if (value !== undefined) outgoing.setHeader(name, value);
    }
    outgoing.statusCode = status;
    if (headOnly || body === undefined || isText) outgoing.end(headOnly ? undefined : body);
    else await pipeline(body, outgoing);
  } catch {
    // The client went away, or a file could not be read: a broken connection is all that can still be said.
    outgoing.destroy();
  } finally {
    if (!isText) body?.release();
  }
}

function errorResponse(error: unknown, resource: string, requestId: string): S3Response {
  const known =
    error instanceof S3Error
      ? error
      : new S3Error("InternalError", `We encountered an internal error: ${error}`);
  // The only document of S3 without a namespace.
  const fault = element(
    "Error",
    element("Code", known.code),
    element("Message", known.message),
    element("Resource", resource),
    element("RequestId", requestId),
  );
  return {
    status: known.status,
    headers: { "content-type": "application/xml", ...known.headers },
    body: `${XML_DECLARATION}${fault.xml}`,
  };
}
