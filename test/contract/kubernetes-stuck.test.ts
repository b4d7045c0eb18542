import type { V1PodSpec } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type Cluster,
  finished,
  isFinished,
  isForeign,
  isRunning,
  jobOf,
  letGo,
  newName,
  placeOf,
  podOf,
  podsOf,
  refusal,
  startCluster,
  until,
  waitingFor,
  waitingJob,
} from "./kubernetes-cluster.ts";
import { IMAGE, MISSING_IMAGE } from "./kubernetes-image.ts";

/** What leaves a Job active for ever, without a condition: where its cause is to be found. */
let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster[Symbol.asyncDispose]());

const container = { name: "main", image: IMAGE, command: ["true"] };

async function start(pod: Partial<V1PodSpec>, namespace = cluster.namespace): Promise<string> {
  const name = newName("stuck");
  await cluster.batch.createNamespacedJob({ namespace, body: jobOf(name, "true", { pod }) });
  return name;
}

const statusOf = async (name: string, namespace = cluster.namespace) => {
  const job = await cluster.batch.readNamespacedJob({ name, namespace });
  return { active: job.status?.active, conditions: job.status?.conditions, isFinished: isFinished(job) };
};

/** Messages of events about an object, by their reason. */
const told = (name: string, reason: string, namespace = cluster.namespace) =>
  until(async () => {
    const fieldSelector = `involvedObject.name=${name},reason=${reason}`;
    const { items } = await cluster.core.listNamespacedEvent({ namespace, fieldSelector });
    return items.at(-1)?.message;
  });

test("an image that no registry has", async () => {
  const name = await start({ containers: [{ ...container, image: MISSING_IMAGE }] });
  // The first of the two may be over before it is seen.
  const pod = await podOf(cluster, name, (each) =>
    /^(ErrImagePull|ImagePullBackOff)$/.test(waitingFor(each) ?? ""),
  );
  expect(pod.status?.phase).toBe("Pending");
  await podOf(cluster, name, (each) => waitingFor(each) === "ImagePullBackOff");
  expect(await told(pod.metadata?.name ?? "", "BackOff")).toContain(
    `Back-off pulling image "${MISSING_IMAGE}"`,
  );
  expect(await statusOf(name)).toEqual({ active: 1, conditions: undefined, isFinished: false });
});

test("an image that must not be pulled and is not there", async () => {
  const name = await start({
    containers: [{ ...container, image: MISSING_IMAGE, imagePullPolicy: "Never" }],
  });
  const pod = await podOf(cluster, name, (each) => waitingFor(each) === "ErrImageNeverPull");
  expect(pod.status?.containerStatuses?.[0]?.state?.waiting?.message).toBe(
    `Container image "${MISSING_IMAGE}" is not present with pull policy of Never`,
  );
});

test("a secret that is missing; it goes on when the secret comes", async () => {
  const secret = newName("secret");
  const name = await start({ containers: [{ ...container, envFrom: [{ secretRef: { name: secret } }] }] });
  const pod = await podOf(cluster, name, (each) => waitingFor(each) === "CreateContainerConfigError");
  expect(pod.status?.containerStatuses?.[0]?.state?.waiting?.message).toBe(`secret "${secret}" not found`);
  expect(await statusOf(name)).toEqual({ active: 1, conditions: undefined, isFinished: false });
  await cluster.core.createNamespacedSecret({
    namespace: cluster.namespace,
    body: { metadata: { name: secret }, stringData: { KEY: "value" } },
  });
  expect((await finished(cluster, name)).status?.succeeded).toBe(1);
});

test("a service account that nobody has: only an event tells", async () => {
  const name = await start({ serviceAccountName: "nobody" });
  expect(await told(name, "FailedCreate")).toMatch(
    /^Error creating: pods ".*" is forbidden: error looking up service account .*\/nobody: serviceaccount "nobody" not found$/,
  );
  expect(await podsOf(cluster, name)).toEqual([]);
});

test("more than any node has", async () => {
  const name = await start({ containers: [{ ...container, resources: { requests: { cpu: "500" } } }] });
  const pod = await podOf(
    cluster,
    name,
    ({ status }) => status?.conditions?.some(({ reason }) => reason === "Unschedulable") ?? false,
  );
  const condition = pod.status?.conditions?.find(({ type }) => type === "PodScheduled");
  expect(condition).toMatchObject({ status: "False", message: expect.stringContaining("Insufficient cpu") });
  expect(pod.spec?.nodeName).toBeUndefined();
  expect(await statusOf(name)).toEqual({ active: 1, conditions: undefined, isFinished: false });
});

