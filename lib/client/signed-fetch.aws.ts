import { SignatureV4 } from "@smithy/signature-v4";
import { Sha256 } from "../sha256.ts";
import type { Surroundings } from "./api-client.ts";

interface Signing {
  readonly region: string;
  /** Asked for each request: credentials of a role are renewed while a command watches. */
  readonly credentials: ConstructorParameters<typeof SignatureV4>[0]["credentials"];
}

/**
 * Sends requests as an AWS identity, for routes of an API Gateway that IAM guards. Headers, query and body are signed.
 * (docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html)
 *
 * The signer is no part of what programs load that have a job's key.
 */
export function signedFetch(
  { region, credentials }: Signing,
  { clock, fetch }: Pick<Surroundings, "clock" | "fetch">,
): Surroundings["fetch"] {
  const signer = new SignatureV4({ service: "execute-api", region, credentials, sha256: Sha256 });
  return async (url, init) => {
    const query = Object.fromEntries(url.searchParams);
    const signed = await signer.sign(
      {
        method: init.method ?? "GET",
        protocol: url.protocol,
        hostname: url.hostname,
        path: url.pathname,
        query,
        headers: { ...Object.fromEntries(new Headers(init.headers)), host: url.host },
        body: init.body,
      },
      { signingDate: new Date(clock.now()) },
    );
    // `fetch` gives the host by itself.
    const { host: _, ...headers } = signed.headers;
    return fetch(asSigned(url, query), { ...init, headers });
  };
}

/** The query as it was signed. `URLSearchParams` writes "+" for a blank, which the other side may take for a plus. */
function asSigned(url: URL, query: Readonly<Record<string, string>>): URL {
  const sent = new URL(url);
  sent.search = Object.entries(query)
    .map((pair) => pair.map(encoded).join("="))
    .join("&");
  return sent;
}

/** RFC 3986: what `encodeURIComponent` leaves as it is, and a signature does not. */
const encoded = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
