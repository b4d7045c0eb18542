import { SignatureV4 } from "@smithy/signature-v4";
import * as z from "zod/mini";
import { type Env, endpointOf, REQUEST_MS, TRIES } from "../client-settings.ts";
import { type Clock, sleep } from "../clock.ts";
import { Sha256 } from "../sha256.ts";
import type { ReadSecret } from "./secrets.ts";

/** A rotated secret is known after so long; asking for every token would cost $5 a million. */
const KEPT_MS = 5 * 60_000;
const PAUSE_MS = 200;

const Answer = z.object({ SecretString: z.string() });
const Refusal = z.object({ __type: z._default(z.string(), "") });

/**
 * AWS Secrets Manager, as far as a stage needs it: the text of a secret by its name. One signed request, for which its
 * client would be 50 KB.
 * (docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html)
 */
export function managedSecrets(clock: Clock, env: Env = process.env): ReadSecret {
  const url = endpoint(env);
  const kept = new Map<string, { readonly text: Promise<string>; readonly until: number }>();
  return (name) => {
    const known = kept.get(name);
    const now = clock.now();
    if (known && now < known.until) return known.text;
    const text = fetchSecret(name, { clock, env, url });
    kept.set(name, { text, until: now + KEPT_MS });
    text.catch(() => kept.delete(name));
    return text;
  };
}

interface Manager {
  readonly clock: Clock;
  readonly env: Env;
  readonly url: URL;
}

/** @throws Error on a laptop, when it is not said */
function endpoint(env: Env): URL {
  const region = regionOf(env);
  const domain = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  return new URL(endpointOf("SECRETS_MANAGER", env) ?? `https://secretsmanager.${region}.${domain}`);
}

const regionOf = (env: Env): string => env["AWS_REGION"] ?? "us-east-1";

async function fetchSecret(name: string, manager: Manager): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask(name, manager);
    } catch (error) {
      if (error instanceof Refused || attempt === TRIES) throw error;
      await sleep(manager.clock, PAUSE_MS * 2 ** attempt);
    }
  }
}

/** Asking again would change nothing. */
class Refused extends Error {
  override readonly name = "Refused";
}

async function ask(name: string, manager: Manager): Promise<string> {
  const { headers, body } = await signed(name, manager);
  const response = await fetch(manager.url, {
    method: "POST",
    headers,
    body,
    signal: AbortSignal.timeout(REQUEST_MS.SECRETS_MANAGER),
  });
  const answer: unknown = await response.json();
  if (response.ok) {
    const result = Answer.safeParse(answer);
    if (result.success) return result.data.SecretString;
    throw new Refused(`the secret "${name}" has no text: give it one, as JSON {"VARIABLE": "value"}`);
  }
  const refusal = Refusal.safeParse(answer);
  const type = refusal.success ? refusal.data.__type.replace(/^.*#/, "") : "";
  const isOurs = response.status < 500 && !/Throttling|LimitExceeded/.test(type);
  const message = `Secrets Manager did not give the secret "${name}" (${response.status} ${type})${hintFor(type, name)}`;
  throw isOurs ? new Refused(message) : new Error(message);
}

const hintFor = (type: string, name: string): string =>
  type === "ResourceNotFoundException"
    ? `: make it with aws secretsmanager create-secret --name ${name} --secret-string file://FILE`
    : "";

async function signed(name: string, { clock, env, url }: Manager) {
  const body = JSON.stringify({ SecretId: name });
  const signer = new SignatureV4({
    service: "secretsmanager",
    region: regionOf(env),
    // Lambda sets them anew with each environment, and they last as long as it does.
    credentials: {
      accessKeyId: env["AWS_ACCESS_KEY_ID"] ?? "",
      secretAccessKey: env["AWS_SECRET_ACCESS_KEY"] ?? "",
      ...(env["AWS_SESSION_TOKEN"] !== undefined && { sessionToken: env["AWS_SESSION_TOKEN"] }),
    },
    sha256: Sha256,
  });
  const { headers } = await signer.sign(
    {
      method: "POST",
      protocol: url.protocol,
      hostname: url.hostname,
      path: "/",
      query: {},
      headers: {
        host: url.host,
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": "secretsmanager.GetSecretValue",
      },
      body,
    },
    { signingDate: new Date(clock.now()) },
  );
  return { headers, body };
}
