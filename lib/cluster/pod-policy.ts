import { MillraceError } from "../errors.ts";
import type { Container, PodSpec } from "./pod-spec.ts";

/**
 * What a definition's `podPatch` must not do, unless the operator allows it by name (`MILLRACE_POD_ALLOW`). Judged on the
 * patched spec, never on the patch: there are many ways to write a thing, and one thing that is written.
 * (kubernetes.io/docs/concepts/security/pod-security-standards/, "restricted", and what goes beyond it)
 *
 * Open on purpose: `runtimeClassName`. Without one, a pod has the runtime that the cluster gives to everybody; classes
 * are the cluster's administrators' to offer, and most are there to isolate more (gVisor) or to reach a GPU.
 */
export interface PodRule {
  readonly id: string;
  /** What it forbids. Also the README's table. */
  readonly forbids: string;
  /** Places that break it, as in `containers[0].securityContext.privileged`. */
  find(spec: PodSpec, context: PodContext): string[];
}

export interface PodContext {
  /** Secrets that the stage may read. */
  readonly secrets: readonly string[];
  /** Secrets that its image is pulled with. */
  readonly pullSecrets: readonly string[];
}

/** Environment variables that are ours. */
export const RESERVED_ENV = /^(MILLRACE_|KDP_INPUT$)/;

const where = (places: Readonly<Record<string, boolean>>): string[] =>
  Object.entries(places)
    .filter(([, isBroken]) => isBroken)
    .map(([place]) => place);

const inContainers = (
  { containers }: PodSpec,
  find: (container: Container) => Readonly<Record<string, boolean>>,
): string[] =>
  containers.flatMap((container, index) =>
    where(find(container)).map((place) => `containers[${index}].${place}`),
  );

const SECCOMP = new Set(["RuntimeDefault", "Localhost"]);

