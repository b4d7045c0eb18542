import { Job } from "kubernetes-models/batch/v1";
import { expect, test } from "vitest";
import { JobManifest, jobManifest } from "../../../lib/cluster/manifest.ts";
import { heavyStage, JOB, SETTINGS, STAGE } from "./stages.ts";

const TOKEN = { job: JOB, attempt: 2, agentKey: "agent-key", ownKey: "report-key" };
const made = (stage = STAGE, token = TOKEN) =>
  jobManifest(stage, [token], SETTINGS, '{"page":1,"cost":"$(X)"}');

const LABELS = {
  "app.kubernetes.io/managed-by": "millrace",
  "millrace/app": "millrace",
  "millrace/pipeline": "scans",
  "millrace/stage": "ocr",
  "millrace/job-id": "0f8fad5b-d9cb-469f-a165-70867728950e",
  "millrace/attempt": "2",
};
const SECURITY = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ["ALL"] },
  readOnlyRootFilesystem: true,
};
const MOUNTS = [
  { name: "millrace", mountPath: "/millrace" },
  { name: "tmp", mountPath: "/tmp" },
];
const AGENT = {
  image: "registry/agent:1",
  workingDir: "/millrace",
  env: [
    { name: "MILLRACE_IN", value: "/millrace/in" },
    { name: "MILLRACE_OUT", value: "/millrace/out" },
    { name: "MILLRACE_API", value: "https://api.example" },
    {
      name: "MILLRACE_ATTEMPTS",
      value: '[{"job":"0f8fad5b-d9cb-469f-a165-70867728950e","attempt":2,"key":"agent-key"}]',
    },
    { name: "NODE_OPTIONS", value: "--max-old-space-size=160 --max-semi-space-size=4" },
    { name: "MILLRACE_POD", valueFrom: { fieldRef: { fieldPath: "metadata.uid" } } },
    { name: "MILLRACE_NODE", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
  ],
  resources: {
    requests: { cpu: "250m", memory: "256Mi" },
    limits: { cpu: "250m", memory: "256Mi" },
  },
  terminationMessagePolicy: "FallbackToLogsOnError",
  securityContext: { ...SECURITY, runAsNonRoot: true, runAsUser: 65_532 },
  volumeMounts: MOUNTS,
};

test("the Job of an attempt, in full", () => {
  const job = made();
  expect(job).toEqual({
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name: "mr-0f8fad5b-d9cb-469f-a165-70867728950e-a2",
      namespace: "millrace",
      labels: { ...LABELS, "millrace/spec": expect.stringMatching(/^[0-9a-f]{16}$/) },
      annotations: { "millrace/jobs": "0f8fad5b-d9cb-469f-a165-70867728950e" },
    },
    spec: {
      backoffLimit: 0,
      activeDeadlineSeconds: 4200,
      ttlSecondsAfterFinished: 1_209_600,
      podReplacementPolicy: "Failed",
      podFailurePolicy: {
        rules: [{ action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] }],
      },
      template: {
        metadata: { labels: LABELS },
        spec: {
          restartPolicy: "Never",
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          terminationGracePeriodSeconds: 30,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 65_532,
            runAsGroup: 65_532,
            fsGroup: 65_532,
            seccompProfile: { type: "RuntimeDefault" },
          },
          tolerations: [
            {
              key: "node.kubernetes.io/not-ready",
              operator: "Exists",
              effect: "NoExecute",
              tolerationSeconds: 60,
            },
            {
              key: "node.kubernetes.io/unreachable",
              operator: "Exists",
              effect: "NoExecute",
              tolerationSeconds: 60,
            },
          ],
          imagePullSecrets: [],
          volumes: [
            { name: "millrace", emptyDir: {} },
            { name: "tmp", emptyDir: {} },
          ],
          initContainers: [
            { ...AGENT, name: "fetch", args: ["fetch"] },
            {
              name: "main",
              image: "ghcr.io/acme/ocr:1.4",
              command: ["ocr", "--in", "$(MILLRACE_IN)"],
              workingDir: "/millrace/out",
              env: [
                { name: "MODE", value: "fast" },
                { name: "MILLRACE_IN", value: "/millrace/in" },
                { name: "MILLRACE_OUT", value: "/millrace/out" },
                { name: "MILLRACE_TOKEN", value: "7c9e6679-7425-40de-944b-e07fc1f90ae7" },
                { name: "MILLRACE_ATTEMPT", value: "2" },
                { name: "MILLRACE_IDEMPOTENCY_KEY", value: "0f8fad5b-d9cb-469f-a165-70867728950e" },
                {
                  name: "MILLRACE_CALLBACK",
                  value: "https://api.example/v1/jobs/0f8fad5b-d9cb-469f-a165-70867728950e/events",
                },
                { name: "MILLRACE_KEY", value: "report-key" },
                { name: "KDP_INPUT", value: '{"page":1,"cost":"$$(X)"}' },
              ],
              envFrom: [{ secretRef: { name: "mc-config" } }],
              resources: {
                requests: { cpu: "4000m", memory: "8192Mi" },
                limits: { cpu: "4000m", memory: "8192Mi" },
              },
              terminationMessagePolicy: "FallbackToLogsOnError",
              securityContext: SECURITY,
              volumeMounts: MOUNTS,
            },
          ],
          containers: [{ ...AGENT, name: "publish", args: ["publish"] }],
        },
      },
    },
  });
});

