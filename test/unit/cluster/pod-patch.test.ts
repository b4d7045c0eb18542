import fc from "fast-check";
import { expect, test } from "vitest";
import { basePod } from "../../../lib/cluster/base-pod.ts";
import { patchPod } from "../../../lib/cluster/pod-patch.ts";
import { POD_RULE_IDS, podAllowIn } from "../../../lib/cluster/pod-policy.ts";
import { STAGE } from "./stages.ts";

const OWN = { MILLRACE_KEY: "k" };
const base = () => basePod(STAGE, OWN);
const patched = (patch: unknown, allowed: readonly string[] = []) =>
  patchPod(base(), patch, { secrets: ["mc-config", "pachyderm-user-secret"] }, allowed);

/** What is wrong with a patch: `index: message`. */
const faults = (patch: unknown, allowed: readonly string[] = []): string[] => {
  const result = patched(patch, allowed);
  return result.ok ? [] : result.faults.map(({ index = "-", message }) => `${index}: ${message}`);
};

const add = (path: string, value: unknown) => ({ op: "add", path, value });

test("a patch adds what a pod may have", () => {
  const result = patched([
    add("/nodeSelector", { pool: "gpu" }),
    add("/tolerations/-", { key: "gpu", operator: "Exists", effect: "NoSchedule" }),
    add("/containers/0/env/-", { name: "OMP_NUM_THREADS", value: "4" }),
    add("/volumes/-", {
      name: "cache",
      ephemeral: {
        volumeClaimTemplate: {
          spec: {
            accessModes: ["ReadWriteOnce"],
            resources: { requests: { storage: "100Gi" } },
          },
        },
      },
    }),
    add("/containers/0/volumeMounts/-", { name: "cache", mountPath: "/cache" }),
    { op: "replace", path: "/containers/0/workingDir", value: "/opt" },
  ]);
  if (!result.ok) throw new Error(JSON.stringify(result.faults));
  expect(result.spec.nodeSelector).toEqual({ pool: "gpu" });
  expect(result.spec.containers[0]?.env).toEqual([
    { name: "MODE", value: "fast" },
    { name: "MILLRACE_KEY", value: "k" },
    { name: "OMP_NUM_THREADS", value: "4" },
  ]);
  expect(result.spec.containers[0]?.workingDir).toBe("/opt");
});

test("Pachyderm's escaped text with its three operations is a patch", () => {
  const text =
    '[{"op":"add","path":"/volumes/-","value":{"name":"pachyderm-user-secret","secret":{"secretName":"pachyderm-user-secret","defaultMode":420}}},' +
    '{"op":"add","path":"/containers/0/volumeMounts/-","value":{"name":"pachyderm-user-secret","mountPath":"/pachyderm-user-secret"}},' +
    '{"op":"add","path":"/containers/0/env/-","value":{"name":"PACHYDERM_AUTH_TOKEN","valueFrom":{"secretKeyRef":{"name":"pachyderm-user-secret","key":"auth_token","optional":true}}}}]';
  const result = patched(text);
  if (!result.ok) throw new Error(JSON.stringify(result.faults));
  expect(result.spec.volumes?.at(-1)).toEqual({
    name: "pachyderm-user-secret",
    secret: { secretName: "pachyderm-user-secret", defaultMode: 420 },
  });
  expect(result.spec.containers[0]?.volumeMounts?.at(-1)?.mountPath).toBe("/pachyderm-user-secret");
  expect(result.spec.containers[0]?.env?.at(-1)?.valueFrom?.secretKeyRef?.key).toBe("auth_token");
});

test.for([
  [
    "a mistyped field",
    [add("/nodeSelectors", {})],
    'the pod\'s spec has no field "nodeSelectors" that is known here',
  ],
  [
    "a mistyped field further in",
    [add("/containers/0/resources/limit", { cpu: 1 })],
    'containers[0].resources has no field "limit" that is known here',
  ],
  [
    "a wrong type",
    [add("/terminationGracePeriodSeconds", "30")],
    "terminationGracePeriodSeconds: Invalid input: expected number, received string",
  ],
] as const)("%s is refused, not dropped", ([, patch, message]) => {
  expect(faults(patch)).toEqual([`-: ${message}`]);
});

