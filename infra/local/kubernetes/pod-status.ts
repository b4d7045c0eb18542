import {
  type Condition,
  type Container,
  type ContainerState,
  type ContainerStatus,
  kubeTime,
  type Pod,
  type PodPhase,
  type PodStatus,
  withCondition,
} from "./objects.ts";

/** How far a container is; the rest of its status follows from its `spec`. */
export interface Progress {
  readonly state: ContainerState;
  readonly lastState?: ContainerState;
  readonly restartCount: number;
}

export type ProgressOf = ReadonlyMap<string, Progress>;

export const isSidecar = ({ restartPolicy }: Container): boolean => restartPolicy === "Always";

/** The reason of a pod whose time was over. */
export const DEADLINE_EXCEEDED = "DeadlineExceeded";

/** A pod's status as a kubelet writes it. */
export function podStatus(pod: Pod, progress: ProgressOf, reached: PodPhase, now: number): PodStatus {
  const hasExpired = reached === "Succeeded" && pod.status.reason === DEADLINE_EXCEEDED;
  const phase = hasExpired ? "Failed" : reached;
  const { containers, initContainers = [] } = pod.spec;
  const inits = initContainers.map((container) => containerStatus(container, progress, pod));
  const mains = containers.map((container) => containerStatus(container, progress, pod));
  const isInitialized = initContainers.every((container, index) =>
    isSidecar(container) ? inits[index]?.started : exitCodeOf(inits[index]) === 0,
  );
  const isOver = phase === "Succeeded" || phase === "Failed";
  const isReady = !isOver && mains.every(({ ready }) => ready);
  const when = kubeTime(now);
  const set = (conditions: Condition[], type: string, holds: boolean, otherwise: string): Condition[] =>
    withCondition(conditions, {
      type,
      status: holds ? "True" : "False",
      ...(!holds && { reason: otherwise }),
      lastProbeTime: null,
      lastTransitionTime: when,
    });
  const notReady =
    phase === "Succeeded" ? "PodCompleted" : phase === "Failed" ? "PodFailed" : "ContainersNotReady";
  let conditions = pod.status.conditions ?? [];
  conditions = set(conditions, "PodReadyToStartContainers", !isOver, "");
  conditions = set(conditions, "Initialized", isInitialized, "ContainersNotInitialized");
  conditions = set(conditions, "Ready", isReady, notReady);
  conditions = set(conditions, "ContainersReady", isReady, notReady);
  return {
    ...pod.status,
    phase,
    conditions,
    startTime: pod.status.startTime ?? when,
    hostIP: "127.0.0.1",
    podIP: "127.0.0.1",
    ...(inits.length > 0 && { initContainerStatuses: inits }),
    containerStatuses: mains,
  };
}

function containerStatus({ name, image }: Container, progress: ProgressOf, pod: Pod): ContainerStatus {
  const found = progress.get(name);
  const isInitializing = (pod.spec.initContainers ?? []).length > 0;
  const state = found?.state ?? {
    waiting: { reason: isInitializing ? "PodInitializing" : "ContainerCreating" },
  };
  const isRunning = "running" in state;
  const hasCompleted = "terminated" in state && state.terminated.exitCode === 0;
  const isInit = pod.spec.initContainers?.some((each) => each.name === name) ?? false;
  return {
    name,
    image,
    imageID: "waiting" in state ? "" : `local://${image}`,
    ...(!("waiting" in state) && { containerID: containerId(pod, name, found?.restartCount ?? 0) }),
    ready: isRunning || (isInit && hasCompleted),
    started: isRunning,
    restartCount: found?.restartCount ?? 0,
    state,
    lastState: found?.lastState ?? {},
  };
}

export const containerId = (pod: Pod, name: string, restart: number): string =>
  `local://${pod.metadata.uid}-${name}-${restart}`;

const exitCodeOf = (status: ContainerStatus | undefined): number | undefined =>
  status && "terminated" in status.state ? status.state.terminated.exitCode : undefined;

/** Succeeded when every container ended with exit code 0, whatever the sidecars did. */
export function finalPhase({ spec }: Pod, progress: ProgressOf): PodPhase {
  const needed = [...(spec.initContainers ?? []).filter((each) => !isSidecar(each)), ...spec.containers];
  const isSuccess = needed.every(({ name }) => {
    const state = progress.get(name)?.state;
    return state !== undefined && "terminated" in state && state.terminated.exitCode === 0;
  });
  return isSuccess ? "Succeeded" : "Failed";
}
