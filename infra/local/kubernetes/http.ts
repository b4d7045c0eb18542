import type { IncomingMessage, ServerResponse } from "node:http";
import { parse } from "yaml";
import type { Answer } from "./api.ts";
import { badRequest, KubeError } from "./status.ts";

/** A cluster's limit for a request. */
const BODY_MAX_BYTES = 3 * 1024 * 1024;

/** @throws KubeError RequestEntityTooLarge, UnsupportedMediaType, BadRequest */
export async function readBody(incoming: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > BODY_MAX_BYTES)
      throw new KubeError("RequestEntityTooLarge", `Request entity too large: limit is ${BODY_MAX_BYTES}`);
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString();
  if (text === "") return undefined;
  const type = contentType(incoming);
  if (!/^(|.*[/+](json|yaml))$/.test(type))
    throw new KubeError(
      "UnsupportedMediaType",
      `the body of the request was in an unknown format (${type}) - accepted media types include: application/json, application/yaml`,
    );
  try {
    return type.endsWith("yaml") ? parse(text) : JSON.parse(text);
  } catch (cause) {
    throw badRequest(`couldn't get version/kind; json parse error: ${(cause as Error).message}`);
  }
}

export const contentType = ({ headers }: IncomingMessage): string =>
  (headers["content-type"] ?? "").split(";", 1).join().trim().toLowerCase();

export function sendAnswer(outgoing: ServerResponse, { code, body, warnings = [] }: Answer): void {
  if (warnings.length > 0) outgoing.setHeader("warning", warnings.map(warningValue));
  send(outgoing, code, body);
}

/** RFC 7234: `299 - "text"`. Characters that no header can hold are left out. */
const warningValue = (text: string): string =>
  `299 - "${text.replaceAll(/[^\x20-\x7e]/g, "").replaceAll(/["\\]/g, "\\$&")}"`;

/** A reader that lets so much wait is closed, as by a cluster. */
const UNREAD_MAX_BYTES = 16 * 1024 * 1024;

/** Goes on with an answer that has no end yet. */
export function sendOn(outgoing: ServerResponse, text: string): void {
  outgoing.write(text);
  if (outgoing.writableLength > UNREAD_MAX_BYTES) outgoing.destroy();
}

export function sendError(outgoing: ServerResponse, error: unknown): void {
  const known =
    error instanceof KubeError ? error : new KubeError("InternalError", `Internal error occurred: ${error}`);
  if (outgoing.headersSent) {
    outgoing.destroy();
    return;
  }
  const { retryAfterSeconds } = known.details ?? {};
  if (retryAfterSeconds !== undefined) outgoing.setHeader("retry-after", String(retryAfterSeconds));
  send(outgoing, known.code, known.toStatus());
}

function send(outgoing: ServerResponse, code: number, body: object): void {
  const text = JSON.stringify(body);
  outgoing.writeHead(code, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
  });
  outgoing.end(text);
}
