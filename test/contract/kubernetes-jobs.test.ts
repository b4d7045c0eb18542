import { PatchStrategy, setHeaderOptions, type V1JobStatus } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type Cluster,
  finished,
  isRunning,
  jobOf,
  letGo,
  milestones,
  newName,
  observe,
  podOf,
  podsOf,
  startCluster,
  until,
  waitingJob,
} from "./kubernetes-cluster.ts";

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster[Symbol.asyncDispose]());

const create = (name: string, script: string, shape?: Parameters<typeof jobOf>[2]) =>
  cluster.batch.createNamespacedJob({ namespace: cluster.namespace, body: jobOf(name, script, shape) });

const hasResult = (status: V1JobStatus): boolean =>
  status.conditions?.some(({ type }) => /^(Complete|Failed)$/.test(type)) ?? false;

/** What a watch saw of a Job from its making to its end. */
async function course(script: string, shape?: Parameters<typeof jobOf>[2]): Promise<string[]> {
  const name = newName("course");
  await using seen = await observe(cluster, name);
  await create(name, script, shape);
  await finished(cluster, name);
  await until(async () => seen.statuses.some(hasResult));
  return milestones(seen.statuses);
}

test("success is announced before it is final", async () => {
  expect(await course("true")).toEqual([
    "active:1",
    "SuccessCriteriaMet/CompletionsReached",
    "succeeded:1 Complete/CompletionsReached",
  ]);
});

test("so is failure", async () => {
  expect(await course("exit 1")).toEqual([
    "active:1",
    "FailureTarget/BackoffLimitExceeded",
    "failed:1 Failed/BackoffLimitExceeded",
  ]);
});

test("an exit code can end a Job for good, and the Job says which", async () => {
  const name = newName("policy");
  await create(name, "exit 42", {
    backoffLimit: 3,
    podFailurePolicy: {
      rules: [{ action: "FailJob", onExitCodes: { containerName: "main", operator: "In", values: [42] } }],
    },
  });
  const job = await finished(cluster, name);
  const [pod] = await podsOf(cluster, name);
  expect(job.status?.conditions).toContainEqual(
    expect.objectContaining({
      type: "Failed",
      reason: "PodFailurePolicy",
      message: `Container main for pod ${cluster.namespace}/${pod?.metadata?.name} failed with exit code 42 matching FailJob rule at index 0`,
    }),
  );
});

test("at its deadline a Job waits for the end of its pod", async () => {
  const name = newName("deadline");
  const { batch, core, namespace } = cluster;
  await using seen = await observe(cluster, name);
  await create(name, "trap 'exit 1' TERM; echo ready; sleep 100 & wait");
  const pod = await podOf(cluster, name, isRunning);
  await until(
    async () => (await core.readNamespacedPodLog({ namespace, name: pod.metadata?.name ?? "" })) !== "",
  );
  await batch.patchNamespacedJob(
    { name, namespace, body: { spec: { activeDeadlineSeconds: 1 } } },
    setHeaderOptions("Content-Type", PatchStrategy.MergePatch),
  );
  await until(async () => seen.statuses.some(hasResult));
  expect(milestones(seen.statuses)).toEqual([
    "active:1",
    "terminating:1 FailureTarget/DeadlineExceeded",
    "failed:1",
    "Failed/DeadlineExceeded",
  ]);
});

test("a suspended Job has no pod until it is resumed", async () => {
  const name = newName("suspended");
  await using seen = await observe(cluster, name);
  await create(name, "true", { suspend: true });
  await until(async () => seen.statuses.some(({ conditions }) => conditions?.length === 1));
  expect(await podsOf(cluster, name)).toEqual([]);
  const { batch, namespace } = cluster;
  const job = await batch.readNamespacedJob({ name, namespace });
  job.spec!.suspend = false;
  await batch.replaceNamespacedJob({ name, namespace, body: job });
  await until(async () => seen.statuses.at(-1)?.succeeded === 1);
  expect(milestones(seen.statuses)).toEqual([
    "Suspended/JobSuspended",
    "active:1 Suspended=False/JobResumed",
    "SuccessCriteriaMet/CompletionsReached",
    "succeeded:1 Complete/CompletionsReached",
  ]);
});

