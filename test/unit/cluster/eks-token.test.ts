import { expect, test } from "vitest";
import { eksToken, eksTokens } from "../../../lib/cluster/eks-token.aws.ts";
import { NEW_YEAR, VirtualClock } from "../../virtual-clock.ts";

const CREDENTIALS = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};
const EKS = { cluster: "prod", region: "eu-central-1", credentials: () => CREDENTIALS };

/** Query parameters that the authenticator takes (aws-iam-authenticator, `parameterWhitelist`); any other is an error. */
const TAKEN = new Set([
  "action",
  "version",
  "x-amz-algorithm",
  "x-amz-credential",
  "x-amz-date",
  "x-amz-expires",
  "x-amz-security-token",
  "x-amz-signature",
  "x-amz-signedheaders",
]);

/** What the authenticator's `Verify` looks at, in its order. */
function verify(token: string, now: number): URL {
  if (token.length > 4096) throw new Error("token is too large");
  if (!token.startsWith("k8s-aws-v1.")) throw new Error("no prefix");
  const url = new URL(Buffer.from(token.slice("k8s-aws-v1.".length), "base64url").toString());
  if (url.protocol !== "https:") throw new Error(`unexpected scheme ${url.protocol}`);
  if (!/^sts\.[a-z0-9-]+\.amazonaws\.com$/.test(url.host)) throw new Error(`unexpected hostname ${url.host}`);
  if (url.pathname !== "/") throw new Error("unexpected path");
  const names = [...url.searchParams.keys()].map((name) => name.toLowerCase());
  if (new Set(names).size < names.length) throw new Error("duplicate query parameter");
  const unknown = names.find((name) => !TAKEN.has(name));
  if (unknown !== undefined) throw new Error(`non-whitelisted query parameter ${unknown}`);
  const get = (name: string): string => url.searchParams.get(name) ?? "";
  if (get("Action") !== "GetCallerIdentity") throw new Error("unexpected action");
  if (!get("X-Amz-SignedHeaders").split(";").includes("x-k8s-aws-id"))
    throw new Error("client did not sign the x-k8s-aws-id header");
  const expires = Number(get("X-Amz-Expires"));
  if (!(expires >= 0 && expires <= 900)) throw new Error("invalid X-Amz-Expires");
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(get("X-Amz-Date")) ?? [];
  const signed = Date.UTC(Number(y), Number(mo) - 1, Number(d), Number(h), Number(mi), Number(s));
  if (!(now < signed + 15 * 60_000)) throw new Error("X-Amz-Date parameter is expired");
  return url;
}

test("the authenticator's rules are kept", async () => {
  const url = verify(await eksToken(EKS, NEW_YEAR), NEW_YEAR + 14 * 60_000);
  expect(url.host).toBe("sts.eu-central-1.amazonaws.com");
  expect(url.searchParams.get("X-Amz-Credential")).toBe("AKIDEXAMPLE/20260101/eu-central-1/sts/aws4_request");
  expect(url.searchParams.get("X-Amz-SignedHeaders")).toBe("host;x-k8s-aws-id");
  expect(url.searchParams.get("X-Amz-Signature")).toMatch(/^[0-9a-f]{64}$/);
});

test("a role's session token goes along, and the whole stays below 4096 bytes", async () => {
  const credentials = () => ({ ...CREDENTIALS, sessionToken: "s/+=".repeat(250) });
  const token = await eksToken({ ...EKS, credentials }, NEW_YEAR);
  expect(verify(token, NEW_YEAR).searchParams.get("X-Amz-Security-Token")).toBe("s/+=".repeat(250));
});

test("another cluster's name gives another signature", async () => {
  const [one, other] = await Promise.all([
    eksToken(EKS, NEW_YEAR),
    eksToken({ ...EKS, cluster: "dev" }, NEW_YEAR),
  ]);
  const signature = (token: string) => verify(token, NEW_YEAR).searchParams.get("X-Amz-Signature");
  expect(signature(one)).not.toBe(signature(other));
});

test("a token is used for ten minutes, and no longer", async () => {
  const clock = new VirtualClock();
  let asked = 0;
  const token = eksTokens(
    {
      ...EKS,
      credentials: () => {
        asked += 1;
        return CREDENTIALS;
      },
    },
    clock,
  );
  const first = await token();
  clock.advance(599_000);
  expect(await token()).toBe(first);
  expect(asked).toBe(1);
  clock.advance(1000);
  expect(await token()).not.toBe(first);
  expect(asked).toBe(2);
});

test("a token that was refused is replaced before its time, once for all who were refused with it", async () => {
  const clock = new VirtualClock();
  let made = 0;
  const credentials = () => {
    made += 1;
    return CREDENTIALS;
  };
  const token = eksTokens({ ...EKS, credentials }, clock);
  const first = await token();
  clock.advance(60_000);
  expect(await token("some other token")).toBe(first);
  const [second, third] = await Promise.all([token(first), token(first)]);
  expect(second).not.toBe(first);
  expect(third).toBe(second);
  // The two of one second are equal by themselves.
  expect(made).toBe(2);
  expect(await token()).toBe(second);
  expect(verify(second ?? "", clock.now()).searchParams.get("X-Amz-Date")).toBe("20260101T000100Z");
});

test("without credentials nothing is kept: the next call asks again", async () => {
  let isReady = false;
  const credentials = () => {
    if (isReady) return CREDENTIALS;
    throw new Error("no role");
  };
  const token = eksTokens({ ...EKS, credentials }, new VirtualClock());
  await expect(token()).rejects.toThrow("no role");
  isReady = true;
  expect(await token()).toContain("k8s-aws-v1.");
});
