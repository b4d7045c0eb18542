import type { CoreV1Event, V1ContainerStatus, V1Job, V1Pod } from "@kubernetes/client-node";
import { withoutKeys } from "../job/callback-key.ts";
import { JOBS_NOTE, LABELS } from "./manifest.ts";
import type { Condition, ObservedContainer, ObservedEvent, ObservedJob, ObservedPod } from "./observed.ts";

/** From the API's objects, in which everything may be absent, to what is looked at. */

type Time = Date | string | undefined;
const ms = (time: Time): number => (time === undefined ? 0 : new Date(time).getTime());

export const observedJob = ({ metadata = {}, status = {} }: V1Job): ObservedJob => ({
  name: metadata.name ?? "",
  uid: metadata.uid ?? "",
  labels: metadata.labels ?? {},
  jobs: (metadata.annotations?.[JOBS_NOTE] ?? metadata.labels?.[LABELS.job] ?? "").split(" "),
  createdAt: ms(metadata.creationTimestamp),
  ...(metadata.deletionTimestamp && { deletingAt: ms(metadata.deletionTimestamp) }),
  conditions: (status.conditions ?? []).map(conditionOf),
});

interface ApiCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: Time;
}

const conditionOf = ({
  type,
  status,
  reason = "",
  message = "",
  lastTransitionTime,
}: ApiCondition): Condition => ({
  type,
  isTrue: status === "True",
  reason,
  message,
  at: ms(lastTransitionTime),
});

export function observedPod({ metadata = {}, spec, status = {} }: V1Pod): ObservedPod {
  const statuses = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  const names = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].map(({ name }) => name);
  return {
    name: metadata.name ?? "",
    uid: metadata.uid ?? "",
    createdAt: ms(metadata.creationTimestamp),
    ...(metadata.deletionTimestamp && { deletingAt: ms(metadata.deletionTimestamp) }),
    phase: status.phase ?? "",
    reason: status.reason ?? "",
    message: status.message ?? "",
    ...(spec?.nodeName && { node: spec.nodeName }),
    conditions: (status.conditions ?? []).map(conditionOf),
    containers: names.map((name) => containerOf(name, statuses)),
  };
}

function containerOf(name: string, statuses: readonly V1ContainerStatus[]): ObservedContainer {
  const { waiting, running, terminated } = statuses.find((status) => status.name === name)?.state ?? {};
  return {
    name,
    ...(waiting && { waiting: { reason: waiting.reason ?? "", message: waiting.message ?? "" } }),
    ...(running && { running: { startedAt: ms(running.startedAt) } }),
    ...(terminated && {
      terminated: {
        exitCode: terminated.exitCode,
        reason: terminated.reason ?? "",
        // It may be the end of the container's log.
        message: withoutKeys(terminated.message ?? ""),
        startedAt: ms(terminated.startedAt),
        finishedAt: ms(terminated.finishedAt),
      },
    }),
  };
}

export const observedEvent = ({
  type = "",
  reason = "",
  message = "",
  lastTimestamp,
  eventTime,
  metadata,
}: CoreV1Event): ObservedEvent => ({
  type,
  reason,
  message,
  at: ms(lastTimestamp ?? (eventTime as Time) ?? metadata.creationTimestamp),
});
