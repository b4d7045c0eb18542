import type { Container, PodSpec, SecurityContext } from "./objects.ts";

export type Level = "privileged" | "baseline" | "restricted";

interface Check {
  readonly level: Exclude<Level, "privileged">;
  readonly what: string;
  /** What a container must do about it. */
  readonly remedy: (containers: string) => string;
  readonly isBroken: (own: SecurityContext, pod: SecurityContext, container: Container) => boolean;
}

/** https://kubernetes.io/docs/concepts/security/pod-security-standards/: what of it concerns single containers. */
const CHECKS: readonly Check[] = [
  {
    level: "baseline",
    what: "privileged",
    remedy: (containers) => `${containers} must not set securityContext.privileged=true`,
    isBroken: ({ privileged }) => privileged === true,
  },
  {
    level: "baseline",
    what: "hostPort",
    remedy: (containers) => `${containers} must not use hostPorts`,
    isBroken: (_own, _pod, { ports }) => ports?.some(({ hostPort }) => (hostPort ?? 0) > 0) ?? false,
  },
  {
    level: "restricted",
    what: "allowPrivilegeEscalation != false",
    remedy: (containers) => `${containers} must set securityContext.allowPrivilegeEscalation=false`,
    isBroken: ({ allowPrivilegeEscalation }) => allowPrivilegeEscalation !== false,
  },
  {
    level: "restricted",
    what: "unrestricted capabilities",
    remedy: (containers) => `${containers} must set securityContext.capabilities.drop=["ALL"]`,
    isBroken: ({ capabilities }) =>
      !capabilities?.drop?.includes("ALL") ||
      (capabilities.add ?? []).some((name) => name !== "NET_BIND_SERVICE"),
  },
  {
    level: "restricted",
    what: "runAsNonRoot != true",
    remedy: (containers) => `pod or ${containers} must set securityContext.runAsNonRoot=true`,
    isBroken: (own, pod) => (own.runAsNonRoot ?? pod.runAsNonRoot) !== true,
  },
  {
    level: "restricted",
    what: "runAsUser=0",
    remedy: (containers) => `pod or ${containers} must not set runAsUser=0`,
    isBroken: (own, pod) => (own.runAsUser ?? pod.runAsUser) === 0,
  },
  {
    level: "restricted",
    what: "seccompProfile",
    remedy: (containers) =>
      `pod or ${containers} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
    isBroken: (own, pod) =>
      !["RuntimeDefault", "Localhost"].includes((own.seccompProfile ?? pod.seccompProfile)?.type ?? ""),
  },
];

const HOST = ["hostNetwork", "hostPID", "hostIPC"] as const;

/** Why a namespace of that level refuses a pod, in the words of a cluster; nothing when it does not. */
export function podSecurity(level: string | undefined, spec: PodSpec): string | undefined {
  if (level !== "baseline" && level !== "restricted") return undefined;
  const host = HOST.filter((name) => spec[name] === true).map((name) => `${name}=true`);
  const broken = [
    ...(host.length > 0 ? [`host namespaces (${host.join(", ")})`] : []),
    ...CHECKS.filter((check) => level === "restricted" || check.level === "baseline").flatMap((check) =>
      complaint(check, spec),
    ),
  ];
  return broken.length === 0 ? undefined : `violate PodSecurity "${level}:latest": ${broken.join(", ")}`;
}

function complaint({ what, remedy, isBroken }: Check, spec: PodSpec): string[] {
  const names = [...(spec.initContainers ?? []), ...spec.containers]
    .filter((container) => isBroken(container.securityContext ?? {}, spec.securityContext ?? {}, container))
    .map(({ name }) => `"${name}"`);
  if (names.length === 0) return [];
  return [`${what} (${remedy(`${names.length === 1 ? "container" : "containers"} ${names.join(", ")}`)})`];
}