test("a quota for Jobs refuses the Job, for pods the pod: then only an event tells", async () => {
  const namespace = await cluster.createNamespace();
  const hard = { "count/jobs.batch": "1", pods: "0" };
  await cluster.core.createNamespacedResourceQuota({
    namespace,
    body: { metadata: { name: "few" }, spec: { hard } },
  });
  // A cluster refuses everything until it has counted what there is.
  const first = await until(() => start({}, namespace).catch(() => undefined));
  expect(await told(first, "FailedCreate", namespace)).toMatch(
    /^Error creating: pods "stuck-.*" is forbidden: exceeded quota: few, requested: pods=1, used: pods=0, limited: pods=0$/,
  );
  expect(await statusOf(first, namespace)).toEqual({
    active: undefined,
    conditions: undefined,
    isFinished: false,
  });
  const second = newName("stuck");
  const body = jobOf(second, "true");
  expect(await refusal(cluster.batch.createNamespacedJob({ namespace, body }))).toEqual({
    code: 403,
    reason: "Forbidden",
    message: `jobs.batch "${second}" is forbidden: exceeded quota: few, requested: count/jobs.batch=1, used: count/jobs.batch=1, limited: count/jobs.batch=1`,
  });
});

test("a namespace with Pod Security takes the Job with a warning, and never its pods", async () => {
  const namespace = await cluster.createNamespace({ "pod-security.kubernetes.io/enforce": "restricted" });
  const name = newName("insecure");
  const { headers } = await cluster.batch.createNamespacedJobWithHttpInfo({
    namespace,
    body: jobOf(name, "true"),
  });
  expect(headers["warning"]).toContain('would violate PodSecurity \\"restricted:latest\\"');
  const message = await told(name, "FailedCreate", namespace);
  expect(message).toContain('is forbidden: violates PodSecurity "restricted:latest"');
  expect(message).toContain(
    'allowPrivilegeEscalation != false (container "main" must set securityContext.allowPrivilegeEscalation=false)',
  );
  expect(await podsOf(placeOf(cluster.config, namespace), name)).toEqual([]);
});

test("the pod of a stage meets Pod Security", async () => {
  const namespace = await cluster.createNamespace({ "pod-security.kubernetes.io/enforce": "restricted" });
  const pod: Partial<V1PodSpec> = {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: "RuntimeDefault" } },
    containers: [
      {
        ...container,
        resources: { requests: { cpu: "10m", memory: "16Mi" }, limits: { cpu: "1", memory: "64Mi" } },
        securityContext: {
          allowPrivilegeEscalation: false,
          capabilities: { drop: ["ALL"] },
          readOnlyRootFilesystem: true,
        },
      },
    ],
  };
  const name = newName("secure");
  const { headers } = await cluster.batch.createNamespacedJobWithHttpInfo({
    namespace,
    body: jobOf(name, "true", { pod }),
    fieldValidation: "Strict",
  });
  expect(headers["warning"]).toBeUndefined();
  const job = await finished(placeOf(cluster.config, namespace), name);
  expect(job.status?.succeeded).toBe(1);
});

