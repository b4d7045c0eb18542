import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Watch } from "@kubernetes/client-node";
import { beforeEach, describe, expect, test } from "vitest";
import { startKubernetes } from "../../infra/local/kubernetes/server.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import {
  configFor,
  finished,
  IGNORE_DISRUPTION,
  isForeign,
  isRunning,
  jobOf,
  letGo,
  type Place,
  placeOf,
  podOf,
  podsOf,
  startCluster,
  until,
  waitingJob,
} from "./kubernetes-cluster.ts";
import { ServiceProcess } from "./service-process.ts";

let directory: string;
beforeEach(() => {
  directory = temporaryFolder();
});

const TOKEN = "of-tests";
const startProcess = (): Promise<ServiceProcess> =>
  ServiceProcess.start("kubernetes-process.ts", directory, TOKEN);
/** In a service that has just been started. */
const defaultOf = ({ endpoint }: ServiceProcess): Place => placeOf(configFor(endpoint, TOKEN), "default");

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").map(Number);

const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`);

/**
 * A pod of four processes that do not want to end: the program, one of its group, one that left the group (as `timeout`
 * does with what it runs), and one that left the session.
 *
 * @returns their ids
 */
async function startStubborn({ batch, namespace }: Place, name: string): Promise<number[]> {
  const file = join(directory, name);
  const script = `trap '' TERM HUP
    sleep 100 & one=$$!
    timeout 100 sleep 100 & two=$$!
    setsid sleep 100 & three=$$!
    echo $$$$ $one $two $three > ${file}.new; mv ${file}.new ${file}
    while true; do sleep 1; done`;
  await batch.createNamespacedJob({ namespace, body: jobOf(name, script) });
  await until(async () => existsSync(file));
  const pids = readFileSync(file, "utf8").trim().split(" ").map(Number);
  expect(pids.map(isAlive)).toEqual([true, true, true, true]);
  return pids;
}

// It is about this service's own process and files.
describe.skipIf(isForeign)("when the process is killed", () => {
  test("no process of a pod outlives it, nor what that started", async () => {
    await using service = await startProcess();
    const pids = await startStubborn(defaultOf(service), "survivor");
    await service.kill();
    await until(async () => !pids.some(isAlive));
  });

  test("nor the next one, when its watchdog is killed, too", async () => {
    await using service = await startProcess();
    const pids = await startStubborn(defaultOf(service), "orphan");
    for (const pid of childrenOf(service.pid)) if (!pids.includes(pid)) process.kill(pid, "SIGKILL");
    await service.kill();
    expect(pids.map(isAlive)).toEqual([true, true, true, true]);
    await using _again = await startProcess();
    await until(async () => !pids.some(isAlive));
  });

  test("nor does a process outlive its pod", async () => {
    await using cluster = await startCluster({ directory });
    const { batch, namespace } = cluster;
    const pids = await startStubborn(cluster, "deleted");
    await batch.deleteNamespacedJob({ name: "deleted", namespace, propagationPolicy: "Background" });
    await until(async () => (await podsOf(cluster, "deleted")).length === 0);
    await until(async () => !pids.some(isAlive));
  });

  test("its objects are there again, and what ran is found on a node that is gone", async () => {
    await using service = await startProcess();
    const before = defaultOf(service);
    const done = jobOf("done", "echo kept");
    await before.batch.createNamespacedJob({ namespace: "default", body: done });
    await finished(before, "done");
    await before.batch.createNamespacedJob({ namespace: "default", body: jobOf("counting", "sleep 100") });
    await podOf(before, "counting", isRunning);
    await before.batch.createNamespacedJob({ namespace: "default", body: waitingJob("ignoring") });
    const lost = await podOf(before, "ignoring", isRunning);
    const { metadata } = await before.batch.readNamespacedJob({ name: "counting", namespace: "default" });
    await letGo(before, "ignoring");
    await service.kill();

    await using again = await startProcess();
    const after = defaultOf(again);
    const counting = await finished(after, "counting");
    expect(counting.metadata?.uid).toBe(metadata?.uid);
    expect(counting.status?.conditions?.map(({ type, reason }) => `${type}/${reason}`)).toEqual([
      "FailureTarget/BackoffLimitExceeded",
      "Failed/BackoffLimitExceeded",
    ]);
    const ignoring = await finished(after, "ignoring");
    expect(ignoring.status).toMatchObject({ succeeded: 1 });
    expect(ignoring.status?.failed).toBeUndefined();
    const [pod] = await podsOf(after, "ignoring");
    expect(pod?.metadata?.uid).not.toBe(lost.metadata?.uid);
    expect(pod?.spec?.nodeName).not.toBe(lost.spec?.nodeName);
    // What had ended before stays, and its log.
    const kept = await podOf(after, "done");
    expect(
      await after.core.readNamespacedPodLog({ name: kept.metadata?.name ?? "", namespace: "default" }),
    ).toBe("kept\n");
  });

  test("a deadline goes on, and a Job that had not begun begins", async () => {
    await using service = await startProcess();
    const before = defaultOf(service);
    const body = jobOf("late", "sleep 100", { activeDeadlineSeconds: 2, ...IGNORE_DISRUPTION });
    await before.batch.createNamespacedJob({ namespace: "default", body });
    await until(async () => {
      const { status } = await before.batch.readNamespacedJob({ name: "late", namespace: "default" });
      return status?.startTime !== undefined;
    });
    await before.batch.createNamespacedJob({ namespace: "default", body: jobOf("new", "true") });
    await service.kill();
    await using again = await startProcess();
    const late = await finished(defaultOf(again), "late");
    expect(late.status?.conditions?.at(-1)).toMatchObject({ type: "Failed", reason: "DeadlineExceeded" });
    await finished(defaultOf(again), "new");
  });

  test("versions only grow, and a watch from before is told to begin anew", async () => {
    await using service = await startProcess();
    const before = defaultOf(service);
    await before.batch.createNamespacedJob({ namespace: "default", body: jobOf("a", "true") });
    await finished(before, "a");
    const { metadata } = await before.batch.listNamespacedJob({ namespace: "default" });
    await before.batch.deleteNamespacedJob({
      name: "a",
      namespace: "default",
      propagationPolicy: "Background",
    });
    await until(async () => (await podsOf(before, "a")).length === 0);
    const last = await before.batch.listNamespacedJob({ namespace: "default" });
    await service.kill();
    await using again = await startProcess();
    const list = await defaultOf(again).batch.listNamespacedJob({ namespace: "default" });
    expect(Number(list.metadata?.resourceVersion)).toBeGreaterThanOrEqual(
      Number(last.metadata?.resourceVersion),
    );
    const told: { type: string; code?: number }[] = [];
    const connection = await new Watch(configFor(again.endpoint, TOKEN)).watch(
      "/apis/batch/v1/namespaces/default/jobs",
      { resourceVersion: metadata?.resourceVersion },
      (type, object) => told.push({ type, code: (object as { code?: number }).code ?? 0 }),
      () => {},
    );
    await until(async () => told.length > 0);
    expect(told).toEqual([{ type: "ERROR", code: 410 }]);
    connection.abort();
  });
});

describe.skipIf(isForeign)("the directory", () => {
  test("is served by one process at a time", async () => {
    await using cluster = await startCluster({ directory });
    await expect(startKubernetes({ directory, resolveImage: () => [] })).rejects.toMatchObject({
      code: "KUBERNETES_DIRECTORY_IN_USE",
      message: `the Kubernetes directory ${directory} is in use by another local Kubernetes`,
    });
    expect(cluster.own.endpoint).toMatch(/^http:\/\/127\.0\.0\.1:/);
  });

  test("of another format is refused", async () => {
    const database = new DatabaseSync(join(directory, "kubernetes.sqlite"));
    database.exec("PRAGMA user_version = 99");
    database.close();
    await expect(startKubernetes({ directory, resolveImage: () => [] })).rejects.toMatchObject({
      code: "KUBERNETES_VERSION",
      message: `${directory} was written by another version (format 99)`,
    });
  });

  test("holds nothing of a pod that is no more, and no volume of one that has ended", async () => {
    await using cluster = await startCluster({ directory });
    const { namespace, batch } = cluster;
    const pod = {
      volumes: [{ name: "work", emptyDir: {} }],
      containers: [
        {
          name: "main",
          image: "busybox:1.37",
          command: ["sh", "-c", "echo x > /scratch/x"],
          volumeMounts: [{ name: "work", mountPath: "/scratch" }],
        },
      ],
    };
    await batch.createNamespacedJob({ namespace, body: jobOf("tidy", "", { pod }) });
    await finished(cluster, "tidy");
    const { metadata } = await podOf(cluster, "tidy");
    const folder = join(directory, "pods", metadata?.uid ?? "");
    await until(async () => !existsSync(join(folder, "volumes")));
    expect(existsSync(join(folder, "logs", "main.log"))).toBe(true);
    await batch.deleteNamespacedJob({ name: "tidy", namespace, propagationPolicy: "Background" });
    await until(async () => !existsSync(folder));
  });
});

describe.skipIf(isForeign)("calls", () => {
  test("are told by the client's names", async () => {
    const calls: string[] = [];
    await using cluster = await startCluster({ onCall: (operation) => calls.push(operation) });
    const { namespace, batch, core } = cluster;
    calls.length = 0;
    await batch.createNamespacedJob({ namespace, body: jobOf("a", "true") });
    await batch.readNamespacedJob({ name: "a", namespace });
    await batch.listJobForAllNamespaces();
    await batch.deleteNamespacedJob({ name: "a", namespace, propagationPolicy: "Background" });
    await core.listNamespacedEvent({ namespace });
    expect(calls).toEqual([
      "createNamespacedJob",
      "readNamespacedJob",
      "listJobForAllNamespaces",
      "deleteNamespacedJob",
      "listNamespacedEvent",
    ]);
  });
});
