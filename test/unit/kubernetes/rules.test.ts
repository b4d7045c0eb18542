import { expect, test } from "vitest";
import { jobFaults } from "../../../infra/local/kubernetes/job-rules.ts";
import type { Container, Job, PodFailureRule, PodSpec } from "../../../infra/local/kubernetes/objects.ts";
import { podAmount } from "../../../infra/local/kubernetes/pod-resources.ts";
import { podFaults } from "../../../infra/local/kubernetes/pod-rules.ts";
import { prepare } from "../../../infra/local/kubernetes/preparation.ts";
import { checkQuota } from "../../../infra/local/kubernetes/quota.ts";
import { NEW_YEAR } from "../../virtual-clock.ts";

const specOf = (container: Partial<Container>, rest: Partial<PodSpec> = {}): PodSpec => ({
  restartPolicy: "Never",
  terminationGracePeriodSeconds: 30,
  containers: [{ name: "main", image: "any", ...container }],
  ...rest,
});
const told = (spec: PodSpec): string[] =>
  podFaults(spec, "spec").map(({ field, message }) => `${field}: ${message}`);

test("a container that is right has no faults", () => {
  const env = [{ name: "A-b.c", value: "1" }];
  expect(told(specOf({ env, resources: { requests: { cpu: "1" }, limits: { cpu: "1000m" } } }))).toEqual([]);
});

test("more is asked for than is allowed", () => {
  expect(told(specOf({ resources: { requests: { memory: "2Gi" }, limits: { memory: "1Gi" } } }))).toEqual([
    'spec.containers[0].resources.requests: Invalid value: "2Gi": must be less than or equal to memory limit of 1Gi',
  ]);
});

test.for([
  [{ name: "" }, "spec.containers[0].env[0].name: Required value"],
  [{ name: "A=B" }, 'spec.containers[0].env[0].name: Invalid value: "A=B"'],
  [
    { name: "A", value: "1", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
    "spec.containers[0].env[0].valueFrom: Invalid value",
  ],
  [
    { name: "A", valueFrom: { resourceFieldRef: {} } },
    "spec.containers[0].env[0].valueFrom.resourceFieldRef",
  ],
] as const)("the variable %j", ([variable, expected]) => {
  expect(told(specOf({ env: [variable as never] }))).toEqual([expect.stringContaining(expected)]);
});

test("a pull policy that nobody knows", () => {
  expect(told(specOf({ imagePullPolicy: "Sometimes" }))).toEqual([
    'spec.containers[0].imagePullPolicy: Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"',
  ]);
});

test("a volume of two types: the second is not passed over", () => {
  const volume = { name: "work", emptyDir: {}, hostPath: { path: "/" } };
  expect(told(specOf({}, { volumes: [volume] }))).toEqual([
    "spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type",
  ]);
});

const policyFaults = (rules: PodFailureRule[]): string[] =>
  jobFaults({
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: "a", uid: "1", resourceVersion: "1", creationTimestamp: "2026-01-01T00:00:00Z" },
    spec: {
      parallelism: 1,
      backoffLimit: 0,
      completionMode: "NonIndexed",
      suspend: false,
      podReplacementPolicy: "Failed",
      podFailurePolicy: { rules },
      selector: { matchLabels: {} },
      template: { spec: specOf({}) },
    },
    status: {},
  } satisfies Job).map(({ field, message }) => `${field}: ${message}`);

test("a failure policy has at most 20 rules, and a rule 255 exit codes", () => {
  const rule = (codes: number): PodFailureRule => ({
    action: "FailJob",
    onExitCodes: { operator: "In", values: Array.from({ length: codes }, (_, index) => index + 1) },
  });
  expect(policyFaults(Array.from({ length: 20 }, () => rule(255)))).toEqual([]);
  expect(policyFaults(Array.from({ length: 21 }, () => rule(1)))).toEqual([
    "spec.podFailurePolicy.rules: Too many: 21: must have at most 20 items",
  ]);
  expect(policyFaults([rule(256)])).toEqual([
    "spec.podFailurePolicy.rules[0].onExitCodes.values: Too many: 256: must have at most 255 items",
  ]);
});

const cpu = (name: string, amount: string, rest: Partial<Container> = {}): Container => ({
  name,
  image: "any",
  resources: { requests: { cpu: amount } },
  ...rest,
});

test.for([
  [[cpu("a", "1"), cpu("b", "500m")], [], 1.5],
  [[cpu("a", "1")], [cpu("fetch", "4"), cpu("check", "2")], 4],
  [[cpu("a", "1")], [cpu("proxy", "1", { restartPolicy: "Always" })], 2],
  [[cpu("a", "1")], [cpu("proxy", "1", { restartPolicy: "Always" }), cpu("fetch", "3")], 4],
] as const)("containers %#: what they need at once", ([containers, initContainers, expected]) => {
  const spec = specOf({}, { containers: [...containers], initContainers: [...initContainers] });
  expect(podAmount(spec, "requests", "cpu")).toBe(expected);
});

test("a quota counts what an init container needs", () => {
  const quota = { metadata: { name: "small" }, spec: { hard: { "requests.cpu": "2" } } };
  const store = { list: (resource: string) => (resource === "resourcequotas" ? [quota] : []) };
  const pod = {
    metadata: { name: "a", namespace: "n" },
    spec: specOf({}, { containers: [cpu("a", "1")], initContainers: [cpu("fetch", "3")] }),
  };
  expect(() => checkQuota(store as never, "pods", pod as never)).toThrow(
    'pods "a" is forbidden: exceeded quota: small, requested: requests.cpu=3, used: requests.cpu=0, limited: requests.cpu=2',
  );
});

test.for([
  ["rolebindings", { roleRef: { kind: "ClusterRole", name: "view" } }, "has no ClusterRole; use Role"],
  ["rolebindings", {}, "roleRef.name: Required value"],
  ["resourcequotas", { spec: { hard: { pods: "many" } } }, "spec.hard[pods]: Invalid value"],
  ["resourcequotas", { spec: { hard: {}, scopes: ["BestEffort"] } }, "spec.scopes: Forbidden"],
] as const)("%s %j: what cannot be done is refused", ([resource, body, expected]) => {
  const object = { metadata: { name: "a" }, ...body };
  expect(() => prepare(resource, object as never, "n", NEW_YEAR)).toThrow(expected);
});
