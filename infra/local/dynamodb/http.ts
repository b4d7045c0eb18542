import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { crc32 } from "node:zlib";
import type { OnCall } from "../emulator.ts";
import { isLoopbackHost } from "../loopback.ts";
import type { Input } from "./model.ts";
import type { Service } from "./service.ts";
import { isServiceError, serviceError } from "./service-error.ts";

const maxRequestBytes = 16 * 1024 * 1024;

interface Answer {
  status: number;
  body: object;
}

const protocolError = (name: string, message?: string): Answer => ({
  status: 400,
  body: { __type: `com.amazon.coral.service#${name}`, ...(message && { message }) },
});

function errorAnswer(thrown: unknown): Answer {
  if (isServiceError(thrown)) return { status: thrown.statusCode, body: thrown.body };
  const message = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  return { status: 500, body: serviceError("InternalServerError", message).body };
}

function parsed(text: string): Input | undefined {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === "object" && body !== null ? (body as Input) : undefined;
  } catch {
    return undefined;
  }
}

/** `DynamoDB_20120810.PutItem` names an operation; the signature must be there, but is not verified. */
function answer(
  service: Service,
  request: IncomingMessage,
  text: string,
  onCall: OnCall | undefined,
): Answer {
  if (!isLoopbackHost(request.headers.host))
    return protocolError(
      "AccessDeniedException",
      `address this service as 127.0.0.1, not as ${request.headers.host}`,
    );
  const [version, name = ""] = String(request.headers["x-amz-target"] ?? "").split(".");
  const operation = version === "DynamoDB_20120810" ? service.operation(name) : undefined;
  if (!operation) return protocolError("UnknownOperationException", `the local DynamoDB has no ${name}`);
  if (!request.headers.authorization?.startsWith("AWS4-")) {
    return protocolError("MissingAuthenticationTokenException", "Request is missing Authentication Token");
  }
  onCall?.(name);
  const input = parsed(text);
  if (!input) return protocolError("SerializationException");
  try {
    return { status: 200, body: operation(input) };
  } catch (thrown) {
    return errorAnswer(thrown);
  }
}

function send(response: ServerResponse, { status, body }: Answer): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, {
    "content-type": "application/x-amz-json-1.0",
    "content-length": bytes.length,
    "x-amz-crc32": crc32(bytes),
    "x-amzn-requestid": randomUUID(),
  });
  response.end(bytes);
}

/**
 * The JSON protocol of DynamoDB: one POST for each call.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html
 */
export function requestListener(service: Service, onCall?: OnCall) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= maxRequestBytes) chunks.push(chunk);
    });
    request.on("end", () => {
      if (bytes > maxRequestBytes) return send(response, { status: 413, body: {} });
      send(response, answer(service, request, Buffer.concat(chunks).toString(), onCall));
    });
  };
}
