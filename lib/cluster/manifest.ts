import { createHash } from "node:crypto";
import * as z from "zod";
import type { AgentAttempt } from "../agent/protocol.ts";
import { MillraceError } from "../errors.ts";
import type { JobIdentity } from "../job/record.ts";
import { clusterJobName } from "../plan/names.ts";
import {
  AGENT_USER,
  basePod,
  deadlineSecondsOf,
  type HeavyStage,
  IN_FOLDER,
  OUT_FOLDER,
  RESTRICTED,
  SHARED_FOLDER,
  SHARED_MOUNTS,
} from "./base-pod.ts";
import { patchPod } from "./pod-patch.ts";
import { type Container, PodSpec } from "./pod-spec.ts";

/**
 * From a stage and a job to the Kubernetes Job of one attempt. Pure: the same row gives the same bytes, so that whoever
 * repeats a dispatch finds what it would have made itself.
 *
 * The pod's containers run one after the other: `fetch` brings the input, `main` is the user's image as it is, `publish`
 * stores what `main` left behind and reports. The first two are init containers, which Kubernetes runs in order and each
 * to its end; so `publish` starts if, and only if, the user's program has ended well, and nothing has to be put into the
 * user's image to find that out. A container that fails ends the pod; its exit code stands in the pod's status. Of a stage
 * that is `finishedBy: callback` there is no `publish`, and `main` is the pod's container.
 */

/** Names of containers. */
export const FETCH = "fetch";
export const PUBLISH = "publish";

/** Labels by which our Jobs are found, and by which one is known to be the one that would have been made. */
export const LABELS = {
  managedBy: "app.kubernetes.io/managed-by",
  app: "millrace/app",
  pipeline: "millrace/pipeline",
  stage: "millrace/stage",
  job: "millrace/job-id",
  attempt: "millrace/attempt",
  spec: "millrace/spec",
} as const;
export const MANAGER = "millrace";
/** The annotation that names the jobs whose attempts run in a Job: ids with spaces between. */
export const JOBS_NOTE = "millrace/jobs";

/** If nobody deletes the Job: two weeks, when every message about it is gone as well. */
const BACKSTOP_SECONDS = 14 * 86_400;

/** What the cluster's side of a deployment is. */
export interface ClusterSettings {
  readonly app: string;
  readonly namespace: string;
  /** The image with `fetch` and `publish` in it. */
  readonly agentImage: string;
  /** Where pods reach the API. */
  readonly apiUrl: string;
  /** Ids of pod rules that the operator lets definitions break. */
  readonly podAllow: readonly string[];
}

/** A token's part in a pod. */
export interface PodToken {
  readonly job: JobIdentity;
  readonly attempt: number;
  /** By which the agent reads the input and reports the end. */
  readonly agentKey: string;
  /** By which the user's program may report its progress; or also the end, where it does so itself. */
  readonly ownKey: string;
}

const Rule = z.union([
  z.strictObject({
    action: z.literal("FailJob"),
    onExitCodes: z.strictObject({
      containerName: z.string(),
      operator: z.literal("In"),
      values: z.array(z.number().int().min(1).max(255)).min(1).max(255),
    }),
  }),
  z.strictObject({
    action: z.literal("Ignore"),
    onPodConditions: z.array(z.strictObject({ type: z.string(), status: z.string() })).min(1),
  }),
]);

const Label = z
  .string()
  .max(63)
  .regex(/^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/);
const Labels = z.record(z.string(), Label);

/** Everything that we ever send to create a Job; strict, so that no field is sent which was not meant. */
export const JobManifest = z.strictObject({
  apiVersion: z.literal("batch/v1"),
  kind: z.literal("Job"),
  metadata: z.strictObject({
    name: z
      .string()
      .max(63)
      .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/),
    namespace: z.string().max(63),
    labels: Labels,
    annotations: z.strictObject({ [JOBS_NOTE]: z.string().min(36) }),
  }),
  spec: z.strictObject({
    backoffLimit: z.literal(0),
    activeDeadlineSeconds: z.number().int().min(1),
    ttlSecondsAfterFinished: z
      .number()
      .int()
      .min(7 * 86_400),
    podReplacementPolicy: z.literal("Failed"),
    podFailurePolicy: z.strictObject({ rules: z.array(Rule).min(1).max(20) }),
    template: z.strictObject({ metadata: z.strictObject({ labels: Labels }), spec: PodSpec }),
  }),
});
export type JobManifest = z.infer<typeof JobManifest>;

/**
 * @param tokens the first is the carrier: the Job has its name. Several only of a stage with `batch`
 * @param input the token's data as JSON, where it is one token, and short enough for an environment variable
 * @throws MillraceError when the stage's patch breaks a rule of the operator's
 */
