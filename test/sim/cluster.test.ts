import { expect, test } from "vitest";
import { ClusterError } from "../../lib/cluster/cluster.ts";
import type { JobManifest } from "../../lib/cluster/manifest.ts";
import { quietWorld, runUntil } from "./quiet-world.ts";
import { ClusterModel, observedPod, type PodModel } from "./services/cluster.ts";
import { SlotModel } from "./services/slots.ts";

const MINUTE = 60_000;
const manifest = {
  metadata: { name: "mr-1-a1", labels: { "millrace/spec": "s" }, annotations: { "millrace/jobs": "1" } },
  spec: { activeDeadlineSeconds: 3600 },
} as unknown as JobManifest;

const make = async () => {
  const world = quietWorld();
  const pods: PodModel[] = [];
  const cluster = new ClusterModel(world, { made: () => {}, deleted: () => {} });
  cluster.program = (pod) => pods.push(pod);
  expect(cluster.ensure(manifest)).toMatchObject({ kind: "made" });
  await runUntil(world, MINUTE);
  expect(pods).toHaveLength(1);
  return { world, cluster, pods, pod: pods[0]!, job: cluster.get("mr-1-a1")! };
};

test("a Job that is made twice is found, and is what its pod makes of it", async () => {
  const { cluster, pod, job } = await make();
  expect(cluster.ensure(manifest)).toMatchObject({ kind: "adopted", isSame: true });
  cluster.ended(pod, 1, "no");
  expect(job.conditions).toMatchObject([{ type: "Failed", reason: "BackoffLimitExceeded" }]);
  expect(observedPod(pod).containers).toMatchObject([{ name: "main", terminated: { exitCode: 1 } }]);
});

test("a Job that takes too long is ended with its pod", async () => {
  const { world, pod, job } = await make();
  await runUntil(world, 61 * MINUTE);
  expect(job.conditions).toMatchObject([{ type: "Failed", reason: "DeadlineExceeded" }]);
  expect(pod.process.isDead).toBe(true);
});

test("a pod whose machine is lost is replaced, and may go on", async () => {
  const { world, cluster, pods, pod, job } = await make();
  cluster.loseNode(pod);
  await runUntil(world, 10 * MINUTE);
  expect(pods).toHaveLength(2);
  expect(pod.process.isDead).toBe(false);
  cluster.ended(pods[1]!, 0);
  expect(job.conditions).toMatchObject([{ type: "Complete" }]);
});

test("a Job is deleted with its pod, if it is the one that is meant; its name is free some time later", async () => {
  const { world, cluster, pod, job } = await make();
  expect(() => cluster.delete("mr-1-a1", "another")).toThrow(ClusterError);
  cluster.delete("mr-1-a1", job.uid);
  expect(pod.process.isDead).toBe(true);
  expect(cluster.ensure(manifest)).toEqual({ kind: "ending" });
  await runUntil(world, 3 * MINUTE);
  expect(cluster.ensure(manifest)).toMatchObject({ kind: "made" });
});

test("a place is taken once by each job, and no more places than there are", () => {
  const slots = new SlotModel();
  expect(["a", "a", "b", "c"].map((job) => slots.take("pool", 2, job))).toEqual([true, true, true, false]);
  slots.held("pool").delete("a");
  expect(slots.take("pool", 2, "c")).toBe(true);
});