test("more memory than its limit", async () => {
  const name = await start({
    containers: [
      {
        ...container,
        // Grows by doubling, and stays when it has enough to be seen.
        command: [
          "sh",
          "-c",
          "x=aaaaaaaa; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23; do x=$x$x; done; sleep 60",
        ],
        resources: { limits: { memory: "32Mi" } },
      },
    ],
  });
  const job = await finished(cluster, name);
  expect(job.status?.conditions?.at(-1)).toMatchObject({ type: "Failed", reason: "BackoffLimitExceeded" });
  const pod = await podOf(cluster, name);
  expect(pod.status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({
    exitCode: 137,
    reason: "OOMKilled",
  });
});

test("a program that the image does not have", async () => {
  const name = await start({ containers: [{ ...container, command: ["no-such-program"] }] });
  await finished(cluster, name);
  const pod = await podOf(cluster, name);
  expect(pod.status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({
    exitCode: 128,
    reason: "StartError",
    message: expect.stringContaining('exec: "no-such-program": executable file not found in $PATH'),
  });
});

test("more words than the system takes", async () => {
  const name = await start({ containers: [{ ...container, command: ["echo", "x".repeat(200_000)] }] });
  await finished(cluster, name);
  const { status } = await podOf(cluster, name);
  expect(status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({
    exitCode: 128,
    reason: "StartError",
  });
});

// Needs switches, which a real cluster does not have.
test.skipIf(isForeign)("whatever else the scheduler says", async () => {
  const reason = "0/3 nodes are available: 3 node(s) had untolerated taint {gpu: true}.";
  cluster.own.setFaults({ unschedulable: reason });
  const name = await start({});
  const pod = await podOf(cluster, name, ({ status }) => status?.conditions !== undefined);
  expect(pod.status?.conditions).toEqual([
    expect.objectContaining({
      type: "PodScheduled",
      status: "False",
      reason: "Unschedulable",
      message: reason,
    }),
  ]);
  cluster.own.setFaults({ unschedulable: "" });
  expect((await finished(cluster, name)).status?.succeeded).toBe(1);
});

test.skipIf(isForeign)("a request is refused, or late, or its answer lost", async () => {
  const { own, batch, namespace } = cluster;
  own.setFaults({ throttle: 1 });
  expect(await refusal(batch.listNamespacedJob({ namespace }))).toMatchObject({
    code: 429,
    reason: "TooManyRequests",
  });
  own.setFaults({ throttle: 0, fail: 1 });
  expect(await refusal(batch.listNamespacedJob({ namespace }))).toMatchObject({
    code: 500,
    reason: "InternalError",
  });
  own.setFaults({ fail: 0, loseAnswer: 1 });
  const name = newName("unanswered");
  await expect(batch.createNamespacedJob({ namespace, body: jobOf(name, "true") })).rejects.toThrow(
    "fetch failed",
  );
  own.setFaults({ loseAnswer: 0 });
  expect((await batch.readNamespacedJob({ name, namespace })).metadata?.name).toBe(name);
});

test.skipIf(isForeign)(
  "a node that is lost: the Job ends only when the node is known to be gone",
  async () => {
    const tolerations = ["not-ready", "unreachable"].map((key) => ({
      key: `node.kubernetes.io/${key}`,
      operator: "Exists",
      effect: "NoExecute",
      tolerationSeconds: 0,
    }));
    const name = newName("lost");
    const body = jobOf(name, "sleep 100", {
      podReplacementPolicy: "TerminatingOrFailed",
      pod: { tolerations },
    });
    await cluster.batch.createNamespacedJob({ namespace: cluster.namespace, body });
    await podOf(cluster, name, isRunning);
    const node = cluster.own.loseNode();
    const pod = await podOf(cluster, name, ({ metadata }) => metadata?.deletionTimestamp !== undefined);
    expect(pod.status?.conditions).toContainEqual(
      expect.objectContaining({ type: "DisruptionTarget", reason: "DeletionByTaintManager" }),
    );
    await until(async () => (await statusOf(name)).conditions?.some(({ type }) => type === "FailureTarget"));
    expect((await statusOf(name)).conditions?.map(({ type }) => type)).toEqual(["FailureTarget"]);
    cluster.own.removeNode(node);
    const job = await finished(cluster, name);
    expect(job.status?.conditions?.map(({ type }) => type)).toEqual(["FailureTarget", "Failed"]);
    expect(await podsOf(cluster, name)).toEqual([]);
  },
);

test.skipIf(isForeign)(
  "a pod of a lost node that is not to be counted is replaced when the node is gone",
  async () => {
    const name = newName("replaced");
    await cluster.batch.createNamespacedJob({ namespace: cluster.namespace, body: waitingJob(name) });
    const first = await podOf(cluster, name, isRunning);
    await letGo(cluster, name);
    cluster.own.removeNode(cluster.own.loseNode());
    const job = await finished(cluster, name);
    expect(job.status).toMatchObject({ succeeded: 1 });
    expect(job.status?.failed).toBeUndefined();
    const [second] = await podsOf(cluster, name);
    expect(second?.spec?.nodeName).not.toBe(first.spec?.nodeName);
  },
);
