import { expect, test, vi } from "vitest";
import { identified } from "../../../infra/cli/identity.ts";
import { realSurroundings } from "../../../lib/client/surroundings.ts";

const API = "https://a1b2c3.execute-api.eu-central-1.amazonaws.com";
const LOCAL = "http://127.0.0.1:7420";

/** What is sent, when it is sent by somebody. */
function sending(url: string, { sign, ...env }: { sign?: boolean; [variable: string]: unknown } = {}) {
  vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
  vi.stubEnv("AWS_PROFILE", undefined);
  vi.stubEnv("AWS_SESSION_TOKEN", undefined);
  const sent: (string | null)[] = [];
  const world = {
    ...realSurroundings,
    fetch: async (_: URL, { headers }: RequestInit) => {
      sent.push(new Headers(headers).get("authorization"));
      return new Response("{}");
    },
  };
  const { fetch } = identified(world, url, { sign, env: env as Record<string, string> });
  return { sent, ask: (to = url, init: RequestInit = {}) => fetch(new URL("/v1/pipelines", to), init) };
}

test.for([
  [API, "eu-central-1"],
  ["https://a1b2c3.execute-api.cn-north-1.amazonaws.com.cn/", "cn-north-1"],
  ["https://a1b2c3.execute-api.us-gov-west-1.amazonaws.com:443", "us-gov-west-1"],
] as const)("what goes to %s is signed by itself, for its region", async ([url, region]) => {
  const { sent, ask } = sending(url, { AWS_REGION: "us-east-1" });
  await ask();
  expect(sent).toEqual([
    expect.stringMatching(
      new RegExp(`^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/\\d{8}/${region}/execute-api/aws4_request, `),
    ),
  ]);
});

test.for([
  LOCAL,
  "https://a1b2c3.execute-api.eu-central-1.amazonaws.com.example.org",
  "https://execute-api.example.org",
])("what goes to %s is signed only when that is asked for", async (url) => {
  const plain = sending(url);
  await plain.ask();
  expect(plain.sent).toEqual([null]);
  const signed = sending(url, { sign: true, AWS_REGION: "eu-west-3" });
  await signed.ask();
  expect(signed.sent).toEqual([expect.stringContaining("/eu-west-3/execute-api/")]);
});

test("--no-sign leaves a gateway's requests alone", async () => {
  const { sent, ask } = sending(API, { sign: false });
  await ask();
  expect(sent).toEqual([null]);
});

test("a JWT takes the signature's place, unless a signature is asked for", async () => {
  const { sent, ask } = sending(API, { MILLRACE_JWT: "a.b.c" });
  await ask();
  expect(sent).toEqual(["Bearer a.b.c"]);
  const asked = sending(API, { MILLRACE_JWT: "a.b.c", sign: true });
  await asked.ask();
  expect(asked.sent).toEqual([expect.stringMatching(/^AWS4-HMAC-SHA256 /)]);
});

test("a job's key goes as it is, and nobody else is shown who asks", async () => {
  for (const options of [{}, { MILLRACE_JWT: "a.b.c" }]) {
    const { sent, ask } = sending(API, options);
    await ask(API, { headers: { authorization: "Bearer mk1.key" } });
    await ask("https://bucket.s3.eu-central-1.amazonaws.com");
    expect(sent).toEqual(["Bearer mk1.key", null]);
  }
});

test("without a region nothing is sent", async () => {
  const { sent, ask } = sending(LOCAL, { sign: true, AWS_REGION: "" });
  await expect(ask()).rejects.toMatchObject({ code: "no-region", hint: "set AWS_REGION" });
  expect(sent).toEqual([]);
});
