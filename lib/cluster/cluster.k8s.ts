import {
  BatchV1Api,
  CoreV1Api,
  type CoreV1Event,
  createConfiguration,
  ServerConfiguration,
  type V1Job,
} from "@kubernetes/client-node";
import { Agent } from "undici";
import { type BearerToken, bear, withFreshToken } from "./bearer.k8s.ts";
import { type Cluster, ClusterError, type Ensured } from "./cluster.ts";
import { observedEvent, observedJob, observedPod } from "./kube-objects.k8s.ts";
import { type JobManifest, LABELS, MANAGER } from "./manifest.ts";
import type { ObservedJob, ObservedPod } from "./observed.ts";

/** How a cluster's API is reached. */
export interface ClusterAccess {
  readonly endpoint: string;
  /** Certificates, in PEM. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** A bearer token, when it does not go by a certificate. */
  readonly token?: BearerToken;
}

/** A list is read in pages: a finished Job is 6 KB of JSON. */
const PAGE = 500;
/** A call that nobody answers must fail while its function still has time. */
const REQUEST_MS = 10_000;
const KEPT_LOG_BYTES = 64 * 1024;

/** The connections are kept: the client's own way opens one for each request (client-node 2.0.1, `createDispatcher`). */
export function kubernetesCluster(
  { endpoint, ca, cert, key, token }: ClusterAccess,
  namespace: string,
): Cluster & { close(): Promise<void> } {
  const agent = new Agent({
    connect: {
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      timeout: REQUEST_MS,
    },
    headersTimeout: REQUEST_MS,
    bodyTimeout: REQUEST_MS,
    keepAliveTimeout: 30_000,
  });
  const plain = createConfiguration({
    baseServer: new ServerConfiguration(endpoint.replace(/\/$/, ""), {}),
    authMethods: {
      default: {
        getName: () => "bearer",
        applySecurityAuthentication: async (context) => {
          if (token) bear(context, await token());
          context.setDispatcher(agent);
        },
      },
    },
  });
  const configuration = token ? { ...plain, httpApi: withFreshToken(plain.httpApi, token) } : plain;
  const batch = new BatchV1Api(configuration);
  const core = new CoreV1Api(configuration);
  const ours = (app: string): string => `${LABELS.managedBy}=${MANAGER},${LABELS.app}=${app}`;

  const getJob = async (name: string): Promise<ObservedJob | undefined> => {
    const job = await unlessMissing(asked(() => batch.readNamespacedJob({ name, namespace })));
    return job && observedJob(job);
  };

  return {
    ensureJob: async (manifest) => {
      try {
        const { headers } = await asked(() =>
          batch.createNamespacedJobWithHttpInfo({
            namespace,
            body: manifest as unknown as V1Job,
            fieldManager: MANAGER,
            fieldValidation: "Strict",
          }),
        );
        return { kind: "made", warnings: warningsIn(headers) };
      } catch (error) {
        if (!(error instanceof ClusterError) || error.reason !== "AlreadyExists") throw error;
      }
      const found = await getJob(manifest.metadata.name);
      return found ? compared(found, manifest) : { kind: "ending" };
    },
    getJob,
    jobs: async function* (app) {
      const list = (next: string | undefined) =>
        asked(() =>
          batch.listNamespacedJob({
            namespace,
            labelSelector: ours(app),
            limit: PAGE,
            ...(next !== undefined && { _continue: next }),
          }),
        );
      for await (const job of pages(list)) yield observedJob(job);
    },
    pods: async (job) => {
      const labelSelector = `${JOB_NAME}=${job}`;
      const { items } = await asked(() => core.listNamespacedPod({ namespace, labelSelector }));
      return items.map(observedPod);
    },
    podsByJob: async (app) => {
      const pods = new Map<string, ObservedPod[]>();
      const list = (next: string | undefined) =>
        asked(() =>
          core.listNamespacedPod({
            namespace,
            labelSelector: ours(app),
            limit: PAGE,
            ...(next !== undefined && { _continue: next }),
          }),
        );
      for await (const pod of pages(list)) {
        const job = pod.metadata?.labels?.[JOB_NAME] ?? "";
        pods.set(job, [...(pods.get(job) ?? []), observedPod(pod)]);
      }
      return pods;
    },
    events: async (job) => {
      const fieldSelector = `involvedObject.kind=Job,involvedObject.name=${job}`;
      const { items } = await asked(() => core.listNamespacedEvent({ namespace, fieldSelector }));
      return items.map((event: CoreV1Event) => observedEvent(event)).sort((a, b) => a.at - b.at);
    },
    deleteJob: async ({ name, uid }) => {
      // Without a propagation policy the API server leaves the pods running, without an owner.
      const body = { preconditions: { uid }, propagationPolicy: "Background" };
      await unlessMissing(asked(() => batch.deleteNamespacedJob({ name, namespace, body }))).catch(
        (error: unknown) => {
          if (!(error instanceof ClusterError) || error.status !== 409) throw error;
        },
      );
    },
    logTail: async (pod, container, lines) => {
      try {
        return await asked(() =>
          core.readNamespacedPodLog({
            name: pod,
            namespace,
            container,
            tailLines: lines,
            timestamps: true,
            limitBytes: KEPT_LOG_BYTES,
          }),
        );
      } catch (error) {
        // The pod is gone, or the container has not begun.
        if (error instanceof ClusterError && (error.status === 404 || error.status === 400)) return undefined;
        throw error;
      }
    },
    close: () => agent.close(),
  };
}

