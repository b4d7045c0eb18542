import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { Log, type V1Container, type V1PodSpec } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type Cluster,
  finished,
  isForeign,
  isRunning,
  jobOf,
  newName,
  podOf,
  podsOf,
  refusal,
  startCluster,
  until,
} from "./kubernetes-cluster.ts";
import { IMAGE } from "./kubernetes-image.ts";

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster[Symbol.asyncDispose]());

const shell = (name: string, script: string, rest: Partial<V1Container> = {}): V1Container => ({
  name,
  image: IMAGE,
  command: ["sh", "-c", script],
  ...rest,
});

async function start(pod: Partial<V1PodSpec>): Promise<string> {
  const name = newName("pod");
  await cluster.batch.createNamespacedJob({ namespace: cluster.namespace, body: jobOf(name, "", { pod }) });
  return name;
}

const logOf = async (job: string, container = "main", rest: object = {}): Promise<string> => {
  const [pod] = await podsOf(cluster, job);
  const name = pod?.metadata?.name ?? "";
  return cluster.core.readNamespacedPodLog({ name, namespace: cluster.namespace, container, ...rest });
};

/** Runs a pod to its end. @returns the log of its container */
async function run(pod: Partial<V1PodSpec>): Promise<string> {
  const name = await start(pod);
  await finished(cluster, name);
  return logOf(name);
}

const WORK = { volumes: [{ name: "work", emptyDir: {} }] };
const MOUNTED = { volumeMounts: [{ name: "work", mountPath: "/scratch" }] };

