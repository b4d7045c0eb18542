import { expect, test } from "vitest";
import { ApiClient, path } from "../../../lib/client/api-client.ts";
import { signedFetch } from "../../../lib/client/signed-fetch.aws.ts";
import { realSurroundings } from "../../../lib/client/surroundings.ts";
import { iamGateway, signatureOf } from "../../iam-gateway.ts";
import { VirtualClock } from "../../virtual-clock.ts";

const IDENTITY = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret", sessionToken: "session/+=" };
const REGION = "eu-west-1";

async function signing(credentials = IDENTITY, region = REGION) {
  const gateway = await iamGateway(IDENTITY, REGION);
  const clock = new VirtualClock(Date.UTC(2026, 10, 22, 20));
  const world = { ...realSurroundings, clock };
  const fetch = signedFetch({ credentials, region }, world);
  return { ...gateway, client: new ApiClient(gateway.url, { ...world, fetch }) };
}

// The suite of test vectors that AWS has published for Signature Version 4 (aws-sig-v4-test-suite).
test.for([
  ["GET", "/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"],
  ["POST", "/", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"],
  [
    "GET",
    "/?Param2=value2&Param1=value1",
    "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
  ],
] as const)(
  "the gateway of these tests computes the published signature: %s %s",
  ([method, target, signature]) => {
    const headers = { host: "example.amazonaws.com", "x-amz-date": "20150830T123600Z" };
    const identity = {
      accessKeyId: "AKIDEXAMPLE",
      secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    };
    const scope = { region: "us-east-1", service: "service" };
    expect(signatureOf({ method, target, headers, body: "" }, ["host", "x-amz-date"], identity, scope)).toBe(
      signature,
    );
  },
);

test("a query, whatever is in it, is sent as it was signed", async () => {
  const { client, admitted, refused } = await signing();
  const query = { message: "a b+c&d=e/é*'()~!", after: "x", limit: 5, none: undefined };
  await client.request({ method: "GET", path: "/v1/pipelines/p/dead", query, isRepeatable: true });
  expect(refused).toEqual([]);
  expect(admitted.map(({ target }) => target)).toEqual([
    "/v1/pipelines/p/dead?message=a%20b%2Bc%26d%3De%2F%C3%A9%2A%27%28%29~%21&after=x&limit=5",
  ]);
});

test("a path with encoded parts, a body and the session are signed", async () => {
  const { client, admitted, refused } = await signing();
  const body = { data: { text: "ü" }, key: "k" };
  await client.request({ method: "POST", path: path`/v1/jobs/${"a b/../é"}/key`, body, isRepeatable: false });
  expect(refused).toEqual([]);
  expect(admitted).toMatchObject([
    {
      target: "/v1/jobs/a%20b%2F..%2F%C3%A9/key",
      body: '{"data":{"text":"ü"},"key":"k"}',
      headers: {
        "content-type": "application/json",
        "x-amz-date": "20261122T200000Z",
        "x-amz-security-token": "session/+=",
      },
    },
  ]);
});

test.for([
  ["a wrong secret", { ...IDENTITY, secretAccessKey: "other" }, REGION, "another signature"],
  ["another region", IDENTITY, "eu-west-2", "another scope"],
  ["a session that ended", { ...IDENTITY, sessionToken: "old" }, REGION, "another session"],
] as const)("%s is refused, and the error says how to be admitted", async ([, identity, region, why]) => {
  const { client, refused } = await signing(identity, region);
  const request = client.request({ method: "GET", path: "/v1/pipelines", isRepeatable: true });
  await expect(request).rejects.toMatchObject({
    status: 403,
    code: "not-admitted",
    message: "the API's gateway answered 403: Forbidden",
    hint: expect.stringContaining("aws sts get-caller-identity"),
  });
  expect(refused).toEqual([why]);
});

test("credentials are asked for with each request", async () => {
  const gateway = await iamGateway(IDENTITY, REGION);
  const held = [{ ...IDENTITY, sessionToken: "old" }, IDENTITY];
  const credentials = async () => held.shift() ?? IDENTITY;
  const fetch = signedFetch({ credentials, region: REGION }, realSurroundings);
  const client = new ApiClient(gateway.url, { ...realSurroundings, fetch });
  const look = { method: "GET", path: "/", isRepeatable: true } as const;
  await expect(client.request(look)).rejects.toMatchObject({ status: 403 });
  expect(await client.request(look)).toEqual({});
});
