/**
 * The objects of Kubernetes as they are on the wire, as far as this service reads them; whatever else an object holds is
 * kept. Times are RFC 3339 with whole seconds. https://kubernetes.io/docs/reference/kubernetes-api/
 *
 * Stored objects are never changed in place: a watch or a page of a list may still hold them.
 */
export interface ObjectMeta {
  name: string;
  namespace?: string;
  generateName?: string;
  uid: string;
  resourceVersion: string;
  generation?: number;
  creationTimestamp: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
  finalizers?: string[];
  managedFields?: ManagedFields[];
}

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

export interface ManagedFields {
  manager: string;
  operation: "Apply" | "Update";
  apiVersion: string;
  time: string;
  fieldsType: "FieldsV1";
  fieldsV1: FieldTree;
}

export interface FieldTree {
  [field: string]: FieldTree;
}

export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  [field: string]: unknown;
}

export interface Condition {
  type: string;
  status: "True" | "False" | "Unknown";
  reason?: string;
  message?: string;
  lastProbeTime?: string | null;
  lastTransitionTime: string;
}

export interface Job extends KubeObject {
  spec: JobSpec;
  status: JobStatus;
}

export interface JobSpec {
  parallelism: number;
  completions?: number;
  backoffLimit: number;
  activeDeadlineSeconds?: number;
  ttlSecondsAfterFinished?: number;
  completionMode: string;
  suspend: boolean;
  podReplacementPolicy: "TerminatingOrFailed" | "Failed";
  podFailurePolicy?: { rules: PodFailureRule[] };
  selector: { matchLabels: Record<string, string> };
  template: { metadata?: Partial<ObjectMeta>; spec: PodSpec };
}

export interface PodFailureRule {
  action: "FailJob" | "Ignore" | "Count";
  onExitCodes?: { containerName?: string; operator: "In" | "NotIn"; values: number[] };
  onPodConditions?: { type: string; status?: string }[];
}

export interface JobStatus {
  conditions?: Condition[];
  startTime?: string;
  completionTime?: string;
  active?: number;
  ready?: number;
  terminating?: number;
  succeeded?: number;
  failed?: number;
  uncountedTerminatedPods?: { succeeded?: string[]; failed?: string[] };
}

export interface Pod extends KubeObject {
  spec: PodSpec;
  status: PodStatus;
}

export interface PodSpec {
  containers: Container[];
  initContainers?: Container[];
  volumes?: Volume[];
  restartPolicy: "Always" | "OnFailure" | "Never";
  terminationGracePeriodSeconds: number;
  activeDeadlineSeconds?: number;
  nodeName?: string;
  serviceAccountName?: string;
  tolerations?: Toleration[];
  securityContext?: SecurityContext;
  hostNetwork?: boolean;
  hostPID?: boolean;
  hostIPC?: boolean;
}

export interface Toleration {
  key?: string;
  effect?: string;
  tolerationSeconds?: number;
}

export interface Container {
  name: string;
  image: string;
  imagePullPolicy?: string;
  command?: string[];
  args?: string[];
  workingDir?: string;
  env?: EnvVar[];
  envFrom?: { prefix?: string; secretRef?: KeySource; configMapRef?: KeySource }[];
  volumeMounts?: { name: string; mountPath: string; subPath?: string; readOnly?: boolean }[];
  resources?: { requests?: Record<string, string>; limits?: Record<string, string> };
  restartPolicy?: string;
  securityContext?: SecurityContext;
  terminationMessagePath?: string;
  terminationMessagePolicy?: string;
  ports?: { hostPort?: number }[];
}

export interface KeySource {
  name: string;
  optional?: boolean;
}

export interface EnvVar {
  name: string;
  value?: string;
  valueFrom?: {
    secretKeyRef?: KeySource & { key: string };
    configMapKeyRef?: KeySource & { key: string };
    fieldRef?: { fieldPath: string };
  };
}

export interface Volume {
  name: string;
  emptyDir?: object;
  secret?: { secretName: string; optional?: boolean; items?: { key: string; path: string }[] };
  configMap?: KeySource & { items?: { key: string; path: string }[] };
}

export interface SecurityContext {
  runAsNonRoot?: boolean;
  runAsUser?: number;
  privileged?: boolean;
  allowPrivilegeEscalation?: boolean;
  capabilities?: { add?: string[]; drop?: string[] };
  seccompProfile?: { type: string };
}

export type PodPhase = "Pending" | "Running" | "Succeeded" | "Failed";

export interface PodStatus {
  phase: PodPhase;
  reason?: string;
  message?: string;
  conditions?: Condition[];
  startTime?: string;
  podIP?: string;
  hostIP?: string;
  qosClass?: string;
  containerStatuses?: ContainerStatus[];
  initContainerStatuses?: ContainerStatus[];
}

export interface ContainerStatus {
  name: string;
  image: string;
  imageID: string;
  containerID?: string;
  ready: boolean;
  started: boolean;
  restartCount: number;
  state: ContainerState;
  lastState: ContainerState | Record<string, never>;
}

export type ContainerState =
  | { waiting: { reason: string; message?: string } }
  | { running: { startedAt: string } }
  | { terminated: Terminated };

export interface Terminated {
  exitCode: number;
  signal?: number;
  reason: string;
  message?: string;
  startedAt: string | null;
  finishedAt: string | null;
  containerID?: string;
}

export const kubeTime = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

export const isTerminal = ({ status }: Pod): boolean =>
  status.phase === "Succeeded" || status.phase === "Failed";

export const hasCondition = (conditions: readonly Condition[] | undefined, type: string): boolean =>
  conditions?.some((condition) => condition.type === type && condition.status === "True") ?? false;

/** A pod that ends for no fault of its own: a Job's failure policy may ignore it. */
export function disrupted(pod: Pod, reason: string, message: string, now: number): Pod {
  const conditions = withCondition(pod.status.conditions, {
    type: "DisruptionTarget",
    status: "True",
    reason,
    message,
    lastProbeTime: null,
    lastTransitionTime: kubeTime(now),
  });
  return { ...pod, status: { ...pod.status, conditions } };
}

/** Adds the condition, or replaces the one of its type; one that says the same stays as it is, with its times. */
export function withCondition(conditions: readonly Condition[] = [], next: Condition): Condition[] {
  const before = conditions.find(({ type }) => type === next.type);
  if (!before) return [...conditions, next];
  if (before.status === next.status && before.reason === next.reason && before.message === next.message)
    return [...conditions];
  const lastTransitionTime =
    before.status === next.status ? before.lastTransitionTime : next.lastTransitionTime;
  return conditions.map((each) => (each === before ? { ...next, lastTransitionTime } : each));
}