test.for([
  ["no operation", [{ op: "ad", path: "/x" }], "0: op: one of add, replace, test, remove, move, copy"],
  ["no path", [{ op: "remove" }], "0: path: Invalid input: expected string, received undefined"],
  ["no pointer", [add("nodeSelector", {})], '0: path: a path: begins with "/", as /containers/0/env/-'],
  ["no value", [{ op: "add", path: "/nodeSelector" }], "0: value: is missing"],
  ["an unknown key", [{ ...add("/nodeSelector", {}), comment: "x" }], '0: Unrecognized key: "comment"'],
  [
    "nothing there",
    [{ op: "replace", path: "/nope/x", value: 1 }],
    '0: "/nope/x": there is nothing at this path',
  ],
  [
    "nothing to remove",
    [add("/nodeSelector", {}), { op: "remove", path: "/nope" }],
    '1: "/nope": there is nothing at this path',
  ],
  [
    "a test that fails",
    [{ op: "test", path: "/restartPolicy", value: "Always" }],
    '0: "/restartPolicy": the value is another than the test says',
  ],
  [
    "an index beyond the end",
    [add("/volumes/9", { name: "x", emptyDir: {} })],
    '0: "/volumes/9": there is nothing at this path',
  ],
  ["no list", "{}", "-: Invalid input: expected array, received object"],
  [
    "no JSON",
    "[{op: add}]",
    "-: the text is not JSON: Expected property name or '}' in JSON at position 2 (line 1 column 3)",
  ],
  ["a prototype in the path", [add("/__proto__/hostNetwork", true)], '0: the key "__proto__" is reserved'],
  [
    "a prototype in the value",
    '[{"op":"add","path":"/nodeSelector","value":{"__proto__":{}}}]',
    '0: the key "__proto__" is reserved',
  ],
  [
    "a prototype in from",
    [{ op: "copy", from: "/constructor", path: "/x" }],
    '0: the key "constructor" is reserved',
  ],
] as const)("%s: the patch fails as a whole", ([, patch, message]) => {
  expect(faults(patch)).toEqual([message]);
});

const CLAIM = { name: "millrace", persistentVolumeClaim: { claimName: "shared" } };
const SECURITY = "/containers/0/securityContext";

