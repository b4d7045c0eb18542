import type { Clock } from "../clock.ts";
import { MillraceError } from "../errors.ts";
import type { BearerToken } from "./bearer.k8s.ts";
import type { ClusterAccess } from "./cluster.k8s.ts";
import { eksTokens } from "./eks-token.aws.ts";

type Env = Readonly<Record<string, string | undefined>>;

/**
 * How a function reaches the cluster:
 *
 * - EKS: `MILLRACE_CLUSTER` (its name), `MILLRACE_CLUSTER_ENDPOINT`, `MILLRACE_CLUSTER_CA` (base64), and the function's role;
 * - a token: `MILLRACE_CLUSTER_ENDPOINT`, `MILLRACE_CLUSTER_TOKEN`, perhaps `MILLRACE_CLUSTER_CA`;
 * - `KUBECONFIG`, a file with a current context.
 *
 * @throws MillraceError naming what is missing
 */
export async function clusterAccess(env: Env, clock: Clock): Promise<ClusterAccess> {
  const endpoint = env["MILLRACE_CLUSTER_ENDPOINT"];
  if (endpoint === undefined) {
    if (env["KUBECONFIG"] !== undefined) {
      // In a file of its own: named imports are bundled alone, a package that is imported by its name as a whole.
      const { fromKubeconfig } = await import("./kubeconfig.k8s.ts");
      return fromKubeconfig(env["KUBECONFIG"]);
    }
    throw new MillraceError("no-cluster", "MILLRACE_CLUSTER_ENDPOINT is not set, nor is KUBECONFIG", {
      hint: "name the cluster that images run in",
    });
  }
  const ca = env["MILLRACE_CLUSTER_CA"];
  return {
    endpoint,
    ...(ca !== undefined && { ca: Buffer.from(ca, "base64").toString("utf8") }),
    token: tokenOf(env, clock),
  };
}

function tokenOf(env: Env, clock: Clock): BearerToken {
  const { MILLRACE_CLUSTER: cluster, MILLRACE_CLUSTER_TOKEN: token, AWS_REGION: region } = env;
  if (token !== undefined) return async () => token;
  if (cluster === undefined || region === undefined) {
    throw new MillraceError("no-cluster-token", "nothing says how the cluster knows who is asking", {
      hint: "set MILLRACE_CLUSTER (an EKS cluster's name) and AWS_REGION, or MILLRACE_CLUSTER_TOKEN",
    });
  }
  const needed = (name: string): string => {
    const value = env[name];
    if (value) return value;
    throw new MillraceError("no-credentials", `${name} is not set`, { hint: "give the function a role" });
  };
  const credentials = () => ({
    accessKeyId: needed("AWS_ACCESS_KEY_ID"),
    secretAccessKey: needed("AWS_SECRET_ACCESS_KEY"),
    ...(env["AWS_SESSION_TOKEN"] !== undefined && { sessionToken: env["AWS_SESSION_TOKEN"] }),
  });
  return eksTokens({ cluster, region, credentials }, clock);
}
