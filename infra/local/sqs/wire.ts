import { randomUUID } from "node:crypto";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { OnCall } from "../emulator.ts";
import { isLoopbackHost } from "../loopback.ts";
import { SqsError } from "./errors.ts";
import { parseInput } from "./input.ts";
import type { RecordLog } from "./journal.ts";
import { messageOperations } from "./message-operations.ts";
import { moveTaskOperations } from "./move-task-operations.ts";
import type { Caller, Operation, Service } from "./operation.ts";
import { queueOperations } from "./queue-operations.ts";

const operations: ReadonlyMap<string, Operation> = new Map(
  Object.entries({ ...queueOperations, ...messageOperations, ...moveTaskOperations }),
);

/** Known to AWS, but about permissions: the local service has none. */
const unsupported: ReadonlySet<string> = new Set(["AddPermission", "RemovePermission"]);

/** A batch of 1 MiB in which every byte had to be escaped stays below it. */
const LONGEST_BODY = 16 * 1_048_576;

/**
 * The AWS JSON 1.0 protocol: POST, the operation in `X-Amz-Target`, an object in, an object out.
 *
 * https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html and, for the error header,
 * https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#awsquerycompatible-trait
 *
 * @param journal an answer leaves only when what it reports is written there
 */
export function requestListener(service: Service, journal: RecordLog, onCall?: OnCall): RequestListener {
  const answer = (response: ServerResponse, status: number, body: object, queryError?: string) =>
    journal.whenWritten((failure) => {
      if (failure) respondWithError(response, failure);
      else respond(response, status, body, queryError);
    });
  const refuse = (response: ServerResponse, error: unknown) =>
    journal.whenWritten((failure) => respondWithError(response, failure ?? error));

  return (request, response) => {
    readBody(request, (body) => {
      try {
        const name = operationName(request);
        onCall?.(name);
        const result = perform(service, name, body, callerOf(request, response));
        if (!(result instanceof Promise)) return answer(response, 200, result);
        result.then(
          (later) => answer(response, 200, later),
          (error: unknown) => refuse(response, error),
        );
      } catch (error) {
        refuse(response, error);
      }
    });
  };
}

/** @throws SqsError AccessDenied if another host is meant, InvalidAction if the request names none */
function operationName({ headers }: IncomingMessage): string {
  if (!isLoopbackHost(headers.host))
    throw new SqsError("AccessDenied", `address this service as 127.0.0.1, not as ${headers.host}`);
  const [service, name] = String(headers["x-amz-target"] ?? "").split(".");
  if (service === "AmazonSQS" && name) return name;
  throw new SqsError("InvalidAction", "There is no header X-Amz-Target of the form AmazonSQS.<operation>.");
}

function perform(service: Service, name: string, body: string, caller: Caller): object | Promise<object> {
  if (unsupported.has(name))
    throw new SqsError("UnsupportedOperation", `${name}: there are no permissions here.`);
  const operation = operations.get(name);
  if (!operation) throw new SqsError("InvalidAction", `The action ${name} is not valid for this endpoint.`);
  const { faults } = service;
  if (faults.throttles) throw new SqsError("RequestThrottled", "A fault switch throttled this request.");
  return operation(service, parseInput(body), caller);
}

const callerOf = ({ socket }: IncomingMessage, response: ServerResponse): Caller => ({
  isGone: () => socket.destroyed || socket.readableEnded,
  onGone: (left) => response.once("close", left),
});

function readBody(request: IncomingMessage, done: (body: string) => void): void {
  const chunks: Buffer[] = [];
  let length = 0;
  request.on("data", (chunk: Buffer) => {
    length += chunk.length;
    if (length > LONGEST_BODY) request.destroy();
    else chunks.push(chunk);
  });
  request.on("end", () => done(Buffer.concat(chunks).toString()));
}

function respondWithError(response: ServerResponse, error: unknown): void {
  const known = error instanceof SqsError ? error : new SqsError("InternalError", String(error));
  const fault = known.isSenderFault ? "Sender" : "Receiver";
  const body = { __type: known.type, message: known.message };
  respond(response, known.status, body, `${known.queryCode};${fault}`);
}

function respond(response: ServerResponse, status: number, body: object, queryError?: string): void {
  // As a string it goes out in one write with the headers; a buffer would take a second.
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "content-type": "application/x-amz-json-1.0",
    "content-length": Buffer.byteLength(text),
    "x-amzn-requestid": randomUUID(),
    ...(queryError === undefined ? {} : { "x-amzn-query-error": queryError }),
  });
  response.end(text);
}
