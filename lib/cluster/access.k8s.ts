import type { ClientRequestArgs } from "node:http";
import type { RequestOptions } from "node:https";
import type { Clock } from "../clock.ts";
import { MillraceError } from "../errors.ts";
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
    if (env["KUBECONFIG"] !== undefined) return fromKubeconfig(env["KUBECONFIG"]);
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

function tokenOf(env: Env, clock: Clock): () => Promise<string> {
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

/** Read by the client's own reader, plugins for credentials included. It is loaded only here: it weighs as much as all else. */
async function fromKubeconfig(file: string): Promise<ClusterAccess> {
  const { KubeConfig } = await import("@kubernetes/client-node");
  const config = new KubeConfig();
  try {
    config.loadFromFile(file);
  } catch (cause) {
    throw new MillraceError("kubeconfig", `KUBECONFIG=${file}: ${(cause as Error).message}`, { cause });
  }
  const cluster = config.getCurrentCluster();
  if (!cluster) {
    throw new MillraceError("kubeconfig", `KUBECONFIG=${file} has no current context with a cluster`, {
      hint: "kubectl config use-context NAME",
    });
  }
  if (cluster.skipTLSVerify && cluster.server.startsWith("https:")) {
    throw new MillraceError("kubeconfig", `KUBECONFIG=${file} says insecure-skip-tls-verify`, {
      hint: "give the cluster's certificate: certificate-authority",
    });
  }
  const options = async (): Promise<RequestOptions & ClientRequestArgs> => {
    const applied: RequestOptions = {};
    await config.applyToHTTPSOptions(applied);
    return applied;
  };
  const { ca, cert, key, headers } = await options();
  const hasToken = bearerOf(headers) !== undefined;
  return {
    endpoint: cluster.server,
    ...textOf("ca", ca),
    ...textOf("cert", cert),
    ...textOf("key", key),
    // Asked anew each time: a plugin's token is good for some minutes, and the reader knows for how many.
    ...(hasToken && { token: async () => bearerOf((await options()).headers) ?? "" }),
  };
}

const bearerOf = (headers: RequestOptions["headers"]): string | undefined => {
  const value = (headers as Record<string, unknown> | undefined)?.["Authorization"];
  return typeof value === "string" ? value.replace(/^Bearer /, "") : undefined;
};

const textOf = (name: "ca" | "cert" | "key", value: unknown): Partial<Record<typeof name, string>> =>
  typeof value === "string" || Buffer.isBuffer(value) ? { [name]: value.toString() } : {};
