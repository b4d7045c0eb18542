import { delimiter, dirname } from "node:path";
import { MillraceError } from "../../lib/errors.ts";
import type { OnCall } from "./emulator.ts";
import { type Kubernetes, startKubernetes } from "./kubernetes/server.ts";

/** What heavy stages need of a cluster. */
export interface ClusterNeeds {
  readonly namespace: string;
  /** The words that stand in for an image on this machine: see `ResolveImage`. */
  readonly images: ReadonlyMap<string, readonly string[]>;
  /** Secrets that pods read, by name: their variables. */
  readonly secrets: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface LocalCluster {
  /** By which functions reach it: see `clusterAccess`. */
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** What has to be known of a cluster that is not our own. */
const FOREIGN_VARIABLES = {
  KUBECONFIG: "its file",
  MILLRACE_NAMESPACE: "a namespace that is no deployment's",
  MILLRACE_API_URL: "the URL by which its pods reach this machine",
  MILLRACE_AGENT_IMAGE: "an image of functions/agent that it can pull",
};

/** The functions' account. */
const ACCOUNT = "millrace";
/** For as long as the process lives. */
const TOKEN_SECONDS = 10 * 365 * 86_400;

/** What the functions may do in a cluster, here and there: nothing outside the namespace, and no secrets. */
const RULES = [
  { apiGroups: ["batch"], resources: ["jobs"], verbs: ["create", "get", "list", "watch", "delete", "patch"] },
  { apiGroups: [""], resources: ["pods", "pods/log", "events"], verbs: ["get", "list", "watch"] },
];

/**
 * Our own Kubernetes on the loopback interface, with a namespace as strict as one of a cluster should be, the pods'
 * secrets, and an account that may do no more than the functions need; or, when `KUBECONFIG` and `MILLRACE_NAMESPACE` name a
 * cluster and a namespace of it, that one as it is. Many have `KUBECONFIG` set for other ends; and in a namespace that is also a
 * deployment's, Jobs that this table does not know would be taken for orphans, and deleted.
 *
 * @throws MillraceError when the service cannot start on what the folder holds
 */
export async function startCluster(
  directory: string,
  needs: ClusterNeeds,
  onCall: OnCall,
  env: NodeJS.ProcessEnv,
): Promise<LocalCluster> {
  const foreign = foreignCluster(env);
  if (foreign) return { env: foreign, close: async () => {} };
  const kubernetes = await startKubernetes({
    directory,
    resolveImage: (image) => needs.images.get(image) ?? "missing",
    // A program that is one of Node's runs on the Node that runs this.
    imageEnv: { PATH: [dirname(process.execPath), process.env["PATH"] ?? ""].join(delimiter) },
    onCall,
  });
  try {
    const token = await provision(kubernetes, needs);
    return {
      env: { MILLRACE_CLUSTER_ENDPOINT: kubernetes.endpoint, MILLRACE_CLUSTER_TOKEN: token },
      close: () => kubernetes.close(),
    };
  } catch (error) {
    await kubernetes.close();
    throw error;
  }
}

/** @throws MillraceError when a cluster is named, and not how its pods reach this machine, or by what agent */
function foreignCluster(env: NodeJS.ProcessEnv): Record<string, string> | undefined {
  if (!env["KUBECONFIG"] || !env["MILLRACE_NAMESPACE"]) return undefined;
  return Object.fromEntries(
    Object.entries(FOREIGN_VARIABLES).map(([name, what]) => {
      const value = env[name];
      if (value) return [name, value];
      throw new MillraceError(
        "foreign-cluster",
        `KUBECONFIG and MILLRACE_NAMESPACE name a cluster, and ${name} is not set`,
        { hint: `set it to ${what}, or unset MILLRACE_NAMESPACE to use our own cluster` },
      );
    }),
  );
}

/** @returns the account's token */
async function provision({ endpoint, token }: Kubernetes, needs: ClusterNeeds): Promise<string> {
  const { namespace, secrets } = needs;
  const send = async (method: string, path: string, body: object): Promise<unknown> => {
    const isApply = method === "PATCH";
    const response = await fetch(`${endpoint}${path}${isApply ? "?fieldManager=millrace&force=true" : ""}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        "content-type": isApply ? "application/apply-patch+yaml" : "application/json",
      },
      body: JSON.stringify(body),
    });
    const answer = (await response.json()) as { message?: string };
    if (!response.ok)
      throw new MillraceError("cluster", `${method} ${path} of the local Kubernetes: ${answer.message}`);
    return answer;
  };
  const core = `/api/v1/namespaces/${namespace}`;
  const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
  const labels = { "pod-security.kubernetes.io/enforce": "restricted" };
  await send("PATCH", core, { metadata: { labels } });
  for (const [name, variables] of Object.entries(secrets)) {
    const data = Object.fromEntries(
      Object.entries(variables).map(([key, value]) => [key, Buffer.from(value).toString("base64")]),
    );
    await send("PATCH", `${core}/secrets/${name}`, { data });
  }
  await send("PATCH", `${core}/serviceaccounts/${ACCOUNT}`, {});
  await send("PATCH", `${rbac}/roles/${ACCOUNT}`, { rules: RULES });
  await send("PATCH", `${rbac}/rolebindings/${ACCOUNT}`, {
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: ACCOUNT },
    subjects: [{ kind: "ServiceAccount", name: ACCOUNT, namespace }],
  });
  const request = await send("POST", `${core}/serviceaccounts/${ACCOUNT}/token`, {
    spec: { expirationSeconds: TOKEN_SECONDS },
  });
  return (request as { status: { token: string } }).status.token;
}