describe("containers", () => {
  test("init containers run in order, each to its end, and share the volume with the container", async () => {
    const log = await run({
      ...WORK,
      initContainers: [
        shell("first", "sleep 0.3; echo first >> /scratch/order", MOUNTED),
        shell("second", "echo second >> /scratch/order", MOUNTED),
      ],
      containers: [
        shell("main", "echo main >> $FOLDER/order; cat $FOLDER/order", {
          ...MOUNTED,
          env: [{ name: "FOLDER", value: "/scratch" }],
        }),
      ],
    });
    expect(log).toBe("first\nsecond\nmain\n");
  });

  test("an init container that fails ends the pod before its container begins", async () => {
    const name = await start({
      initContainers: [shell("fetch", "exit 7")],
      containers: [shell("main", "echo never")],
    });
    await finished(cluster, name);
    const { status } = await podOf(cluster, name);
    expect(status?.phase).toBe("Failed");
    expect(status?.initContainerStatuses?.[0]?.state?.terminated).toMatchObject({
      exitCode: 7,
      reason: "Error",
    });
    expect(status?.containerStatuses?.[0]?.state?.waiting?.reason).toBe("PodInitializing");
  });

  test("a pod succeeds when all its containers do", async () => {
    const name = await start({ containers: [shell("main", "true"), shell("other", "sleep 0.2; exit 5")] });
    const job = await finished(cluster, name);
    expect(job.status?.failed).toBe(1);
    const { status } = await podOf(cluster, name);
    expect(status?.containerStatuses?.map(({ state }) => state?.terminated?.exitCode)).toEqual([0, 5]);
  });

  test("a sidecar starts first, is told to end last, and does not hold the Job up", async () => {
    const name = await start({
      ...WORK,
      terminationGracePeriodSeconds: 10,
      initContainers: [
        shell("sidecar", "trap 'echo told; exit 3' TERM; echo up > /scratch/up; sleep 100 & wait", {
          ...MOUNTED,
          restartPolicy: "Always",
        }),
      ],
      containers: [shell("main", "until [ -e /scratch/up ]; do sleep 0.05; done; echo seen", MOUNTED)],
    });
    const job = await finished(cluster, name);
    expect(job.status?.succeeded).toBe(1);
    expect([await logOf(name), await logOf(name, "sidecar")]).toEqual(["seen\n", "told\n"]);
  });

  test("what a container leaves as its last word is in its status", async () => {
    const name = await start({ containers: [shell("main", `echo '{"rows":3}' > /dev/termination-log`)] });
    await finished(cluster, name);
    const { status } = await podOf(cluster, name);
    expect(status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({
      exitCode: 0,
      reason: "Completed",
      message: '{"rows":3}\n',
    });
  });

  test("or, when it failed without one, the end of its log", async () => {
    const container = shell("main", "echo this went wrong; exit 1", {
      terminationMessagePolicy: "FallbackToLogsOnError",
    });
    const name = await start({ containers: [container] });
    await finished(cluster, name);
    const { status } = await podOf(cluster, name);
    expect(status?.containerStatuses?.[0]?.state?.terminated?.message).toBe("this went wrong\n");
  });

  test("a pod that is told to end is given its time, and no more", async () => {
    const name = await start({
      terminationGracePeriodSeconds: 1,
      containers: [shell("main", "trap 'echo told' TERM; echo up; while true; do sleep 1 & wait; done")],
    });
    const { metadata } = await podOf(cluster, name, isRunning);
    await until(async () => (await logOf(name)) === "up\n");
    const followed = new PassThrough();
    await new Log(cluster.config).log(cluster.namespace, metadata?.name ?? "", "main", followed, {
      follow: true,
    });
    await cluster.core.deleteNamespacedPod({ name: metadata?.name ?? "", namespace: cluster.namespace });
    expect(await text(followed)).toBe("up\ntold\n");
    await until(async () => (await podsOf(cluster, name)).length === 0);
  });
});

describe("environment", () => {
  test("values, references to values before, fields, secrets and config maps", async () => {
    const name = newName("settings");
    const { core, namespace } = cluster;
    const data = { KEY: Buffer.from("hush").toString("base64") };
    await core.createNamespacedSecret({ namespace, body: { metadata: { name }, data } });
    await core.createNamespacedConfigMap({ namespace, body: { metadata: { name }, data: { MODE: "fast" } } });
    const log = await run({
      containers: [
        shell("main", 'echo "$A|$B|$C|$D|$E|$PRE_KEY|$MODE|$1"', {
          args: ["-", "$(A)$$(A)$(NOBODY)"],
          envFrom: [{ prefix: "PRE_", secretRef: { name } }, { configMapRef: { name } }],
          env: [
            { name: "A", value: "a" },
            { name: "B", value: "$(A)b" },
            { name: "C", valueFrom: { fieldRef: { fieldPath: "metadata.namespace" } } },
            { name: "D", valueFrom: { secretKeyRef: { name, key: "KEY" } } },
            { name: "E", valueFrom: { secretKeyRef: { name: "nobody", key: "KEY", optional: true } } },
          ],
        }),
      ],
    });
    expect(log).toBe(`a|ab|${namespace}|hush||hush|fast|a$(A)$(NOBODY)\n`);
  });

  test("JSON is data: a path in it stays as it is", async () => {
    const container = shell("main", "echo $INPUT; cd $FOLDER && echo here", {
      ...MOUNTED,
      env: [
        { name: "INPUT", value: '{"path":"/scratch/a"}' },
        { name: "FOLDER", value: "/scratch" },
      ],
    });
    expect(await run({ ...WORK, containers: [container] })).toBe('{"path":"/scratch/a"}\nhere\n');
  });

  test("a working directory in a volume, a part of a volume, a secret as files", async () => {
    const name = newName("files");
    const { core, namespace } = cluster;
    await core.createNamespacedSecret({
      namespace,
      body: { metadata: { name }, stringData: { "key.pem": "hush" } },
    });
    const log = await run({
      volumes: [...WORK.volumes, { name: "keys", secret: { secretName: name } }],
      initContainers: [
        shell("fetch", "echo hello > /part/a", {
          volumeMounts: [{ name: "work", mountPath: "/part", subPath: "in" }],
        }),
      ],
      containers: [
        shell("main", "cat a; cat /keys/key.pem", {
          workingDir: "/scratch/in",
          volumeMounts: [...MOUNTED.volumeMounts, { name: "keys", mountPath: "/keys" }],
        }),
      ],
    });
    expect(log).toBe("hello\nhush");
  });

  test("a pod sees nothing of the environment of whoever runs it", async () => {
    // The runner sets it for every test.
    expect(process.env["VITEST"]).toBe("true");
    expect(await run({ containers: [shell("main", 'echo "$VITEST"')] })).toBe("\n");
  });
});

// A real pod's home is its image's.
test.skipIf(isForeign)("a pod's home is its own, not that of whoever runs it", async () => {
  const log = await run({ containers: [shell("main", 'echo "$HOME"; cd ~; ls -A; pwd')] });
  const [home] = log.split("\n");
  expect(home).toMatch(/\/containers\/main-0\/root$/);
  expect(log).toBe(`${home}\n${home}\n`);
});

test("a pod has a time of its own, after which it has failed, whatever its program says", async () => {
  const script = "trap 'exit 0' TERM; sleep 100 & wait";
  const name = await start({ activeDeadlineSeconds: 1, containers: [shell("main", script)] });
  await finished(cluster, name);
  const { status } = await podOf(cluster, name);
  expect(status).toMatchObject({ phase: "Failed", reason: "DeadlineExceeded" });
});

describe("logs", () => {
  // A real cluster has its own limits for what is not read.
  test.skipIf(isForeign)("one that is followed and not read is given up", async () => {
    const line = "x".repeat(1000);
    const script = `until [ -e $GO/go ]; do sleep 0.05; done; yes ${line} | head -c 30000000`;
    const folder = await mkdtemp(join(tmpdir(), "deaf-"));
    const name = await start({
      containers: [shell("main", script, { env: [{ name: "GO", value: folder }] })],
    });
    const pod = (await podOf(cluster, name, isRunning)).metadata?.name;
    const { hostname, port } = new URL(cluster.own.endpoint);
    const deaf = connect(Number(port), hostname);
    deaf.write(
      `GET /api/v1/namespaces/${cluster.namespace}/pods/${pod}/log?follow=true HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${cluster.own.token}\r\n\r\n`,
    );
    await once(deaf, "readable");
    await writeFile(join(folder, "go"), "");
    await finished(cluster, name);
    let received = 0;
    for await (const chunk of deaf.on("error", () => {})) received += (chunk as Buffer).length;
    expect(received).toBeLessThan(30_000_000);
    await rm(folder, { recursive: true });
  });

  test("the end, with times, limited, empty lines included", async () => {
    const name = await start({ containers: [shell("main", "echo one; echo; printf four")] });
    await finished(cluster, name);
    expect(await logOf(name)).toBe("one\n\nfour");
    expect(await logOf(name, "main", { tailLines: 2 })).toBe("\nfour");
    expect(await logOf(name, "main", { tailLines: 0 })).toBe("");
    expect((await logOf(name, "main", { limitBytes: 4 })).length).toBe(4);
    expect(await logOf(name, "main", { timestamps: true })).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z /);
  });

  test("of a container that nobody has, or that has not begun", async () => {
    const name = await start({
      initContainers: [shell("fetch", "sleep 30")],
      containers: [shell("main", "true"), shell("other", "true")],
    });
    const pod = (
      await podOf(
        cluster,
        name,
        ({ status }) => status?.initContainerStatuses?.[0]?.state?.running !== undefined,
      )
    ).metadata?.name;
    const read = (container?: string) =>
      refusal(
        cluster.core.readNamespacedPodLog({
          name: pod ?? "",
          namespace: cluster.namespace,
          ...(container && { container }),
        }),
      );
    expect(await read("nobody")).toMatchObject({
      code: 400,
      message: `container nobody is not valid for pod ${pod}`,
    });
    expect(await read("main")).toMatchObject({
      code: 400,
      message: `container "main" in pod "${pod}" is waiting to start: PodInitializing`,
    });
    expect(await read()).toMatchObject({
      code: 400,
      message: `a container name must be specified for pod ${pod}, choose one of: [main other] or one of the init containers: [fetch]`,
    });
    await cluster.batch.deleteNamespacedJob({
      name,
      namespace: cluster.namespace,
      propagationPolicy: "Background",
    });
  });
});