test.for([
  ["host-namespaces", [add("/hostNetwork", true)], "hostNetwork"],
  ["host-namespaces", [add("/hostPID", true)], "hostPID"],
  ["host-namespaces", [add("/hostIPC", true)], "hostIPC"],
  ["host-namespaces", [add("/shareProcessNamespace", true)], "shareProcessNamespace"],
  [
    "host-namespaces",
    [add("/containers/0/ports", [{ containerPort: 80, hostPort: 80 }])],
    "containers[0].ports.hostPort",
  ],
  ["host-path", [add("/volumes/-", { name: "h", hostPath: { path: "/" } })], "volumes[2].hostPath"],
  [
    "shared-volumes",
    [add("/volumes/-", { name: "s", persistentVolumeClaim: { claimName: "reference" } })],
    "volumes[2].persistentVolumeClaim",
  ],
  ["host-aliases", [add("/hostAliases", [{ ip: "1.2.3.4", hostnames: ["x"] }])], "hostAliases"],
  ["privileged", [add(`${SECURITY}/privileged`, true)], "containers[0].securityContext.privileged"],
  [
    "privileged",
    [{ op: "remove", path: `${SECURITY}/allowPrivilegeEscalation` }],
    "containers[0].securityContext.allowPrivilegeEscalation",
  ],
  ["privileged", [add(`${SECURITY}/procMount`, "Unmasked")], "containers[0].securityContext.procMount"],
  [
    "capabilities",
    [add(`${SECURITY}/capabilities/add`, ["NET_ADMIN"])],
    "containers[0].securityContext.capabilities.add",
  ],
  [
    "capabilities",
    [{ op: "remove", path: `${SECURITY}/capabilities` }],
    "containers[0].securityContext.capabilities.drop",
  ],
  ["root", [{ op: "replace", path: "/securityContext/runAsUser", value: 0 }], "securityContext.runAsUser"],
  ["root", [{ op: "remove", path: "/securityContext/runAsNonRoot" }], "securityContext.runAsNonRoot"],
  ["root", [add(`${SECURITY}/runAsUser`, 0)], "containers[0].securityContext.runAsUser"],
  ["root", [add(`${SECURITY}/runAsNonRoot`, false)], "containers[0].securityContext.runAsNonRoot"],
  [
    "writable-root",
    [{ op: "remove", path: `${SECURITY}/readOnlyRootFilesystem` }],
    "containers[0].securityContext.readOnlyRootFilesystem",
  ],
  ["profiles", [{ op: "remove", path: "/securityContext/seccompProfile" }], "securityContext.seccompProfile"],
  [
    "profiles",
    [add(`${SECURITY}/seccompProfile`, { type: "Unconfined" })],
    "containers[0].securityContext.seccompProfile",
  ],
  [
    "profiles",
    [add("/securityContext/sysctls", [{ name: "kernel.msgmax", value: "1" }])],
    "securityContext.sysctls",
  ],
  [
    "profiles",
    [add("/securityContext/appArmorProfile", { type: "Unconfined" })],
    "securityContext.appArmorProfile",
  ],
  ["service-account", [add("/serviceAccountName", "admin")], "serviceAccountName"],
  [
    "service-account",
    [{ op: "replace", path: "/automountServiceAccountToken", value: true }],
    "automountServiceAccountToken",
  ],
  ["scheduling", [add("/schedulerName", "mine")], "schedulerName"],
  ["scheduling", [add("/priorityClassName", "system-node-critical")], "priorityClassName"],
  [
    "devices",
    [add("/containers/0/volumeDevices", [{ devicePath: "/dev/x", name: "x" }])],
    "containers[0].volumeDevices",
  ],
  [
    "devices",
    [add("/containers/0/volumeMounts/0/mountPropagation", "Bidirectional")],
    "containers[0].volumeMounts.mountPropagation",
  ],
  ["other-secrets", [add("/imagePullSecrets/-", { name: "others" })], "imagePullSecrets[0]"],
  [
    "other-secrets",
    [add("/volumes/-", { name: "s", secret: { secretName: "others" } })],
    "volumes[2].secret.secretName",
  ],
  [
    "other-secrets",
    [add("/containers/0/env/-", { name: "X", valueFrom: { secretKeyRef: { name: "others", key: "k" } } })],
    "containers[0].env.valueFrom.secretKeyRef",
  ],
  [
    "other-secrets",
    [add("/containers/0/envFrom/-", { secretRef: { name: "others" } })],
    "containers[0].envFrom.secretRef",
  ],
] as const)("%s: %j is denied, unless the operator allows it", ([rule, patch, place]) => {
  expect(faults(patch)).toEqual([
    `-: ${place} is not allowed (${rule}), unless the operator allows it: MILLRACE_POD_ALLOW=${rule}`,
  ]);
  expect(faults(patch, [rule])).toEqual([]);
  expect(
    faults(
      patch,
      POD_RULE_IDS.filter((id) => id !== rule),
    ),
  ).toHaveLength(1);
});

test.for([
  ["a second container", [add("/containers/-", { name: "other", image: "i" })]],
  ["an init container", [add("/initContainers", [{ name: "other", image: "i" }])]],
  ["another name", [{ op: "replace", path: "/containers/0/name", value: "publish" }]],
] as const)("%s is no operator's to allow", ([, patch]) => {
  expect(faults(patch, POD_RULE_IDS)).toEqual([
    '-: the pod of a patch has one container, called "main", and no others',
  ]);
});

test.for([
  [add("/containers/0/env/-", { name: "MILLRACE_API", value: "http://elsewhere" })],
  [{ op: "replace", path: "/containers/0/env/1/value", value: "mine" }],
  [{ op: "remove", path: "/containers/0/env/1" }],
  [add("/containers/0/env/-", { name: "KDP_INPUT", value: "{}" })],
] as const)("our own variables are not a patch's: %j", (patch) => {
  expect(faults(patch)).toEqual([
    "-: the environment variables MILLRACE_… and KDP_INPUT are set by Millrace, not by a patch",
  ]);
});

test.for([
  ["one that is shared", [{ op: "replace", path: "/volumes/0", value: CLAIM }], "millrace"],
  ["none", [{ op: "remove", path: "/volumes/1" }], "tmp"],
] as const)("what a pod leaves in its volumes no other pod finds: %s in its place", ([, patch, volume]) => {
  expect(faults(patch, POD_RULE_IDS)).toEqual([
    `-: the volume "${volume}" is one pod's alone: an emptyDir, or an ephemeral volume`,
  ]);
});

