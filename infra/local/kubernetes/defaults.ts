import type { Container, Job, ObjectMeta, Pod, PodSpec, Toleration } from "./objects.ts";

/** The labels by which a Job's pods are known, new and old. */
export const JOB_NAME = "batch.kubernetes.io/job-name";
export const CONTROLLER_UID = "batch.kubernetes.io/controller-uid";
/** Holds a pod until its Job has counted it. */
export const TRACKING = "batch.kubernetes.io/job-tracking";

/** A new Job with what ties it to its pods. */
export function withJobIdentity(job: Job): Job {
  const { name, uid, labels } = job.metadata;
  const template = job.spec?.template;
  const own = { [CONTROLLER_UID]: uid, [JOB_NAME]: name, "controller-uid": uid, "job-name": name };
  const metadata: Partial<ObjectMeta> = {
    ...template?.metadata,
    labels: { ...template?.metadata?.labels, ...own },
  };
  return {
    ...job,
    metadata: { ...job.metadata, labels: labels ?? { ...template?.metadata?.labels } },
    spec: {
      ...job.spec,
      selector: { matchLabels: { [CONTROLLER_UID]: uid } },
      template: { ...template, metadata } as Job["spec"]["template"],
    },
    status: {},
  };
}

/** A Job with what a cluster fills in whenever one is written. */
export function withJobDefaults(job: Job): Job {
  const given: Partial<Job["spec"]> = job.spec ?? {};
  const { parallelism, completions, podFailurePolicy, template } = given;
  return {
    ...job,
    spec: {
      ...given,
      parallelism: parallelism ?? 1,
      // Neither is named: one pod. Only `parallelism` is: a work queue, which any pod's success ends.
      ...(parallelism === undefined && { completions: completions ?? 1 }),
      backoffLimit: given.backoffLimit ?? 6,
      completionMode: given.completionMode ?? "NonIndexed",
      suspend: given.suspend ?? false,
      podReplacementPolicy:
        given.podReplacementPolicy ?? (podFailurePolicy ? "Failed" : "TerminatingOrFailed"),
      ...(podFailurePolicy && { podFailurePolicy: withRuleDefaults(podFailurePolicy) }),
      template: { ...template, spec: withPodDefaults(template?.spec) },
    } as Job["spec"],
  };
}

const withRuleDefaults = ({ rules = [] }: Partial<NonNullable<Job["spec"]["podFailurePolicy"]>>) => ({
  rules: rules.map((rule) => ({
    ...rule,
    ...(rule.onPodConditions && {
      onPodConditions: rule.onPodConditions.map((pattern) => ({
        ...pattern,
        status: pattern.status ?? "True",
      })),
    }),
  })),
});

/** Tolerated seconds without a node, unless the pod says otherwise. */
const UNREACHABLE_SECONDS = 300;

export function withPodDefaults(spec: PodSpec | undefined): PodSpec {
  const given = (spec ?? { containers: [] }) as PodSpec;
  return {
    dnsPolicy: "ClusterFirst",
    schedulerName: "default-scheduler",
    ...given,
    restartPolicy: given.restartPolicy ?? "Always",
    terminationGracePeriodSeconds: given.terminationGracePeriodSeconds ?? 30,
    securityContext: given.securityContext ?? {},
    containers: (given.containers ?? []).map(withContainerDefaults),
    ...(given.initContainers && { initContainers: given.initContainers.map(withContainerDefaults) }),
  } as PodSpec;
}

const withContainerDefaults = (container: Container): Container =>
  ({
    terminationMessagePath: "/dev/termination-log",
    terminationMessagePolicy: "File",
    ...container,
    imagePullPolicy: container.imagePullPolicy ?? (isLatest(container.image) ? "Always" : "IfNotPresent"),
    resources: withRequests(container.resources ?? {}),
  }) as Container;

const isLatest = (image = ""): boolean => /:latest$/.test(image) || !/[:@][^/]*$/.test(image);

/** What is limited and not asked for is asked for. */
const withRequests = ({ requests, limits }: NonNullable<Container["resources"]>) => ({
  ...(limits && { limits }),
  ...((requests ?? limits) && { requests: { ...limits, ...requests } }),
});

/** Whether a toleration is for a taint that drives pods away: one without a key or an effect is for any. */
export const tolerates =
  (taint: string) =>
  ({ key = "", effect = "" }: Toleration): boolean =>
    ["", taint].includes(key) && ["", "NoExecute"].includes(effect);

/** A pod with what a cluster fills in when it is made. */
export function withNewPodDefaults(pod: Pod): Pod {
  const spec = withPodDefaults(pod.spec);
  const unreachable = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"].map((key) => ({
    key,
    operator: "Exists",
    effect: "NoExecute",
    tolerationSeconds: UNREACHABLE_SECONDS,
  }));
  const given = spec.tolerations ?? [];
  return {
    ...pod,
    spec: {
      ...spec,
      serviceAccountName: spec.serviceAccountName ?? "default",
      tolerations: [...given, ...unreachable.filter(({ key }) => !given.some(tolerates(key)))],
    },
    status: { phase: "Pending", qosClass: qualityOf(spec) },
  };
}

function qualityOf({ containers, initContainers = [] }: PodSpec): string {
  const all = [...initContainers, ...containers].map(({ resources }) => resources ?? {});
  if (all.every(({ requests, limits }) => !requests && !limits)) return "BestEffort";
  const isGuaranteed = all.every(({ requests, limits }) =>
    ["cpu", "memory"].every((name) => limits?.[name] !== undefined && requests?.[name] === limits[name]),
  );
  return isGuaranteed ? "Guaranteed" : "Burstable";
}
