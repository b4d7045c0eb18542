import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ObjectSerializer } from "@kubernetes/client-node/dist/gen/models/ObjectSerializer.js";
import { expect, onTestFinished, test } from "vitest";
import { clusterAccess } from "../../../lib/cluster/access.k8s.ts";
import type { BearerToken } from "../../../lib/cluster/bearer.k8s.ts";
import { kubernetesCluster, toKubeError } from "../../../lib/cluster/cluster.k8s.ts";
import { jobManifest } from "../../../lib/cluster/manifest.ts";
import { VirtualClock } from "../../virtual-clock.ts";
import { heavyStage, JOB, SETTINGS, STAGE } from "./stages.ts";

const TOKEN = { job: JOB, attempt: 1, agentKey: "a", ownKey: "r" };
const manifest = jobManifest(STAGE, [TOKEN], SETTINGS);

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
}
interface Asked {
  readonly method: string;
  readonly url: URL;
  readonly body: string;
  readonly headers: IncomingMessage["headers"];
}

/** A cluster that answers what it is told to, in order. */
async function scripted(...answers: Answer[]) {
  return scriptedFor(async () => "secret", ...answers);
}

async function scriptedFor(token: BearerToken, ...answers: Answer[]) {
  const asked: Asked[] = [];
  let connections = 0;
  const server: Server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    asked.push({
      method: request.method ?? "",
      url: new URL(request.url ?? "", "http://x"),
      body: Buffer.concat(chunks).toString(),
      headers: request.headers,
    });
    const { status, body, headers = {} } = answers.shift() ?? { status: 500, body: "unexpected" };
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify(body));
  });
  server.on("connection", () => {
    connections += 1;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const cluster = kubernetesCluster({ endpoint, token }, "millrace");
  onTestFinished(async () => {
    await cluster.close();
    server.closeAllConnections();
    server.close();
  });
  return { cluster, asked, connections: () => connections };
}

const status = (code: number, reason: string, message: string): Answer => ({
  status: code,
  body: { kind: "Status", apiVersion: "v1", status: "Failure", reason, message, code },
});
const EXISTS = status(409, "AlreadyExists", `jobs.batch "${manifest.metadata.name}" already exists`);
const found = (labels: Record<string, string>, more: object = {}): Answer => ({
  status: 200,
  body: {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name: manifest.metadata.name,
      uid: "u",
      creationTimestamp: "2026-01-01T00:00:00Z",
      labels,
      ...more,
    },
    spec: { template: {} },
  },
});

test("the client drops nothing of what we send", () => {
  const podPatch = [
    { op: "add", path: "/nodeSelector", value: { pool: "gpu" } },
    {
      op: "add",
      path: "/affinity",
      value: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: "k", operator: "In", values: ["v"] }] }],
          },
        },
      },
    },
    {
      op: "add",
      path: "/volumes/-",
      value: {
        name: "c",
        ephemeral: {
          volumeClaimTemplate: {
            spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
          },
        },
      },
    },
    { op: "add", path: "/runtimeClassName", value: "gvisor" },
    {
      op: "add",
      path: "/topologySpreadConstraints",
      value: [{ maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "ScheduleAnyway" }],
    },
  ];
  const rich = jobManifest(heavyStage({ podPatch, gpus: 1, pullSecret: "r" }), [TOKEN], SETTINGS, "{}");
  expect(JSON.parse(JSON.stringify(ObjectSerializer.serialize(rich, "V1Job", "")))).toEqual(rich);
});

test("a Job is made strictly, by us, and the cluster's warnings are passed on", async () => {
  const { cluster, asked } = await scripted({
    status: 201,
    body: manifest,
    headers: {
      warning: '299 - "would violate PodSecurity \\"restricted:latest\\": privileged", 299 - "other"',
    },
  });
  expect(await cluster.ensureJob(manifest)).toEqual({
    kind: "made",
    warnings: ['would violate PodSecurity "restricted:latest": privileged', "other"],
  });
  expect(asked[0]?.method).toBe("POST");
  expect(asked[0]?.url.pathname).toBe("/apis/batch/v1/namespaces/millrace/jobs");
  expect(Object.fromEntries(asked[0]?.url.searchParams ?? [])).toEqual({
    fieldManager: "millrace",
    fieldValidation: "Strict",
  });
  expect(asked[0]?.headers.authorization).toBe("Bearer secret");
  expect(JSON.parse(asked[0]?.body ?? "")).toEqual(manifest);
});