const JOB_NAME = "batch.kubernetes.io/job-name";

interface Page<Item> {
  readonly items: readonly Item[];
  readonly metadata?: { readonly _continue?: string };
}

async function* pages<Item>(list: (next: string | undefined) => Promise<Page<Item>>): AsyncGenerator<Item> {
  let next: string | undefined;
  do {
    const { items, metadata } = await list(next);
    yield* items;
    next = metadata?._continue || undefined;
  } while (next !== undefined);
}

/** Whether the Job that has our name is the one that we would have made. */
function compared(found: ObservedJob, { metadata: { labels } }: JobManifest): Ensured {
  const equal = (name: string): boolean => found.labels[name] === labels[name];
  if (![LABELS.managedBy, LABELS.app, LABELS.job, LABELS.attempt].every(equal))
    return { kind: "foreign", job: found };
  if (found.deletingAt !== undefined) return { kind: "ending" };
  return { kind: "adopted", job: found, isSame: equal(LABELS.spec) };
}

/** `299 - "would violate PodSecurity …"`: what the cluster lets pass and will not carry out. */
const warningsIn = (headers: Readonly<Record<string, string>>): string[] =>
  [...(headers["warning"] ?? "").matchAll(/299 \S+ "((?:[^"\\]|\\.)*)"/g)].map(([, text = ""]) =>
    text.replaceAll(/\\(.)/g, "$1"),
  );

async function unlessMissing<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ClusterError && error.status === 404) return undefined;
    throw error;
  }
}

/** Everything that goes wrong in a request becomes a ClusterError. */
async function asked<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw toKubeError(error);
  }
}

/**
 * The client's errors are named "Error"; their message is a dump of the whole answer, and the body a text of JSON (403, 404,
 * 409, 422, 500), nothing (401), or whatever a proxy said.
 */
export function toKubeError(error: unknown): ClusterError {
  const { code, body, cause, message } = error as {
    code?: unknown;
    body?: unknown;
    cause?: { code?: string };
    message?: string;
  };
  if (typeof code !== "number") {
    const why = cause?.code ?? message ?? String(error);
    return new ClusterError(0, "Unreachable", `the cluster does not answer: ${why}`, error);
  }
  const status = statusIn(body);
  const reason = status?.reason ?? (code === 401 ? "Unauthorized" : "Unknown");
  const text =
    status?.message ?? (typeof body === "string" && body !== "" ? body.slice(0, 300) : "no reason is given");
  return new ClusterError(code, reason, `the cluster answered ${code}: ${text}`);
}

function statusIn(body: unknown): { reason?: string; message?: string } | undefined {
  if (typeof body !== "string") return undefined;
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === "object" && parsed !== null ? parsed : undefined;
  } catch {
    return undefined;
  }
}
