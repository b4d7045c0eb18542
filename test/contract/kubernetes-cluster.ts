import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  ApiException,
  BatchV1Api,
  CoreV1Api,
  KubeConfig,
  RbacAuthorizationV1Api,
  type V1Container,
  type V1Job,
  type V1JobStatus,
  type V1Namespace,
  type V1Pod,
  type V1PodSpec,
  Watch,
} from "@kubernetes/client-node";
import { vi } from "vitest";
import {
  type Kubernetes,
  type KubernetesOptions,
  startKubernetes,
} from "../../infra/local/kubernetes/server.ts";

import { IMAGE, IMAGE_ENV, resolveImage } from "./kubernetes-image.ts";

/** Set to hold any real cluster to the same contract: it must run pods of IMAGE and let its user make namespaces. */
const kubeconfig = process.env["KUBECONFIG"];
export const isForeign = kubeconfig !== undefined && kubeconfig !== "";

/** The wait for a state: a real cluster pulls images, and waits 10 seconds and more before it replaces a failed pod. */
const LIMIT_MS = isForeign ? 120_000 : 20_000;
if (isForeign) vi.setConfig({ testTimeout: 2 * LIMIT_MS, hookTimeout: LIMIT_MS });
export const until = <T>(state: () => Promise<T | false | undefined>): Promise<T> =>
  vi.waitUntil(async () => (await state()) || false, {
    timeout: LIMIT_MS,
    interval: isForeign ? 500 : 20,
  }) as Promise<T>;

/** How to reach a cluster, and where in it. */
export interface Place {
  readonly config: KubeConfig;
  readonly batch: BatchV1Api;
  readonly core: CoreV1Api;
  readonly namespace: string;
}

export const placeOf = (config: KubeConfig, namespace: string): Place => ({
  config,
  batch: config.makeApiClient(BatchV1Api),
  core: config.makeApiClient(CoreV1Api),
  namespace,
});

/** Its namespace is new, and ends with it. */
export interface Cluster extends Place, AsyncDisposable {
  readonly rbac: RbacAuthorizationV1Api;
  createNamespace(labels?: Record<string, string>): Promise<string>;
  /** Our own service's switches. */
  readonly own: Kubernetes;
}

export function configFor(server: string, token: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: [{ name: "local", server, skipTLSVerify: true }],
    users: [{ name: "user", token }],
    contexts: [{ name: "local", cluster: "local", user: "user" }],
    currentContext: "local",
  });
  return config;
}

/** The cluster under test, or, when the environment names one, another. Options hold for our own alone. */
export async function startCluster(options: Partial<KubernetesOptions> = {}): Promise<Cluster> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), "kubernetes-")));
  const own = isForeign
    ? undefined
    : await startKubernetes({
        resolveImage,
        retryDelayMs: 50,
        imageEnv: IMAGE_ENV,
        ...options,
        directory,
      });
  const config = own ? configFor(own.endpoint, own.token) : new KubeConfig();
  if (!own) config.loadFromDefault();
  const { core, batch } = placeOf(config, "");
  const namespaces: string[] = [];
  const createNamespace = async (labels: Record<string, string> = {}): Promise<string> => {
    const name = `contract-${randomBytes(6).toString("hex")}`;
    const body: V1Namespace = { metadata: { name, labels } };
    await core.createNamespace({ body });
    namespaces.push(name);
    return name;
  };
  return {
    config,
    core,
    batch,
    rbac: config.makeApiClient(RbacAuthorizationV1Api),
    namespace: await createNamespace(),
    createNamespace,
    get own() {
      if (!own) throw new Error("a real cluster has no switches");
      return own;
    },
    async [Symbol.asyncDispose]() {
      // One that a test has ended is answered with 404.
      if (!own) for (const name of namespaces) await core.deleteNamespace({ name }).catch(unlessGone);
      await own?.close();
      if (options.directory === undefined) await rm(directory, { recursive: true, force: true });
    },
  };
}

function unlessGone(error: unknown): void {
  if (!(error instanceof ApiException && error.code === 404)) throw error;
}

type Shape = Partial<Omit<NonNullable<V1Job["spec"]>, "template">> & { readonly pod?: Partial<V1PodSpec> };

let made = 0;
export const newName = (what: string): string => `${what}-${process.pid}-${++made}`;