const { labels } = manifest.metadata;
test.for([
  ["the one that we would have made", labels, {}, { kind: "adopted", isSame: true }],
  [
    "made from an earlier definition",
    { ...labels, "millrace/spec": "0" },
    {},
    { kind: "adopted", isSame: false },
  ],
  ["another attempt's", { ...labels, "millrace/attempt": "2" }, {}, { kind: "foreign" }],
  ["another job's", { ...labels, "millrace/job-id": "x" }, {}, { kind: "foreign" }],
  ["another deployment's", { ...labels, "millrace/app": "x" }, {}, { kind: "foreign" }],
  ["somebody's by hand", {}, {}, { kind: "foreign" }],
  ["ours, and being deleted", labels, { deletionTimestamp: "2026-01-01T00:00:01Z" }, { kind: "ending" }],
] as const)("a Job of that name is there: %s", async ([, has, more, expected]) => {
  const { cluster } = await scripted(EXISTS, found(has, more));
  expect(await cluster.ensureJob(manifest)).toMatchObject(expected);
});

test("a Job of that name was there, and is gone by now", async () => {
  const { cluster } = await scripted(EXISTS, status(404, "NotFound", "not found"));
  expect(await cluster.ensureJob(manifest)).toEqual({ kind: "ending" });
});

test.for([
  [
    status(403, "Forbidden", 'jobs.batch "x" is forbidden: exceeded quota: q, requested: count/jobs.batch=1'),
    true,
  ],
  [status(403, "Forbidden", 'jobs.batch is forbidden: User "u" cannot create resource "jobs"'), false],
  [status(422, "Invalid", 'Job.batch "x" is invalid'), false],
  [status(429, "TooManyRequests", "slow down"), true],
  [status(500, "InternalError", "etcd"), true],
  [{ status: 502, body: "Bad Gateway" }, true],
] as const)("%j: worth another try: %s", async ([answer, isBusy]) => {
  const { cluster } = await scripted(answer);
  await expect(cluster.ensureJob(manifest)).rejects.toMatchObject({
    name: "ClusterError",
    status: answer.status,
    isBusy,
  });
});

test("a cluster that does not answer is busy", async () => {
  const cluster = kubernetesCluster({ endpoint: "http://127.0.0.1:9" }, "millrace");
  onTestFinished(() => cluster.close());
  await expect(cluster.getJob("x")).rejects.toMatchObject({ status: 0, reason: "Unreachable", isBusy: true });
});

test("an answer without a body has no reason, and a long one is cut", () => {
  expect(toKubeError({ code: 401 })).toMatchObject({ status: 401, reason: "Unauthorized", isBusy: false });
  expect(toKubeError({ code: 503, body: "x".repeat(1000) }).message).toHaveLength(326);
});

test("a Job is deleted with its pods, and only the one that was looked at; what is gone is gone", async () => {
  const gone = status(404, "NotFound", "not found");
  const other = status(409, "Conflict", "the UID in the precondition does not match");
  const { cluster, asked } = await scripted(
    { status: 200, body: {} },
    gone,
    other,
    status(403, "Forbidden", "no"),
  );
  for (let call = 0; call < 3; call += 1) await cluster.deleteJob({ name: "x", uid: "u" });
  expect(JSON.parse(asked[0]?.body ?? "")).toEqual({
    preconditions: { uid: "u" },
    propagationPolicy: "Background",
  });
  await expect(cluster.deleteJob({ name: "x", uid: "u" })).rejects.toMatchObject({ status: 403 });
});

test("Jobs are listed page by page, those of this deployment", async () => {
  const page = (name: string, next: string): Answer => ({
    status: 200,
    body: {
      items: [{ metadata: { name, uid: name }, spec: { template: {} } }],
      metadata: { continue: next },
    },
  });
  const { cluster, asked } = await scripted(page("a", "more"), page("b", ""));
  const names: string[] = [];
  for await (const { name } of cluster.jobs("millrace")) names.push(name);
  expect(names).toEqual(["a", "b"]);
  expect(
    asked.map(({ url }) => [url.searchParams.get("labelSelector"), url.searchParams.get("continue")]),
  ).toEqual([
    ["app.kubernetes.io/managed-by=millrace,millrace/app=millrace", null],
    ["app.kubernetes.io/managed-by=millrace,millrace/app=millrace", "more"],
  ]);
});

test("connections are kept: twenty calls one after the other need two at most", async () => {
  const { cluster, connections } = await scripted(...Array.from({ length: 20 }, () => found(labels)));
  for (let call = 0; call < 20; call += 1) await cluster.getJob("x");
  expect(connections()).toBeLessThanOrEqual(2);
});

const UNKNOWN: Answer = { status: 401, body: "" };
const bearers = (asked: readonly Asked[]) => asked.map(({ headers }) => headers.authorization);

