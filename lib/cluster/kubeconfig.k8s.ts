import type { ClientRequestArgs } from "node:http";
import type { RequestOptions } from "node:https";
import { KubeConfig } from "@kubernetes/client-node";
import { MillraceError } from "../errors.ts";
import type { ClusterAccess } from "./cluster.k8s.ts";

/** The way that a kubeconfig's current context says, read by the client's own reader, plugins for credentials included. */
export async function fromKubeconfig(file: string): Promise<ClusterAccess> {
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
