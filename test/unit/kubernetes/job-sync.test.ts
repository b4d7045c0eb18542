import { expect, test } from "vitest";
import { TRACKING, withJobDefaults } from "../../../infra/local/kubernetes/defaults.ts";
import { syncJob } from "../../../infra/local/kubernetes/job-sync.ts";
import type { Job, JobSpec, JobStatus, Pod, PodPhase } from "../../../infra/local/kubernetes/objects.ts";
import { NEW_YEAR } from "../../virtual-clock.ts";

const HOUR = 3_600_000;
const RETRY = 10_000;

function jobOf(spec: Partial<JobSpec>, status: JobStatus = {}): Job {
  const job = withJobDefaults({
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name: "a",
      namespace: "n",
      uid: "job",
      resourceVersion: "1",
      creationTimestamp: "2026-01-01T00:00:00Z",
    },
    spec: {
      backoffLimit: 0,
      template: { spec: { containers: [{ name: "main", image: "any" }] } },
      ...spec,
    } as JobSpec,
    status: {},
  });
  return { ...job, status };
}

function podOf(
  phase: PodPhase,
  { deleting = false, counted = false, finishedAt = "2026-01-01T00:00:00Z" } = {},
): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: "a-x",
      namespace: "n",
      uid: `${phase}-${finishedAt}`,
      resourceVersion: "1",
      creationTimestamp: "2026-01-01T00:00:00Z",
      ...(!counted && { finalizers: [TRACKING] }),
      ...(deleting && { deletionTimestamp: "2026-01-01T00:00:00Z" }),
    },
    spec: { containers: [], restartPolicy: "Never", terminationGracePeriodSeconds: 30 },
    status: {
      phase,
      containerStatuses: [
        {
          name: "main",
          image: "any",
          imageID: "",
          ready: false,
          started: false,
          restartCount: 0,
          lastState: {},
          state: { terminated: { exitCode: 1, reason: "Error", startedAt: null, finishedAt } },
        },
      ],
    },
  };
}

const RUNNING: JobStatus = { startTime: "2026-01-01T00:00:00Z", active: 1 };

test("a Job that may run for 13 hours is looked at again after 13 hours, and ended then", () => {
  const job = jobOf({ activeDeadlineSeconds: 13 * 3600 }, RUNNING);
  const pods = [podOf("Running")];
  const before = syncJob(job, pods, NEW_YEAR + 13 * HOUR - 1, RETRY);
  expect([before.again, before.status.conditions, before.remove]).toEqual([
    NEW_YEAR + 13 * HOUR,
    undefined,
    [],
  ]);
  const at = syncJob(job, pods, NEW_YEAR + 13 * HOUR, RETRY);
  expect(at.status.conditions).toMatchObject([{ type: "FailureTarget", reason: "DeadlineExceeded" }]);
  expect(at.remove).toEqual(pods);
});

test("a suspended Job about which nothing changes is left alone, at any time", () => {
  const job = jobOf({ suspend: true });
  const { status } = syncJob(job, [], NEW_YEAR, RETRY);
  expect(syncJob({ ...job, status }, [], NEW_YEAR + HOUR, RETRY).status).toEqual(status);
});

test("a suspended Job has no deadline", () => {
  const job = jobOf({ activeDeadlineSeconds: 1, suspend: true }, RUNNING);
  expect(syncJob(job, [], NEW_YEAR + HOUR, RETRY).status.conditions).toMatchObject([{ type: "Suspended" }]);
});

test.for([
  [1, 10_000],
  [2, 20_000],
  [3, 40_000],
  [9, 600_000],
] as const)("after failure %i the next pod comes after %i ms", ([failures, delay]) => {
  const pods = Array.from({ length: failures }, () => podOf("Failed", { counted: true }));
  const job = jobOf({ backoffLimit: 20 }, { ...RUNNING, failed: failures });
  expect(syncJob(job, pods, NEW_YEAR, RETRY)).toMatchObject({ create: 0, again: NEW_YEAR + delay });
  expect(syncJob(job, pods, NEW_YEAR + delay, RETRY)).toMatchObject({ create: 1 });
});

test.for([
  ["Failed", 0],
  ["TerminatingOrFailed", 1],
] as const)(
  "with the policy %s a pod that is ending leaves room for %i",
  ([podReplacementPolicy, create]) => {
    const job = jobOf({ backoffLimit: 5, podReplacementPolicy }, RUNNING);
    const sync = syncJob(job, [podOf("Running", { deleting: true })], NEW_YEAR + HOUR, RETRY);
    expect(sync.create).toBe(create);
    expect(sync.status.terminating).toBe(1);
  },
);

test("what was counted is not counted again", () => {
  const job = jobOf({ backoffLimit: 5 }, { ...RUNNING, failed: 1 });
  const sync = syncJob(job, [podOf("Failed", { counted: true })], NEW_YEAR + HOUR, RETRY);
  expect(sync.status.failed).toBe(1);
  expect(sync.release).toEqual([]);
});

test("a finished Job changes no more, whatever its pods do", () => {
  const status: JobStatus = {
    ...RUNNING,
    conditions: [{ type: "Complete", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" }],
  };
  const sync = syncJob(jobOf({}, status), [podOf("Failed")], NEW_YEAR, RETRY);
  expect([sync.status, sync.create, sync.remove]).toEqual([status, 0, []]);
});

test("nothing that is the same is written again: an idle Job is left alone", () => {
  const job = jobOf({}, { ...RUNNING, ready: 0, terminating: 0, uncountedTerminatedPods: {} });
  const sync = syncJob(job, [podOf("Pending")], NEW_YEAR, RETRY);
  expect(sync).toEqual({ status: job.status, create: 0, remove: [], release: [], events: [] });
});