/** Tokens one after the other: the next when the one before it has been refused. */
function tokens(...names: string[]): BearerToken {
  let at = 0;
  return async (refused) => {
    if (refused === names[at] && at < names.length - 1) at += 1;
    return names[at] ?? "";
  };
}

test("a token that the cluster does not know is put away, and the request sent once more with another", async () => {
  const { cluster, asked } = await scriptedFor(
    tokens("old", "new"),
    UNKNOWN,
    { status: 201, body: manifest },
    found(labels),
  );
  expect(await cluster.ensureJob(manifest)).toEqual({ kind: "made", warnings: [] });
  await cluster.getJob("x");
  expect(bearers(asked)).toEqual(["Bearer old", "Bearer new", "Bearer new"]);
  expect(asked.slice(0, 2).map(({ method, body }) => [method, JSON.parse(body)])).toEqual([
    ["POST", manifest],
    ["POST", manifest],
  ]);
});

test("a cluster that knows neither token is asked twice and no more; with one token, once", async () => {
  const two = await scriptedFor(tokens("old", "new", "newer"), UNKNOWN, UNKNOWN, found(labels));
  await expect(two.cluster.getJob("x")).rejects.toMatchObject({ status: 401, reason: "Unauthorized" });
  expect(bearers(two.asked)).toEqual(["Bearer old", "Bearer new"]);
  const one = await scriptedFor(tokens("only"), UNKNOWN, found(labels));
  await expect(one.cluster.getJob("x")).rejects.toMatchObject({ status: 401 });
  expect(bearers(one.asked)).toEqual(["Bearer only"]);
});

test("a log that is not there is no failure", async () => {
  const { cluster } = await scripted(
    status(400, "BadRequest", "container is waiting to start"),
    status(404, "NotFound", "x"),
  );
  expect(await cluster.logTail("pod", "main", 50)).toBeUndefined();
  expect(await cluster.logTail("pod", "main", 50)).toBeUndefined();
});

test("a kubeconfig says where the cluster is and how it is asked", async () => {
  const folder = mkdtempSync(join(tmpdir(), "kubeconfig-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "config");
  const text = (current: string, more = "") => `apiVersion: v1
kind: Config
current-context: ${current}
clusters: [{ name: c, cluster: { server: "https://127.0.0.1:6443", certificate-authority-data: ${Buffer.from("CA").toString("base64")}${more} } }]
users: [{ name: u, user: { token: sesame } }]
contexts: [{ name: x, context: { cluster: c, user: u } }]
`;
  writeFileSync(file, text("x"));
  const access = await clusterAccess({ KUBECONFIG: file }, new VirtualClock());
  expect(access).toMatchObject({ endpoint: "https://127.0.0.1:6443", ca: "CA" });
  expect(await access.token?.()).toBe("sesame");
  writeFileSync(file, text("none"));
  await expect(clusterAccess({ KUBECONFIG: file }, new VirtualClock())).rejects.toThrow(
    "has no current context",
  );
  writeFileSync(file, text("x", ", insecure-skip-tls-verify: true"));
  await expect(clusterAccess({ KUBECONFIG: file }, new VirtualClock())).rejects.toThrow(
    "insecure-skip-tls-verify",
  );
  await expect(clusterAccess({ KUBECONFIG: join(folder, "no") }, new VirtualClock())).rejects.toThrow(
    "KUBECONFIG=",
  );
});

test("an endpoint needs a token, or an EKS cluster's name", async () => {
  const clock = new VirtualClock();
  const endpoint = { MILLRACE_CLUSTER_ENDPOINT: "https://x" };
  expect(await (await clusterAccess({ ...endpoint, MILLRACE_CLUSTER_TOKEN: "t" }, clock)).token?.()).toBe(
    "t",
  );
  await expect(clusterAccess(endpoint, clock)).rejects.toThrow(
    "nothing says how the cluster knows who is asking",
  );
  await expect(clusterAccess({}, clock)).rejects.toThrow("MILLRACE_CLUSTER_ENDPOINT is not set");
  const eks = {
    ...endpoint,
    MILLRACE_CLUSTER: "prod",
    AWS_REGION: "eu-central-1",
    MILLRACE_CLUSTER_CA: "Q0E=",
  };
  const access = await clusterAccess({ ...eks, AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b" }, clock);
  expect(access.ca).toBe("CA");
  expect(await access.token?.()).toContain("k8s-aws-v1.");
  await expect((await clusterAccess(eks, clock)).token?.()).rejects.toThrow("AWS_ACCESS_KEY_ID is not set");
});