export function jobManifest(
  stage: HeavyStage,
  tokens: readonly PodToken[],
  settings: ClusterSettings,
  input?: string,
): JobManifest {
  const [carrier] = tokens;
  if (!carrier) throw new Error("a Job is made for at least one token");
  const { job, attempt } = carrier;
  const labels = {
    [LABELS.managedBy]: MANAGER,
    [LABELS.app]: settings.app,
    [LABELS.pipeline]: job.pipeline,
    [LABELS.stage]: stage.name,
    [LABELS.job]: job.id,
    [LABELS.attempt]: String(attempt),
  };
  const spec = {
    backoffLimit: 0 as const,
    activeDeadlineSeconds: deadlineSecondsOf(stage),
    ttlSecondsAfterFinished: BACKSTOP_SECONDS,
    podReplacementPolicy: "Failed" as const,
    // A pod that was evicted did not fail: its replacement runs within the same attempt.
    podFailurePolicy: {
      rules: [{ action: "Ignore" as const, onPodConditions: [{ type: "DisruptionTarget", status: "True" }] }],
    },
    template: {
      metadata: { labels },
      spec: withAgent(userPod(stage, carrier, input, settings), stage, tokens, settings),
    },
  };
  return JobManifest.parse({
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name: clusterJobName(job.id, attempt),
      namespace: settings.namespace,
      labels: { ...labels, [LABELS.spec]: fingerprint(spec) },
      annotations: { [JOBS_NOTE]: tokens.map((token) => token.job.id).join(" ") },
    },
    spec,
  });
}

const fingerprint = (spec: unknown): string =>
  createHash("sha256").update(JSON.stringify(spec)).digest("hex").slice(0, 16);

function userPod(
  stage: HeavyStage,
  token: PodToken,
  input: string | undefined,
  { apiUrl, podAllow }: ClusterSettings,
): PodSpec {
  const spec = basePod(stage, {
    MILLRACE_IN: IN_FOLDER,
    MILLRACE_OUT: OUT_FOLDER,
    // Of several tokens each has a folder, and finds all this there.
    ...(stage.work.batch === undefined && variablesOf(token, apiUrl)),
    ...(input !== undefined && { KDP_INPUT: input }),
  });
  if (stage.work.podPatch === undefined) return spec;
  const patched = patchPod(spec, stage.work.podPatch, stage, podAllow);
  if (patched.ok) return patched.spec;
  throw new MillraceError("pod-patch", patched.faults.map(({ message }) => message).join("; "));
}

const variablesOf = ({ job, attempt, ownKey }: PodToken, apiUrl: string) => ({
  MILLRACE_TOKEN: job.token,
  MILLRACE_ATTEMPT: String(attempt),
  MILLRACE_IDEMPOTENCY_KEY: job.id,
  MILLRACE_CALLBACK: callbackUrl(apiUrl, job.id),
  MILLRACE_KEY: ownKey,
});

/** Where a job's events are posted. */
export const callbackUrl = (apiUrl: string, job: string): string =>
  `${apiUrl.replace(/\/$/, "")}/v1/jobs/${job}/events`;

const entriesOf = (values: Readonly<Record<string, string>>) =>
  Object.entries(values).map(([name, value]) => ({ name, value }));

/** Puts the agent before the user's container; and behind it, unless that says itself how it has ended. */
function withAgent(
  { containers: [main], ...pod }: PodSpec,
  { work }: HeavyStage,
  tokens: readonly PodToken[],
  { agentImage, apiUrl }: ClusterSettings,
): PodSpec {
  if (!main) throw new Error("the pod has no container");
  const attempts = tokens.map(
    ({ job, attempt, agentKey, ownKey }): AgentAttempt => ({
      job: job.id,
      attempt,
      key: agentKey,
      ...(work.batch !== undefined && {
        folder: job.token,
        callback: { url: callbackUrl(apiUrl, job.id), key: ownKey },
      }),
    }),
  );
  const agent = (name: string): Container => ({
    name,
    image: agentImage,
    args: [name],
    workingDir: SHARED_FOLDER,
    env: [
      ...entriesOf({
        MILLRACE_IN: IN_FOLDER,
        MILLRACE_OUT: OUT_FOLDER,
        MILLRACE_API: apiUrl,
        MILLRACE_ATTEMPTS: JSON.stringify(attempts),
        NODE_OPTIONS: AGENT_HEAP,
      }),
      { name: "MILLRACE_POD", valueFrom: { fieldRef: { fieldPath: "metadata.uid" } } },
      { name: "MILLRACE_NODE", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
    ],
    resources: { requests: AGENT_RESOURCES, limits: AGENT_RESOURCES },
    terminationMessagePolicy: "FallbackToLogsOnError",
    securityContext: { ...RESTRICTED, runAsNonRoot: true, runAsUser: AGENT_USER },
    volumeMounts: SHARED_MOUNTS,
  });
  return work.finishedBy === "callback"
    ? { ...pod, initContainers: [agent(FETCH)], containers: [main] }
    : { ...pod, initContainers: [agent(FETCH), main], containers: [agent(PUBLISH)] };
}

const AGENT_RESOURCES = { cpu: "250m", memory: "256Mi" };
/** Left alone, Node keeps what it need not: 345 MiB for 10,000 files, of which it needs 130. */
const AGENT_HEAP = "--max-old-space-size=160 --max-semi-space-size=4";