export const POD_RULES: readonly PodRule[] = [
  {
    id: "host-namespaces",
    forbids: "the machine's network, processes or ports; processes shared between containers",
    find: (spec) => [
      ...where({
        hostNetwork: spec.hostNetwork === true,
        hostPID: spec.hostPID === true,
        hostIPC: spec.hostIPC === true,
        shareProcessNamespace: spec.shareProcessNamespace === true,
      }),
      ...inContainers(spec, ({ ports = [] }) => ({
        "ports.hostPort": ports.some(({ hostPort = 0 }) => hostPort !== 0),
      })),
    ],
  },
  {
    id: "host-path",
    forbids: "a folder of the machine",
    find: ({ volumes = [] }) =>
      volumes.flatMap(({ hostPath }, index) => (hostPath ? [`volumes[${index}].hostPath`] : [])),
  },
  {
    // A claim outlives its pod: what one attempt leaves in it, or another pipeline's stage keeps there, the next one finds.
    id: "shared-volumes",
    forbids:
      "a volume claim that exists: it outlives the pod, and others write to it (an `ephemeral` volume is the pod's own)",
    find: ({ volumes = [] }) =>
      volumes.flatMap(({ persistentVolumeClaim }, index) =>
        persistentVolumeClaim ? [`volumes[${index}].persistentVolumeClaim`] : [],
      ),
  },
  {
    id: "host-aliases",
    forbids: "names that lead elsewhere",
    find: ({ hostAliases = [] }) => where({ hostAliases: hostAliases.length > 0 }),
  },
  {
    id: "privileged",
    forbids: "privileges, and getting more of them",
    find: (spec) =>
      inContainers(spec, ({ securityContext = {} }) => ({
        "securityContext.privileged": securityContext.privileged === true,
        "securityContext.allowPrivilegeEscalation": securityContext.allowPrivilegeEscalation !== false,
        "securityContext.procMount": (securityContext.procMount ?? "Default") !== "Default",
      })),
  },
  {
    id: "capabilities",
    forbids: "capabilities of Linux",
    find: (spec) =>
      inContainers(spec, ({ securityContext: { capabilities } = {} }) => ({
        "securityContext.capabilities.add": (capabilities?.add ?? []).length > 0,
        "securityContext.capabilities.drop": !(capabilities?.drop ?? []).includes("ALL"),
      })),
  },
  {
    id: "root",
    forbids: "the user root",
    find: (spec) => [
      ...where({
        "securityContext.runAsNonRoot": spec.securityContext?.runAsNonRoot !== true,
        "securityContext.runAsUser": spec.securityContext?.runAsUser === 0,
      }),
      ...inContainers(spec, ({ securityContext = {} }) => ({
        "securityContext.runAsNonRoot": securityContext.runAsNonRoot === false,
        "securityContext.runAsUser": securityContext.runAsUser === 0,
      })),
    ],
  },
  {
    id: "writable-root",
    forbids: "writing to the image's file system",
    find: (spec) =>
      inContainers(spec, ({ securityContext = {} }) => ({
        "securityContext.readOnlyRootFilesystem": securityContext.readOnlyRootFilesystem !== true,
      })),
  },
  {
    id: "profiles",
    forbids: "weaker profiles of seccomp, SELinux or AppArmor; sysctls",
    find: (spec) => [
      ...where({
        "securityContext.seccompProfile": !SECCOMP.has(spec.securityContext?.seccompProfile?.type ?? ""),
        "securityContext.seLinuxOptions": spec.securityContext?.seLinuxOptions !== undefined,
        "securityContext.appArmorProfile": spec.securityContext?.appArmorProfile?.type === "Unconfined",
        "securityContext.sysctls": (spec.securityContext?.sysctls ?? []).length > 0,
      }),
      ...inContainers(spec, ({ securityContext = {} }) => ({
        "securityContext.seccompProfile":
          securityContext.seccompProfile !== undefined && !SECCOMP.has(securityContext.seccompProfile.type),
        "securityContext.seLinuxOptions": securityContext.seLinuxOptions !== undefined,
        "securityContext.appArmorProfile": securityContext.appArmorProfile?.type === "Unconfined",
      })),
    ],
  },
  {
    id: "service-account",
    forbids: "an account of the cluster, and its token",
    find: (spec) =>
      where({
        serviceAccountName: spec.serviceAccountName !== undefined,
        automountServiceAccountToken: spec.automountServiceAccountToken !== false,
      }),
  },
  {
    id: "scheduling",
    forbids: "another scheduler, a priority",
    find: (spec) =>
      where({
        schedulerName: spec.schedulerName !== undefined,
        priorityClassName: spec.priorityClassName !== undefined,
      }),
  },
  {
    id: "devices",
    forbids: "raw devices, mounts that reach out of the pod",
    find: (spec) =>
      inContainers(spec, ({ volumeDevices = [], volumeMounts = [] }) => ({
        volumeDevices: volumeDevices.length > 0,
        "volumeMounts.mountPropagation": volumeMounts.some(
          ({ mountPropagation = "None" }) => mountPropagation !== "None",
        ),
      })),
  },
  {
    id: "other-secrets",
    forbids: "secrets that the stage does not list",
    find: (spec, { secrets, pullSecrets }) => {
      const isOther = (name: string | undefined): boolean => name !== undefined && !secrets.includes(name);
      return [
        ...(spec.volumes ?? []).flatMap(({ secret }, index) =>
          isOther(secret?.secretName) ? [`volumes[${index}].secret.secretName`] : [],
        ),
        ...(spec.imagePullSecrets ?? []).flatMap(({ name }, index) =>
          isOther(name) && !pullSecrets.includes(name) ? [`imagePullSecrets[${index}]`] : [],
        ),
        ...inContainers(spec, ({ env = [], envFrom = [] }) => ({
          "env.valueFrom.secretKeyRef": env.some(({ valueFrom }) => isOther(valueFrom?.secretKeyRef?.name)),
          "envFrom.secretRef": envFrom.some(({ secretRef }) => isOther(secretRef?.name)),
        })),
      ];
    },
  },
];

/** Rules that an operator can allow to be broken. */
export const POD_RULE_IDS: readonly string[] = POD_RULES.map(({ id }) => id);

/**
 * The rules that the operator of a deployment lets definitions break: `MILLRACE_POD_ALLOW=root,writable-root`.
 *
 * @throws MillraceError when one of them is no rule
 */
export function podAllowIn({
  MILLRACE_POD_ALLOW: text = "",
}: Readonly<Record<string, string | undefined>>): readonly string[] {
  const ids = text.split(",").filter((id) => id !== "");
  const unknown = ids.find((id) => !POD_RULE_IDS.includes(id));
  if (unknown === undefined) return ids;
  throw new MillraceError("pod-allow", `MILLRACE_POD_ALLOW names "${unknown}", which is no rule for pods`, {
    hint: `name some of ${POD_RULE_IDS.join(", ")}, separated by commas`,
  });
}

export interface PodBreach {
  readonly rule: string;
  readonly place: string;
}

/** What a patched pod does that it must not. */
export const breachesOf = (spec: PodSpec, context: PodContext, allowed: readonly string[]): PodBreach[] =>
  POD_RULES.filter(({ id }) => !allowed.includes(id)).flatMap(({ id, find }) =>
    find(spec, context).map((place) => ({ rule: id, place })),
  );