test("a Job that is suspended while it runs loses its pod and counts no failure", async () => {
  const name = newName("interrupted");
  await create(name, "sleep 100");
  await podOf(cluster, name, isRunning);
  const { batch, namespace } = cluster;
  await until(async () => {
    const job = await batch.readNamespacedJob({ name, namespace });
    job.spec!.suspend = true;
    // The status changes meanwhile: a conflict is tried again.
    return batch.replaceNamespacedJob({ name, namespace, body: job }).catch(() => undefined);
  });
  await until(async () => (await podsOf(cluster, name)).length === 0);
  const { status } = await batch.readNamespacedJob({ name, namespace });
  expect(status?.failed).toBeUndefined();
  expect(status?.startTime).toBeUndefined();
});

test("a finished Job goes by itself when its time is over", async () => {
  const name = newName("passing");
  await using seen = await observe(cluster, name);
  await create(name, "true", { ttlSecondsAfterFinished: 1 });
  await until(async () => seen.types.at(-1) === "DELETED");
  await until(async () => (await podsOf(cluster, name)).length === 0);
  expect(seen.types[0]).toBe("ADDED");
});

test("failed pods are replaced as often as the Job allows", async () => {
  const name = newName("persistent");
  await create(name, "exit 3", { backoffLimit: 2 });
  const job = await finished(cluster, name);
  expect(job.status?.failed).toBe(3);
  expect(await podsOf(cluster, name)).toHaveLength(3);
});

test("several completions, so many at once", async () => {
  const name = newName("several");
  await using seen = await observe(cluster, name);
  await create(name, "true", { completions: 5, parallelism: 2 });
  const job = await finished(cluster, name);
  expect(job.status?.succeeded).toBe(5);
  await until(async () => seen.statuses.at(-1)?.succeeded === 5);
  expect(Math.max(...seen.statuses.map(({ active }) => active ?? 0))).toBe(2);
});

test("an evicted pod is replaced in the same Job and not counted", async () => {
  const name = newName("evicted");
  await cluster.batch.createNamespacedJob({ namespace: cluster.namespace, body: waitingJob(name) });
  const { metadata } = await podOf(cluster, name, isRunning);
  await letGo(cluster, name);
  await cluster.core.createNamespacedPodEviction({
    name: metadata?.name ?? "",
    namespace: cluster.namespace,
    body: { metadata: { name: metadata?.name ?? "" } },
  });
  const job = await finished(cluster, name);
  expect(job.status).toMatchObject({ succeeded: 1, conditions: [{}, { type: "Complete" }] });
  expect(job.status?.failed).toBeUndefined();
  const pods = await podsOf(cluster, name);
  expect(pods.map((pod) => pod.metadata?.uid)).not.toContain(metadata?.uid);
});

test("a pod that somebody deletes is a failure", async () => {
  const name = newName("deleted");
  await create(name, "sleep 100");
  const { metadata } = await podOf(cluster, name, isRunning);
  await cluster.core.deleteNamespacedPod({ name: metadata?.name ?? "", namespace: cluster.namespace });
  const job = await finished(cluster, name);
  expect(job.status?.conditions?.at(-1)).toMatchObject({ type: "Failed", reason: "BackoffLimitExceeded" });
  expect(await podsOf(cluster, name)).toEqual([]);
});

test("without a policy for it, a replacement may start while the old pod still runs: two pods of one Job", async () => {
  const name = newName("twins");
  await create(name, "trap '' TERM; while true; do sleep 1; done", {
    backoffLimit: 2,
    podReplacementPolicy: "TerminatingOrFailed",
    pod: { terminationGracePeriodSeconds: 60 },
  });
  const { metadata } = await podOf(cluster, name, isRunning);
  await cluster.core.deleteNamespacedPod({ name: metadata?.name ?? "", namespace: cluster.namespace });
  const pods = await until(async () => {
    const both = await podsOf(cluster, name);
    return both.length === 2 && both.every(isRunning) && both;
  });
  expect(pods.filter((pod) => pod.metadata?.deletionTimestamp !== undefined)).toHaveLength(1);
  await cluster.batch.deleteNamespacedJob({
    name,
    namespace: cluster.namespace,
    propagationPolicy: "Background",
  });
  for (const pod of pods)
    await cluster.core.deleteNamespacedPod({
      name: pod.metadata?.name ?? "",
      namespace: cluster.namespace,
      gracePeriodSeconds: 0,
    });
});
