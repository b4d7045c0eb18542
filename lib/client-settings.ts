/**
 * How every client of AWS is set up, from the environment.
 *
 * An endpoint from the environment is passed on explicitly: with the variable alone, the SQS client (3.1169) takes the
 * host of each queue's URL instead.
 */

export type Env = Readonly<Record<string, string | undefined>>;

export type Service = "SQS" | "S3" | "DYNAMODB" | "EVENTBRIDGE" | "SECRETS_MANAGER";

/**
 * Milliseconds. A call that nobody answers must fail while there is time to do something about it: three tries of the two
 * that a hop is made of fit into what a function keeps for them (`LIGHT_OVERHEAD_SECONDS`), and are far from the claim's
 * end. A bucket is given longer, because a request carries up to 5 MiB.
 */
export const REQUEST_MS: Readonly<Record<Service, number>> = {
  SQS: 4000,
  DYNAMODB: 4000,
  EVENTBRIDGE: 4000,
  SECRETS_MANAGER: 4000,
  S3: 30_000,
};
/** Said here because the clients differ: DynamoDB's would try four times (3.1162), longer than a function has left. */
export const TRIES = 3;
const CONNECT_MS = 2000;
/** Without a single byte: a body that stopped half-way. */
const SILENCE_MS = 10_000;

/** @throws Error when it is not said, and this is a laptop */
export function endpointOf(service: Service, env: Env): string | undefined {
  const endpoint = env[`AWS_ENDPOINT_URL_${service}`] ?? env["AWS_ENDPOINT_URL"];
  if (endpoint === undefined && env["MILLRACE_LOCAL"] !== undefined) {
    throw new Error(
      `AWS_ENDPOINT_URL_${service} is not set: on this machine nothing may reach AWS by accident`,
    );
  }
  return endpoint;
}

export function settings(service: Service, env: Env, requestMs = REQUEST_MS[service]) {
  const endpoint = endpointOf(service, env);
  const isLoopback = endpoint !== undefined && new URL(endpoint).hostname === "127.0.0.1";
  return {
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      requestTimeout: requestMs,
      socketTimeout: Math.max(SILENCE_MS, requestMs),
      throwOnRequestTimeout: true,
    },
    maxAttempts: Number(env["AWS_MAX_ATTEMPTS"]) || TRIES,
    ...(endpoint !== undefined && { endpoint, region: env["AWS_REGION"] ?? "us-east-1" }),
    ...credentialsOf(env),
    // Signing costs as much as the rest of a request, and nobody on the loopback interface looks at it.
    ...(isLoopback && { signer: { sign: unsigned } }),
  };
}

/** From the environment that was given, which need not be this process's. Elsewhere the SDK's own chain finds them. */
function credentialsOf({ AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN }: Env) {
  if (AWS_ACCESS_KEY_ID === undefined || AWS_SECRET_ACCESS_KEY === undefined) return {};
  return {
    credentials: {
      accessKeyId: AWS_ACCESS_KEY_ID,
      secretAccessKey: AWS_SECRET_ACCESS_KEY,
      ...(AWS_SESSION_TOKEN !== undefined && { sessionToken: AWS_SESSION_TOKEN }),
    },
  };
}

/** What an emulator needs to see in place of a signature; DynamoDB's insists on its form. */
const PLACEHOLDER =
  "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/local/aws4_request, SignedHeaders=host;x-amz-date, Signature=0";

async function unsigned<Request extends { headers: Record<string, string> }>(
  request: Request,
): Promise<Request> {
  request.headers["authorization"] = PLACEHOLDER;
  request.headers["x-amz-date"] = "20260101T000000Z";
  return request;
}
