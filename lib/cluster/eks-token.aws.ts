import { SignatureV4 } from "@smithy/signature-v4";
import type { Clock } from "../clock.ts";
import { Sha256 } from "../sha256.ts";

/**
 * A bearer token for the API of an EKS cluster: a presigned request to STS, which the cluster's authenticator sends on to
 * learn who made it. Nothing is sent from here. (github.com/kubernetes-sigs/aws-iam-authenticator, `pkg/token/token.go`)
 */

const PREFIX = "k8s-aws-v1.";
const CLUSTER_HEADER = "x-k8s-aws-id";
/** In the URL; the authenticator does not look at it. */
const EXPIRES_SECONDS = 60;
/** The authenticator takes a token for 15 minutes from when it was signed. */
const RENEW_MS = 10 * 60_000;

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface EksCluster {
  readonly cluster: string;
  readonly region: string;
  /** Asked anew for each token: a function's credentials change while it lives. */
  readonly credentials: () => AwsCredentials;
}

/** Tokens of one cluster, each used for ten minutes, or until the cluster has refused it. */
export function eksTokens(eks: EksCluster, clock: Clock): (refused?: string) => Promise<string> {
  let current: { readonly token: Promise<string>; readonly until: number } | undefined;
  const renewed = (): Promise<string> => {
    const now = clock.now();
    const token = eksToken(eks, now);
    const made = { token, until: now + RENEW_MS };
    current = made;
    token.catch(() => {
      if (current === made) current = undefined;
    });
    return token;
  };
  return async (refused) => {
    const kept = current;
    if (!kept || clock.now() >= kept.until) return renewed();
    const token = await kept.token;
    if (token !== refused) return token;
    // Of several requests that were refused at once, the first has seen to it.
    return current === undefined || current === kept ? renewed() : current.token;
  };
}

/** @param now milliseconds since 1970 */
export async function eksToken({ cluster, region, credentials }: EksCluster, now: number): Promise<string> {
  const host = `sts.${region}.amazonaws.com`;
  const signer = new SignatureV4({
    service: "sts",
    region,
    credentials: credentials(),
    sha256: Sha256,
    applyChecksum: false,
  });
  const { query = {} } = await signer.presign(
    {
      method: "GET",
      protocol: "https:",
      hostname: host,
      path: "/",
      query: { Action: "GetCallerIdentity", Version: "2011-06-15" },
      headers: { host, [CLUSTER_HEADER]: cluster },
    },
    {
      expiresIn: EXPIRES_SECONDS,
      signingDate: new Date(now),
      // The authenticator checks that the signature covers the cluster's name, as a header.
      unhoistableHeaders: new Set([CLUSTER_HEADER]),
      signableHeaders: new Set(["host", CLUSTER_HEADER]),
    },
  );
  const parameters = Object.entries(query).map(([name, value]) => [name, String(value)]);
  const url = `https://${host}/?${parameters.map((pair) => pair.map((text) => encodeURIComponent(text ?? "")).join("=")).join("&")}`;
  return PREFIX + Buffer.from(url).toString("base64url");
}
