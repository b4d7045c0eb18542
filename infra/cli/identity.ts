import type { Surroundings } from "../../lib/client/api-client.ts";
import { MillraceError } from "../../lib/errors.ts";

/** Who asks a deployed API, whose routes for operators are guarded by IAM, or by a JWT. */

/** `ID.execute-api.REGION.amazonaws.com`, in every partition. */
const GATEWAY = /\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?$/;

export interface Identity {
  /** Whether requests are signed; by default those to a host that is an API Gateway's. */
  readonly sign?: boolean | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The world with requests to the API made as an operator. What has a credential, or goes elsewhere, is left as it is. */
export function identified<World extends Surroundings>(world: World, url: string, identity: Identity): World {
  if (!URL.canParse(url)) return world;
  const api = new URL(url);
  const send = operatorsFetch(world, api, identity);
  const isOperators = (to: URL, { headers }: RequestInit): boolean =>
    to.origin === api.origin && !new Headers(headers).has("authorization");
  return { ...world, fetch: (to, init) => (isOperators(to, init) ? send : world.fetch)(to, init) };
}

function operatorsFetch(world: Surroundings, api: URL, { sign, env }: Identity): Surroundings["fetch"] {
  const region = GATEWAY.exec(api.hostname)?.[1];
  const jwt = env["MILLRACE_JWT"];
  if (jwt && sign !== true) {
    return (to, init) =>
      world.fetch(to, { ...init, headers: { ...init.headers, authorization: `Bearer ${jwt}` } });
  }
  if (!(sign ?? region !== undefined)) return world.fetch;
  let signed: Promise<Surroundings["fetch"]> | undefined;
  return async (to, init) => {
    signed ??= signing(world, region ?? regionIn(env));
    return (await signed)(to, init);
  };
}

/** @throws MillraceError when neither the host nor the environment says where the API is */
function regionIn({ AWS_REGION, AWS_DEFAULT_REGION }: Identity["env"]): string {
  const region = AWS_REGION || AWS_DEFAULT_REGION;
  if (region) return region;
  throw new MillraceError(
    "no-region",
    "a signature names the API's region, and the URL does not say which it is",
    {
      hint: "set AWS_REGION",
    },
  );
}

/** The signer and the SDK's search for credentials are loaded only here: other commands need neither. */
async function signing(world: Surroundings, region: string): Promise<Surroundings["fetch"]> {
  const [{ signedFetch }, { defaultProvider }] = await Promise.all([
    import("../../lib/client/signed-fetch.aws.ts"),
    import("@aws-sdk/credential-provider-node"),
  ]);
  const search = defaultProvider();
  const credentials = () =>
    search().catch((cause: Error) => {
      throw new MillraceError(
        "no-credentials",
        `the API asks for a signature, and there is nothing to sign with: ${cause.message}`,
        {
          hint: "sign in (aws sso login, aws configure), or set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; aws sts get-caller-identity tells who you are",
          cause,
        },
      );
    });
  return signedFetch({ region, credentials }, world);
}