/** A Job of one pod with one container, `main`, that runs the script. */
export function jobOf(name: string, script: string, { pod, ...spec }: Shape = {}): V1Job {
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name },
    spec: {
      backoffLimit: 0,
      podReplacementPolicy: "Failed",
      ...spec,
      template: {
        spec: {
          restartPolicy: "Never",
          terminationGracePeriodSeconds: 1,
          containers: [{ name: "main", image: IMAGE, command: ["sh", "-c", script] }],
          ...pod,
        },
      },
    },
  };
}

/** A pod that the cluster takes away is replaced, and not counted. */
export const IGNORE_DISRUPTION: Shape = {
  podFailurePolicy: {
    rules: [{ action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] }],
  },
};

/** A Job whose pods run until they are taken away; a pod that begins after letGo() ends at once, in success. */
export function waitingJob(name: string): V1Job {
  const main: V1Container = {
    name: "main",
    image: IMAGE,
    command: ["sh", "-c", '[ "$GO" ] || sleep 100'],
    envFrom: [{ configMapRef: { name, optional: true } }],
  };
  return jobOf(name, "", { ...IGNORE_DISRUPTION, pod: { containers: [main] } });
}

export const letGo = ({ core, namespace }: Place, name: string): Promise<unknown> =>
  core.createNamespacedConfigMap({ namespace, body: { metadata: { name }, data: { GO: "1" } } });

/** Everything that was seen of a Job's status, in order; ends with the scope. */
export interface Observation extends AsyncDisposable {
  readonly statuses: V1JobStatus[];
  readonly types: string[];
}

/** Watches one Job from before it is made. */
export async function observe({ config, namespace }: Place, name: string): Promise<Observation> {
  const statuses: V1JobStatus[] = [];
  const types: string[] = [];
  const connection = await new Watch(config).watch(
    `/apis/batch/v1/namespaces/${namespace}/jobs`,
    { fieldSelector: `metadata.name=${name}` },
    (type: string, job: V1Job) => {
      types.push(type);
      statuses.push(job.status ?? {});
    },
    () => {},
  );
  return { statuses, types, [Symbol.asyncDispose]: async () => connection.abort() };
}

const COUNTS = ["active", "terminating", "succeeded", "failed"] as const;

/** What each status told that none before did: `active:1`, `terminating:1 FailureTarget/DeadlineExceeded`. */
export function milestones(statuses: readonly V1JobStatus[]): string[] {
  const known = new Set<string>();
  return statuses.flatMap((status) => {
    const facts = [
      ...COUNTS.flatMap((count) => (status[count] ? [`${count}:${status[count]}`] : [])),
      ...(status.conditions ?? []).map(({ type, status: value, reason }) =>
        value === "True" ? `${type}/${reason}` : `${type}=${value}/${reason}`,
      ),
    ].filter((fact) => !known.has(fact));
    for (const fact of facts) known.add(fact);
    return facts.length > 0 ? [facts.join(" ")] : [];
  });
}

export const isFinished = ({ status }: V1Job): boolean =>
  status?.conditions?.some(
    ({ type, status: value }) => /^(Complete|Failed)$/.test(type) && value === "True",
  ) ?? false;

/** The Job, as soon as it is finished. */
export const finished = ({ batch, namespace }: Place, name: string): Promise<V1Job> =>
  until(async () => {
    const job = await batch.readNamespacedJob({ namespace, name });
    return isFinished(job) && job;
  });

export const podsOf = async ({ core, namespace }: Place, job: string): Promise<V1Pod[]> =>
  (await core.listNamespacedPod({ namespace, labelSelector: `batch.kubernetes.io/job-name=${job}` })).items;

/** The only pod of a Job, as soon as it is as it should be. */
export const podOf = (
  place: Place,
  job: string,
  isReady: (pod: V1Pod) => boolean = () => true,
): Promise<V1Pod> =>
  until(async () => {
    const [pod] = await podsOf(place, job);
    return pod !== undefined && isReady(pod) && pod;
  });

export const isRunning = ({ status }: V1Pod): boolean =>
  status?.containerStatuses?.some(({ state }) => state?.running !== undefined) ?? false;

/** Of the first container. */
export const waitingFor = ({ status }: V1Pod): string | undefined =>
  status?.containerStatuses?.[0]?.state?.waiting?.reason;

/** The `Status` with which a call is refused. */
export async function refusal(
  call: Promise<unknown>,
): Promise<{ code: number; reason: string; message: string }> {
  try {
    await call;
  } catch (error) {
    if (error instanceof ApiException) {
      const { code, reason, message } = JSON.parse(String(error.body)) as {
        code: number;
        reason: string;
        message: string;
      };
      return { code, reason, message };
    }
    throw error;
  }
  throw new Error("the call succeeded");
}
