import type { StagePlan } from "../plan/plan.ts";
import type { Container, PodSpec } from "./pod-spec.ts";

/** The user's part of a pod, before and beside the agent's. */

export type HeavyStage = StagePlan & { readonly work: Extract<StagePlan["work"], { kind: "image" }> };

export const isHeavy = (stage: StagePlan): stage is HeavyStage => stage.work.kind === "image";

/** The user's container. */
export const MAIN = "main";

/** Folders that the containers of a pod share. */
export const SHARED_FOLDER = "/millrace";
export const IN_FOLDER = `${SHARED_FOLDER}/in`;
export const OUT_FOLDER = `${SHARED_FOLDER}/out`;
export const SHARED_MOUNTS = [
  { name: "millrace", mountPath: SHARED_FOLDER },
  { name: "tmp", mountPath: "/tmp" },
];

/** Time that pulling, fetching and publishing may take besides the stage's own. */
const OVERHEAD_SECONDS = 600;

/** Seconds after which Kubernetes ends an attempt, whatever it is doing. */
export const deadlineSecondsOf = ({ timeoutSeconds }: Pick<StagePlan, "timeoutSeconds">): number =>
  timeoutSeconds + OVERHEAD_SECONDS;

/** From SIGTERM to SIGKILL. */
const GRACE_SECONDS = 30;
/** A pod on a machine that does not answer is given up after so long; Kubernetes' own default is 300. */
const LOST_NODE_SECONDS = 60;
/** Nobody in particular: any number but 0 will do, where the image does not say one. */
export const AGENT_USER = 65_532;

/** What the Pod Security Standard "restricted" asks of a container, and a file system that nobody writes to. */
export const RESTRICTED: NonNullable<Container["securityContext"]> = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ["ALL"] },
  readOnlyRootFilesystem: true,
};

/**
 * The pod that a definition's patch is applied to: the user's container alone, with lists that a patch can add to.
 *
 * @param own environment variables of ours
 */
export function basePod(
  { work, env, secrets }: Pick<HeavyStage, "work" | "env" | "secrets">,
  own: Readonly<Record<string, string>>,
): PodSpec {
  const limits = {
    cpu: `${work.cpuMillis}m`,
    memory: `${work.memoryMb}Mi`,
    ...(work.gpus !== undefined && { "nvidia.com/gpu": work.gpus }),
  };
  return {
    restartPolicy: "Never",
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: GRACE_SECONDS,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: AGENT_USER,
      runAsGroup: AGENT_USER,
      fsGroup: AGENT_USER,
      seccompProfile: { type: "RuntimeDefault" },
    },
    tolerations: ["not-ready", "unreachable"].map((key) => ({
      key: `node.kubernetes.io/${key}`,
      operator: "Exists",
      effect: "NoExecute",
      tolerationSeconds: LOST_NODE_SECONDS,
    })),
    imagePullSecrets: work.pullSecret === undefined ? [] : [{ name: work.pullSecret }],
    volumes: [
      { name: "millrace", emptyDir: {} },
      { name: "tmp", emptyDir: {} },
    ],
    containers: [
      {
        name: MAIN,
        image: work.image,
        ...(work.command && { command: [...work.command] }),
        // A fresh folder, in which a program finds its input and leaves its output, by KDP's contract.
        workingDir: OUT_FOLDER,
        // Of two variables with one name, the later counts.
        env: [...Object.entries(env), ...Object.entries(own)].map(([name, value]) => ({
          name,
          value: literal(value),
        })),
        envFrom: secrets.map((name) => ({ secretRef: { name } })),
        resources: { requests: limits, limits },
        terminationMessagePolicy: "FallbackToLogsOnError",
        securityContext: RESTRICTED,
        volumeMounts: SHARED_MOUNTS,
      },
    ],
  };
}

/** Kubernetes replaces `$(NAME)` in values and arguments; `$$(NAME)` is how to write that down. */
const literal = (value: string): string => value.replaceAll("$(", "$$$$(");
