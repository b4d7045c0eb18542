import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { setImmediate } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { secretsOf } from "../../../lib/stage/secrets.aws.ts";
import { managedSecrets } from "../../../lib/stage/secrets-manager.aws.ts";
import { VirtualClock } from "../../virtual-clock.ts";

interface Asked {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Answers one after the other, the last for ever. */
async function manager(
  ...answers: readonly [number, unknown][]
): Promise<{ asked: Asked[]; env: Record<string, string> }> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const [status, answer] = answers[Math.min(asked.length, answers.length - 1)] ?? [500, {}];
      asked.push({ headers: request.headers, body });
      response.writeHead(status).end(JSON.stringify(answer));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return {
    asked,
    env: {
      AWS_ENDPOINT_URL_SECRETS_MANAGER: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      AWS_REGION: "eu-west-1",
      AWS_ACCESS_KEY_ID: "AKIDEXAMPLE",
      AWS_SECRET_ACCESS_KEY: "wJalrXUtnFEMI",
      AWS_SESSION_TOKEN: "session",
    },
  };
}

const NOON = Date.UTC(2026, 0, 2, 12);
const hmac = (key: string | Buffer, data: string): Buffer => createHmac("sha256", key).update(data).digest();
const sha256 = (data: string): string => createHash("sha256").update(data).digest("hex");

/** Signature Version 4, written out (docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html). */
function signatureOf({ headers, body }: Asked): string {
  const names = /SignedHeaders=([^,]+)/.exec(headers.authorization ?? "")?.[1] ?? "";
  const listed = names.split(";").map((name) => `${name}:${String(headers[name])}\n`);
  const canonical = ["POST", "/", "", listed.join(""), names, sha256(body)].join("\n");
  const scope = "20260102/eu-west-1/secretsmanager/aws4_request";
  const toSign = ["AWS4-HMAC-SHA256", "20260102T120000Z", scope, sha256(canonical)].join("\n");
  const key = ["20260102", "eu-west-1", "secretsmanager", "aws4_request"].reduce<string | Buffer>(
    hmac,
    "AWS4wJalrXUtnFEMI",
  );
  return hmac(key, toSign).toString("hex");
}

test("a secret is asked for by name, in a signed request, and kept for five minutes", async () => {
  const { asked, env } = await manager(
    [200, { SecretString: '{"A":"1"}' }],
    [200, { SecretString: '{"A":"2"}' }],
  );
  const clock = new VirtualClock(NOON);
  const read = managedSecrets(clock, env);
  expect(await Promise.all([read("millrace/gpg"), read("millrace/gpg")])).toEqual(['{"A":"1"}', '{"A":"1"}']);
  expect(asked.map(({ body }) => body)).toEqual(['{"SecretId":"millrace/gpg"}']);
  const [first] = asked;
  expect(first?.headers["x-amz-target"]).toBe("secretsmanager.GetSecretValue");
  expect(first?.headers["x-amz-security-token"]).toBe("session");
  expect(first?.headers.authorization).toMatch(
    /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/20260102\/eu-west-1\/secretsmanager\/aws4_request, SignedHeaders=[a-z0-9;-]+, Signature=[0-9a-f]{64}$/,
  );
  expect(first?.headers.authorization?.split("Signature=")[1]).toBe(signatureOf(first!));
  clock.advance(299_000);
  expect(await read("millrace/gpg")).toBe('{"A":"1"}');
  clock.advance(2000);
  expect(await read("millrace/gpg")).toBe('{"A":"2"}');
});

test("what is not there is told with what to do, and asked for once", async () => {
  const { asked, env } = await manager([400, { __type: "ResourceNotFoundException", message: "no" }]);
  await expect(managedSecrets(new VirtualClock(NOON), env)("millrace/gpg")).rejects.toThrow(
    'did not give the secret "millrace/gpg" (400 ResourceNotFoundException): make it with aws secretsmanager create-secret --name millrace/gpg',
  );
  expect(asked).toHaveLength(1);
});

test("a service that fails is asked three times, and a failure is not kept", async () => {
  const failed = [500, { __type: "InternalServiceError" }] as const;
  const throttled = [400, { __type: "ThrottlingException" }] as const;
  const { asked, env } = await manager(
    [...failed],
    [...throttled],
    [...failed],
    [200, { SecretString: "{}" }],
  );
  const clock = new VirtualClock(NOON);
  const read = managedSecrets(clock, env);
  const outcome = expect(read("x")).rejects.toThrow('the secret "x" (500 InternalServiceError)');
  while (asked.length < 3) {
    clock.advance(1000);
    await setImmediate();
  }
  await outcome;
  expect(await read("x")).toBe("{}");
});

test("a binary secret has no text", async () => {
  const { env } = await manager([200, { SecretBinary: "AAAA" }]);
  await expect(managedSecrets(new VirtualClock(NOON), env)("x")).rejects.toThrow(
    'the secret "x" has no text',
  );
});

test("on a laptop nothing reaches AWS by accident", () => {
  const open = () => managedSecrets(new VirtualClock(NOON), { MILLRACE_LOCAL: "1" });
  expect(open).toThrow("AWS_ENDPOINT_URL_SECRETS_MANAGER is not set");
});

test("a folder comes before Secrets Manager", async () => {
  const read = secretsOf(
    { MILLRACE_SECRETS: "/nowhere", MILLRACE_SECRET_PREFIX: "millrace/" },
    new VirtualClock(NOON),
  );
  await expect(read("gpg")).rejects.toThrow("ENOENT");
});
