import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import { MillraceError } from "../../lib/errors.ts";

/** What API Gateway's HTTP API does in front of the API function, with its payload format 2.0. */

export interface Gateway {
  readonly url: string;
  close(): Promise<void>;
}

/** API Gateway takes 10 MB; what a function is invoked with, and what it answers, ends at 6 MB. */
const MAX_BODY_BYTES = 6 * 1024 * 1024;

type Invoke = (event: APIGatewayProxyEventV2) => Promise<unknown>;

/** Answers a GET by itself, for as long as the caller listens. */
type Stream = (request: IncomingMessage, response: ServerResponse) => void;

interface Behind {
  readonly invoke: Invoke;
  /** By path. */
  readonly streams: Readonly<Record<string, Stream>>;
}

/**
 * @param streams what has no function behind it, by path
 * @throws MillraceError when the port is taken
 */
export async function startGateway(
  port: number,
  invoke: Invoke,
  say: (message: string) => void,
  streams: Readonly<Record<string, Stream>> = {},
): Promise<Gateway> {
  const behind = { invoke, streams };
  const server = createServer((request, response) => {
    serve(request, response, behind, hosts(server.address() as AddressInfo)).catch((error: unknown) => {
      say(`the API failed: ${(error as Error).message}`);
      if (response.headersSent) response.destroy();
      else problem(response, 502, "function-failed", "the API function failed; its log says why");
    });
  });
  // Clients keep connections; one that is closed under a client's hands costs it a failed request.
  server.keepAliveTimeout = 0;
  try {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EADDRINUSE") throw cause;
    throw new MillraceError("port-taken", `the port ${port} is taken`, {
      hint: "use --port N, or --port 0 for any free one",
      cause,
    });
  }
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

const hosts = ({ port }: AddressInfo): string[] => [`127.0.0.1:${port}`, `localhost:${port}`];

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  { invoke, streams }: Behind,
  own: readonly string[],
): Promise<void> {
  const { host = "", origin } = request.headers;
  // A page on another site may point a name of its own at 127.0.0.1 (DNS rebinding), or post a form to it.
  if (!own.includes(host))
    return problem(response, 421, "foreign-host", `this API answers for ${own[0]} only`);
  if (origin !== undefined && !own.includes(origin.replace(/^http:\/\//, ""))) {
    return problem(response, 403, "foreign-origin", "requests of other sites' pages are refused");
  }
  // Anything else is meant for a proxy.
  if (!request.url?.startsWith("/"))
    return problem(response, 400, "no-path", `"${request.url}" is no path of this API`);
  const stream = request.method === "GET" ? streams[request.url] : undefined;
  if (stream) return stream(request, response);
  const body = await readBody(request);
  if (!body) return problem(response, 413, "too-large", `at most ${MAX_BODY_BYTES} bytes are taken`);
  const result = (await invoke(eventOf(request, body))) as APIGatewayProxyStructuredResultV2;
  if (Buffer.byteLength(JSON.stringify(result)) > MAX_BODY_BYTES)
    throw new Error(`a function answered more than the ${MAX_BODY_BYTES} bytes that Lambda passes on`);
  const headers = Object.fromEntries(
    Object.entries(result.headers ?? {}).map(([name, value]) => [name, String(value)]),
  );
  response.writeHead(result.statusCode ?? 200, headers);
  response.end(Buffer.from(result.body ?? "", result.isBase64Encoded ? "base64" : "utf8"));
}

function problem(response: ServerResponse, status: number, code: string, detail: string): void {
  response.writeHead(status, { "content-type": "application/problem+json", connection: "close" });
  response.end(JSON.stringify({ type: "about:blank", status, code, detail }));
}

/** Undefined when there is too much of it. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

function eventOf(request: IncomingMessage, body: Buffer): APIGatewayProxyEventV2 {
  // Not as a relative reference: "//name/path" would be another host's.
  const url = new URL(`http://localhost${request.url}`);
  const method = request.method ?? "GET";
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
  );
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: url.pathname,
    rawQueryString: url.search.slice(1),
    headers,
    ...(url.search.length > 1 && { queryStringParameters: parametersOf(url.searchParams) }),
    requestContext: {
      domainName: headers["host"],
      http: {
        method,
        path: url.pathname,
        protocol: "HTTP/1.1",
        sourceIp: "127.0.0.1",
        userAgent: headers["user-agent"] ?? "",
      },
      stage: "$default",
    } as APIGatewayProxyEventV2["requestContext"],
    ...(body.length > 0 && { body: body.toString("base64") }),
    isBase64Encoded: body.length > 0,
  };
}

/** What is given twice is one value with a comma, as in headers. */
const parametersOf = (given: URLSearchParams): Record<string, string> =>
  Object.fromEntries([...given.keys()].map((name) => [name, given.getAll(name).join(",")]));