test("Kubernetes' own schema takes it", () => {
  const stage = heavyStage({
    gpus: 1,
    pullSecret: "registry",
    podPatch: [{ op: "add", path: "/nodeSelector", value: { pool: "gpu" } }],
  });
  // kubernetes-models is made from the API server's OpenAPI document.
  expect(() => new Job(made(stage) as ConstructorParameters<typeof Job>[0]).validate()).not.toThrow();
});

test("what a stage asks for stands in its pod, and its patch changes the user's container alone", () => {
  const stage = heavyStage({
    gpus: 1,
    pullSecret: "registry",
    podPatch: [{ op: "add", path: "/containers/0/env/-", value: { name: "PATCHED", value: "1" } }],
  });
  const { spec } = made(stage).spec.template;
  expect(spec.imagePullSecrets).toEqual([{ name: "registry" }]);
  expect(spec.initContainers?.[1]?.resources?.limits).toEqual({
    cpu: "4000m",
    memory: "8192Mi",
    "nvidia.com/gpu": 1,
  });
  const patched = [...(spec.initContainers ?? []), ...spec.containers].filter(({ env }) =>
    env?.some(({ name }) => name === "PATCHED"),
  );
  expect(patched.map(({ name }) => name)).toEqual(["main"]);
});

test("the same attempt gives the same bytes; another image another fingerprint", () => {
  expect(JSON.stringify(made())).toBe(JSON.stringify(made()));
  const spec = (image: string) => made(heavyStage({ image })).metadata.labels["millrace/spec"];
  expect(spec("a:1")).not.toBe(spec("a:2"));
});

test("a patch that the operator no longer allows stops the dispatch, with what is wrong", () => {
  const stage = heavyStage({ podPatch: [{ op: "add", path: "/hostNetwork", value: true }] });
  expect(() => made(stage)).toThrow("hostNetwork is not allowed (host-namespaces)");
  const settings = { ...SETTINGS, podAllow: ["host-namespaces"] };
  expect(jobManifest(stage, [TOKEN], settings).spec.template.spec.hostNetwork).toBe(true);
});

test.for([
  ["backofLimit", (job: Record<string, object>) => Object.assign(job["spec"]!, { backofLimit: 0 })],
  [
    "a name of 64 characters",
    (job: Record<string, object>) => Object.assign(job["metadata"]!, { name: "a".repeat(64) }),
  ],
  [
    "no deadline",
    (job: Record<string, object>) => Object.assign(job["spec"]!, { activeDeadlineSeconds: undefined }),
  ],
] as const)("the strict schema of what we send refuses %s", ([, spoil]) => {
  const job = structuredClone(made());
  expect(JobManifest.safeParse(job).success).toBe(true);
  spoil(job as unknown as Record<string, object>);
  expect(JobManifest.safeParse(job).success).toBe(false);
});