test("a patch may say how large the pod's own volume is, and pull with the secret that is the stage's", () => {
  expect(faults([add("/volumes/0/emptyDir/sizeLimit", "200Gi")])).toEqual([]);
  const spec = basePod({ ...STAGE, work: { ...STAGE.work, pullSecret: "registry" } }, {});
  expect(patchPod(spec, [add("/nodeSelector", {})], { secrets: [] }).ok).toBe(false);
  expect(patchPod(spec, [add("/nodeSelector", {})], { secrets: ["mc-config"] }).ok).toBe(true);
});

test("a cluster's runtime class, and a volume of the pod's own, may be asked for", () => {
  const cache = { name: "cache", emptyDir: { medium: "Memory" } };
  expect(faults([add("/runtimeClassName", "gvisor"), add("/volumes/-", cache)])).toEqual([]);
});

test("what is ended ends: nobody gives himself a year for it", () => {
  expect(faults([{ op: "replace", path: "/terminationGracePeriodSeconds", value: 31_536_000 }])).toEqual([
    "-: terminationGracePeriodSeconds: Too big: expected number to be <=3600",
  ]);
});

test.for([
  ["a sidecar", [add("/containers/0/restartPolicy", "Always")], 'containers[0] has no field "restartPolicy"'],
  ["a hook", [add("/containers/0/lifecycle", {})], 'containers[0] has no field "lifecycle"'],
  ["a debugger", [add("/ephemeralContainers", [])], 'the pod\'s spec has no field "ephemeralContainers"'],
  ["the host's users", [add("/hostUsers", true)], 'the pod\'s spec has no field "hostUsers"'],
  ["a node", [add("/nodeName", "n")], 'the pod\'s spec has no field "nodeName"'],
  [
    "an account's token",
    [add("/volumes/-", { name: "t", projected: { sources: [{ serviceAccountToken: { path: "t" } }] } })],
    'volumes[2] has no field "projected"',
  ],
] as const)("%s is no part of a pod of ours, whatever the operator allows", ([, patch, message]) => {
  expect(faults(patch, POD_RULE_IDS)).toEqual([`-: ${message} that is known here`]);
});

test("a patch that fails leaves the spec as it was, and one that does not as well", () => {
  const spec = base();
  const before = JSON.stringify(spec);
  const operations = [add("/nodeSelector", { pool: "gpu" }), { op: "remove", path: "/nope" }];
  expect(patchPod(spec, operations, { secrets: [] }).ok).toBe(false);
  expect(JSON.stringify(spec)).toBe(before);
  const value = { name: "x", emptyDir: {} };
  const result = patchPod(spec, [add("/volumes/-", value), add("/volumes/2/emptyDir/medium", "Memory")], {
    secrets: ["mc-config"],
  });
  expect(result.ok).toBe(true);
  expect(JSON.stringify(spec)).toBe(before);
  expect(value).toEqual({ name: "x", emptyDir: {} });
});

test("whatever a patch is made of, it is applied or refused with a reason", () => {
  const pointer = fc.constantFrom(
    "/",
    "",
    "/containers/0",
    "/volumes/-",
    "/a~1b",
    "/securityContext/x",
    "/containers/-1",
  );
  const operation = fc.record(
    {
      op: fc.constantFrom("add", "remove", "replace", "move", "copy", "test"),
      path: pointer,
      from: pointer,
      value: fc.jsonValue(),
    },
    { requiredKeys: ["op"] },
  );
  fc.assert(
    fc.property(fc.oneof(fc.array(operation), fc.jsonValue(), fc.string()), (patch) => {
      const result = patched(patch);
      expect(result.ok ? 1 : result.faults.length).toBeGreaterThan(0);
    }),
    { numRuns: 300 },
  );
});

test("what the operator allows is named rule by rule", () => {
  expect(podAllowIn({})).toEqual([]);
  expect(podAllowIn({ MILLRACE_POD_ALLOW: "root,writable-root" })).toEqual(["root", "writable-root"]);
  expect(() => podAllowIn({ MILLRACE_POD_ALLOW: "roots" })).toThrow(
    'MILLRACE_POD_ALLOW names "roots", which is no rule for pods',
  );
});
