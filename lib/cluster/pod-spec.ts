import * as z from "zod";

/**
 * The part of Kubernetes' PodSpec (core/v1) that may stand in a pod of ours. Closed: the API server drops a field that it
 * does not know without a word, and so does its client, so that a mistyped field would be a setting that nobody applies.
 * What is spelt right and still not wanted (a host's network, root) is a matter of `pod-policy.ts`.
 */

const Quantity = z.union([
  z.string().regex(/^\d+(\.\d+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$/, { error: "a quantity: 500m, 2, 8Gi" }),
  z.number().nonnegative(),
]);
const Quantities = z.record(z.string(), Quantity);
const Texts = z.record(z.string(), z.string());
const Int = z.number().int();

const KeyOf = z.strictObject({ name: z.string(), key: z.string(), optional: z.boolean().optional() });
const FieldOf = z.strictObject({ apiVersion: z.string().optional(), fieldPath: z.string() });
const ResourceOf = z.strictObject({
  containerName: z.string().optional(),
  resource: z.string(),
  divisor: Quantity.optional(),
});

const EnvVar = z.strictObject({
  name: z.string().min(1),
  value: z.string().optional(),
  valueFrom: z
    .strictObject({
      secretKeyRef: KeyOf.optional(),
      configMapKeyRef: KeyOf.optional(),
      fieldRef: FieldOf.optional(),
      resourceFieldRef: ResourceOf.optional(),
    })
    .optional(),
});

const Named = z.strictObject({ name: z.string(), optional: z.boolean().optional() });
const EnvFrom = z.strictObject({
  prefix: z.string().optional(),
  secretRef: Named.optional(),
  configMapRef: Named.optional(),
});

const SeLinux = z.strictObject({
  level: z.string().optional(),
  role: z.string().optional(),
  type: z.string().optional(),
  user: z.string().optional(),
});
const SecurityProfile = z.strictObject({ type: z.string(), localhostProfile: z.string().optional() });

const ContainerSecurity = z.strictObject({
  allowPrivilegeEscalation: z.boolean().optional(),
  appArmorProfile: SecurityProfile.optional(),
  capabilities: z
    .strictObject({ add: z.array(z.string()).optional(), drop: z.array(z.string()).optional() })
    .optional(),
  privileged: z.boolean().optional(),
  procMount: z.string().optional(),
  readOnlyRootFilesystem: z.boolean().optional(),
  runAsGroup: Int.optional(),
  runAsNonRoot: z.boolean().optional(),
  runAsUser: Int.optional(),
  seLinuxOptions: SeLinux.optional(),
  seccompProfile: SecurityProfile.optional(),
});

const PodSecurity = z.strictObject({
  appArmorProfile: SecurityProfile.optional(),
  fsGroup: Int.optional(),
  fsGroupChangePolicy: z.enum(["Always", "OnRootMismatch"]).optional(),
  runAsGroup: Int.optional(),
  runAsNonRoot: z.boolean().optional(),
  runAsUser: Int.optional(),
  seLinuxOptions: SeLinux.optional(),
  seccompProfile: SecurityProfile.optional(),
  supplementalGroups: z.array(Int).optional(),
  sysctls: z.array(z.strictObject({ name: z.string(), value: z.string() })).optional(),
});

const Container = z.strictObject({
  name: z.string().min(1),
  image: z.string().min(1),
  imagePullPolicy: z.enum(["Always", "IfNotPresent", "Never"]).optional(),
  command: z.array(z.string()).optional(),
  args: z.array(z.string()).optional(),
  workingDir: z.string().optional(),
  env: z.array(EnvVar).optional(),
  envFrom: z.array(EnvFrom).optional(),
  ports: z
    .array(
      z.strictObject({
        name: z.string().optional(),
        containerPort: Int,
        hostPort: Int.optional(),
        hostIP: z.string().optional(),
        protocol: z.enum(["TCP", "UDP", "SCTP"]).optional(),
      }),
    )
    .optional(),
  resources: z.strictObject({ limits: Quantities.optional(), requests: Quantities.optional() }).optional(),
  securityContext: ContainerSecurity.optional(),
  terminationMessagePath: z.string().optional(),
  terminationMessagePolicy: z.enum(["File", "FallbackToLogsOnError"]).optional(),
  volumeDevices: z.array(z.strictObject({ devicePath: z.string(), name: z.string() })).optional(),
  volumeMounts: z
    .array(
      z.strictObject({
        name: z.string(),
        mountPath: z.string(),
        mountPropagation: z.string().optional(),
        readOnly: z.boolean().optional(),
        subPath: z.string().optional(),
      }),
    )
    .optional(),
});

const Items = z.array(z.strictObject({ key: z.string(), path: z.string(), mode: Int.optional() }));
const Claim = z.strictObject({
  metadata: z.strictObject({ labels: Texts.optional(), annotations: Texts.optional() }).optional(),
  spec: z.strictObject({
    accessModes: z.array(z.string()),
    resources: z.strictObject({ requests: Quantities.optional(), limits: Quantities.optional() }),
    storageClassName: z.string().optional(),
    volumeMode: z.string().optional(),
  }),
});

const Volume = z.strictObject({
  name: z.string().min(1),
  emptyDir: z
    .strictObject({ medium: z.enum(["", "Memory"]).optional(), sizeLimit: Quantity.optional() })
    .optional(),
  configMap: z
    .strictObject({
      name: z.string(),
      defaultMode: Int.optional(),
      items: Items.optional(),
      optional: z.boolean().optional(),
    })
    .optional(),
  secret: z
    .strictObject({
      secretName: z.string(),
      defaultMode: Int.optional(),
      items: Items.optional(),
      optional: z.boolean().optional(),
    })
    .optional(),
  ephemeral: z.strictObject({ volumeClaimTemplate: Claim }).optional(),
  persistentVolumeClaim: z
    .strictObject({ claimName: z.string(), readOnly: z.boolean().optional() })
    .optional(),
  hostPath: z.strictObject({ path: z.string(), type: z.string().optional() }).optional(),
});

const Toleration = z.strictObject({
  key: z.string().optional(),
  operator: z.enum(["Exists", "Equal"]).optional(),
  value: z.string().optional(),
  effect: z.enum(["NoSchedule", "PreferNoSchedule", "NoExecute"]).optional(),
  tolerationSeconds: Int.optional(),
});

const Requirement = z.strictObject({
  key: z.string(),
  operator: z.enum(["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]),
  values: z.array(z.string()).optional(),
});
const NodeTerm = z.strictObject({
  matchExpressions: z.array(Requirement).optional(),
  matchFields: z.array(Requirement).optional(),
});
const LabelSelector = z.strictObject({
  matchLabels: Texts.optional(),
  matchExpressions: z.array(Requirement).optional(),
});
const PodTerm = z.strictObject({
  labelSelector: LabelSelector.optional(),
  namespaceSelector: LabelSelector.optional(),
  namespaces: z.array(z.string()).optional(),
  topologyKey: z.string(),
});
const weighted = <Term extends z.ZodType>(name: string, term: Term) =>
  z.array(z.strictObject({ weight: Int, [name]: term }));
const PodAffinity = z.strictObject({
  requiredDuringSchedulingIgnoredDuringExecution: z.array(PodTerm).optional(),
  preferredDuringSchedulingIgnoredDuringExecution: weighted("podAffinityTerm", PodTerm).optional(),
});
const Affinity = z.strictObject({
  nodeAffinity: z
    .strictObject({
      requiredDuringSchedulingIgnoredDuringExecution: z
        .strictObject({ nodeSelectorTerms: z.array(NodeTerm) })
        .optional(),
      preferredDuringSchedulingIgnoredDuringExecution: weighted("preference", NodeTerm).optional(),
    })
    .optional(),
  podAffinity: PodAffinity.optional(),
  podAntiAffinity: PodAffinity.optional(),
});

export const PodSpec = z.strictObject({
  containers: z.array(Container).min(1),
  initContainers: z.array(Container).optional(),
  volumes: z.array(Volume).optional(),
  restartPolicy: z.literal("Never"),
  // What is ended gets no longer than this to end.
  terminationGracePeriodSeconds: Int.min(0).max(3600).optional(),
  nodeSelector: Texts.optional(),
  tolerations: z.array(Toleration).optional(),
  affinity: Affinity.optional(),
  topologySpreadConstraints: z
    .array(
      z.strictObject({
        labelSelector: LabelSelector.optional(),
        maxSkew: Int,
        minDomains: Int.optional(),
        topologyKey: z.string(),
        whenUnsatisfiable: z.enum(["DoNotSchedule", "ScheduleAnyway"]),
      }),
    )
    .optional(),
  runtimeClassName: z.string().optional(),
  priorityClassName: z.string().optional(),
  schedulerName: z.string().optional(),
  imagePullSecrets: z.array(z.strictObject({ name: z.string() })).optional(),
  securityContext: PodSecurity.optional(),
  serviceAccountName: z.string().optional(),
  automountServiceAccountToken: z.boolean().optional(),
  enableServiceLinks: z.boolean().optional(),
  dnsPolicy: z.string().optional(),
  hostAliases: z.array(z.strictObject({ ip: z.string(), hostnames: z.array(z.string()) })).optional(),
  hostNetwork: z.boolean().optional(),
  hostPID: z.boolean().optional(),
  hostIPC: z.boolean().optional(),
  shareProcessNamespace: z.boolean().optional(),
});

export type PodSpec = z.infer<typeof PodSpec>;
export type Container = z.infer<typeof Container>;
