import type { Logger } from "../log.ts";
import { type ApiResponse, Problem } from "./http.ts";
import type { Route } from "./route.ts";

/** From what a gateway hands over to what it takes back: API Gateway's payload format 2.0, as far as it is used. */

interface GatewayEvent {
  readonly body?: string;
  readonly isBase64Encoded?: boolean;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly pathParameters?: Readonly<Record<string, string | undefined>>;
  readonly queryStringParameters?: Readonly<Record<string, string | undefined>>;
  readonly requestContext?: { readonly domainName?: string };
}

export interface GatewayResult {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Answers a request, whatever becomes of it. */
export async function respond<Dependencies>(
  route: Route<Dependencies>,
  { body = "", isBase64Encoded = false, headers = {}, ...event }: GatewayEvent,
  dependencies: Dependencies,
  log: Logger,
): Promise<GatewayResult> {
  try {
    const text = isBase64Encoded ? decodeUtf8(Buffer.from(body, "base64")) : body;
    const { pathParameters = {}, queryStringParameters = {}, requestContext = {} } = event;
    const request = {
      params: given(pathParameters),
      query: given(queryStringParameters),
      headers: given(headers),
      body: text,
      origin: originOf(requestContext.domainName),
    };
    return resultOf(await route.handle(request, dependencies));
  } catch (error) {
    if (error instanceof Problem) return resultOf(error.response());
    log("error", (error as Error).message, { path: route.path });
    return resultOf(
      new Problem(503, "unavailable", "a service behind the API failed", "try again").response(),
    );
  }
}

export const noRoute = (method: string, path: string): GatewayResult =>
  resultOf(
    new Problem(404, "no-route", `there is no ${method} ${path}`, "GET / lists the routes").response(),
  );

/** An HTTP API of API Gateway is reached by HTTPS alone, the local gateway without. */
const originOf = (domain = "127.0.0.1"): string =>
  `${/^(127\.0\.0\.1|localhost)(:|$)/.test(domain) ? "http" : "https"}://${domain}`;

function decodeUtf8(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Problem(400, "not-utf-8", "the body is not valid UTF-8", "send one JSON object, in UTF-8");
  }
}

const given = (values: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );

const resultOf = ({ status, contentType, body }: ApiResponse): GatewayResult => ({
  statusCode: status,
  headers: {
    "content-type": contentType,
    "cache-control": "no-store",
    // It was not the caller's fault, and may go well the next time.
    ...(status === 503 && { "retry-after": "1" }),
  },
  body: JSON.stringify(body),
});
