import { isDeepStrictEqual } from "node:util";
import type { Container, Job, JobSpec, KubeObject, PodFailureRule, PodSpec } from "./objects.ts";
import { quantity } from "./quantities.ts";
import { type Cause, notAllowed, required, unsupported, wrong } from "./status.ts";

/** What a cluster does and this service does not: refused, because what is not done must not look done. */
const ABSENT_FROM_JOBS = [
  "backoffLimitPerIndex",
  "maxFailedIndexes",
  "successPolicy",
  "managedBy",
  "manualSelector",
] as const;

/** The same limits and messages as https://github.com/kubernetes/kubernetes/blob/v1.36.0/pkg/apis/batch/validation/validation.go */
export function jobFaults(job: Job): Cause[] {
  const { spec } = job;
  return [
    ...nameFaults(job),
    ...absent(job),
    ...countFaults(spec),
    ...failurePolicyFaults(spec),
    ...podFaults(spec.template.spec, "spec.template.spec"),
    ...restartFaults(spec),
  ];
}

function nameFaults({ metadata: { name } }: Job): Cause[] {
  return name.length <= 63 ? [] : [wrong("spec.template.labels", name, "must be no more than 63 bytes")];
}

function absent(job: Job): Cause[] {
  const spec = job["spec"] as unknown as Record<string, unknown>;
  const faults = ABSENT_FROM_JOBS.filter((field) => spec[field] !== undefined && spec[field] !== false).map(
    (field) => notAllowed(`spec.${field}`, "the local Kubernetes cannot do this"),
  );
  return spec["completionMode"] === "Indexed"
    ? [...faults, notAllowed("spec.completionMode", "the local Kubernetes has no indexed jobs")]
    : faults;
}

const COUNTS = [
  "parallelism",
  "completions",
  "backoffLimit",
  "activeDeadlineSeconds",
  "ttlSecondsAfterFinished",
];

function countFaults(spec: JobSpec): Cause[] {
  const values = spec as unknown as Record<string, number | undefined>;
  return COUNTS.flatMap((field) =>
    (values[field] ?? 0) < 0
      ? [wrong(`spec.${field}`, values[field], "must be greater than or equal to 0")]
      : [],
  );
}

function failurePolicyFaults({ podFailurePolicy, podReplacementPolicy, template }: JobSpec): Cause[] {
  if (!podFailurePolicy) return [];
  const replacement =
    podReplacementPolicy === "Failed"
      ? []
      : [unsupported("spec.podReplacementPolicy", podReplacementPolicy, ["Failed"])];
  const restart =
    template.spec.restartPolicy === "Never"
      ? []
      : [
          wrong(
            "spec.template.spec.restartPolicy",
            template.spec.restartPolicy,
            'only "Never" is supported when podFailurePolicy is specified',
          ),
        ];
  const names = [...(template.spec.initContainers ?? []), ...template.spec.containers].map(
    ({ name }) => name,
  );
  return [
    ...replacement,
    ...restart,
    ...podFailurePolicy.rules.flatMap((rule, index) =>
      ruleFaults(rule, `spec.podFailurePolicy.rules[${index}]`, names),
    ),
  ];
}

function ruleFaults(rule: PodFailureRule, field: string, containers: readonly string[]): Cause[] {
  const { action, onExitCodes, onPodConditions } = rule;
  const faults: Cause[] = [];
  if (!["FailJob", "Ignore", "Count"].includes(action))
    faults.push(unsupported(`${field}.action`, action, ["Count", "FailIndex", "FailJob", "Ignore"]));
  if ((onExitCodes === undefined) === ((onPodConditions ?? []).length === 0))
    faults.push(wrong(field, null, "specifying one of OnExitCodes and OnPodConditions is required"));
  if (onExitCodes) faults.push(...exitCodeFaults(onExitCodes, `${field}.onExitCodes`, containers));
  return faults;
}

function exitCodeFaults(
  { containerName, operator, values }: NonNullable<PodFailureRule["onExitCodes"]>,
  field: string,
  containers: readonly string[],
): Cause[] {
  const faults: Cause[] = [];
  if (!["In", "NotIn"].includes(operator))
    faults.push(unsupported(`${field}.operator`, operator, ["In", "NotIn"]));
  if (containerName !== undefined && !containers.includes(containerName))
    faults.push(
      wrong(
        `${field}.containerName`,
        containerName,
        "must be one of the container or initContainer names in the pod template",
      ),
    );
  if (values.length === 0) faults.push(wrong(`${field}.values`, values, "at least one value is required"));
  if (operator === "In" && values.includes(0))
    faults.push(wrong(`${field}.values[${values.indexOf(0)}]`, 0, "must not be 0 for the In operator"));
  if (values.some((value, index) => index > 0 && value <= (values[index - 1] ?? 0)))
    faults.push(wrong(`${field}.values`, values, "must be ordered and unique"));
  return faults;
}

function restartFaults({ template }: JobSpec): Cause[] {
  const { restartPolicy } = template.spec;
  if (restartPolicy === "Never") return [];
  const field = "spec.template.spec.restartPolicy";
  if (restartPolicy === "OnFailure")
    return [notAllowed(field, "the local Kubernetes cannot do OnFailure; use Never")];
  return [
    restartPolicy === "Always"
      ? unsupported(field, restartPolicy, ["OnFailure", "Never"])
      : required(field, 'valid values: "OnFailure", "Never"'),
  ];
}

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const LABEL_WRONG =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

/** Rules of a pod's `spec`, wherever it stands. */
export function podFaults(spec: PodSpec, field: string): Cause[] {
  const volumes = (spec.volumes ?? []).map(({ name }) => name);
  const lists = [
    ["initContainers", spec.initContainers ?? []],
    ["containers", spec.containers],
  ] as const;
  const faults = lists.flatMap(([list, containers]) =>
    containers.flatMap((container, index) =>
      containerFaults(container, `${field}.${list}[${index}]`, volumes),
    ),
  );
  if (spec.containers.length === 0) faults.push(required(`${field}.containers`));
  faults.push(
    ...duplicates(
      lists.flatMap(([, containers]) => containers.map(({ name }) => name)),
      field,
    ),
  );
  faults.push(...volumeFaults(spec, field));
  return faults;
}

const duplicates = (names: readonly string[], field: string): Cause[] =>
  names
    .filter((name, index) => names.indexOf(name) !== index)
    .map((name) => ({
      reason: "FieldValueDuplicate" as const,
      message: `Duplicate value: ${JSON.stringify(name)}`,
      field: `${field}.containers.name`,
    }));

const CANNOT = ["livenessProbe", "readinessProbe", "startupProbe", "lifecycle"] as const;

function containerFaults(container: Container, field: string, volumes: readonly string[]): Cause[] {
  const { name = "", image, volumeMounts = [], resources = {} } = container;
  const given = container as unknown as Record<string, unknown>;
  const faults = CANNOT.filter((each) => given[each] !== undefined).map((each) =>
    notAllowed(`${field}.${each}`, "the local Kubernetes has no probes and no hooks"),
  );
  if (name === "") faults.push(required(`${field}.name`));
  else if (!LABEL.test(name) || name.length > 63) faults.push(wrong(`${field}.name`, name, LABEL_WRONG));
  if (!image) faults.push(required(`${field}.image`));
  return [
    ...faults,
    ...quantityFaults(resources, `${field}.resources`),
    ...volumeMounts.flatMap((mount, index) => mountFaults(mount, `${field}.volumeMounts[${index}]`, volumes)),
  ];
}

const quantityFaults = (
  { requests = {}, limits = {} }: NonNullable<Container["resources"]>,
  field: string,
): Cause[] =>
  Object.entries({ requests, limits }).flatMap(([kind, amounts]) =>
    Object.entries(amounts).flatMap(([name, amount]) =>
      quantity(amount) >= 0
        ? []
        : [wrong(`${field}.${kind}.${name}`, amount, "must be a quantity, like 500m or 2Gi")],
    ),
  );

function mountFaults(
  { name, mountPath, subPath = "" }: NonNullable<Container["volumeMounts"]>[number],
  field: string,
  volumes: readonly string[],
): Cause[] {
  const faults: Cause[] = [];
  if (!volumes.includes(name))
    faults.push({ reason: "FieldValueInvalid", message: `Not found: "${name}"`, field: `${field}.name` });
  if (!mountPath) faults.push(required(`${field}.mountPath`));
  if (subPath.split("/").includes("..") || subPath.startsWith("/"))
    faults.push(wrong(`${field}.subPath`, subPath, "must be a relative path and not contain '..'"));
  return faults;
}

const VOLUMES = ["emptyDir", "secret", "configMap"];

const volumeFaults = ({ volumes = [] }: PodSpec, field: string): Cause[] =>
  volumes.flatMap((volume, index) => {
    const at = `${field}.volumes[${index}]`;
    if (!LABEL.test(volume.name ?? "")) return [wrong(`${at}.name`, volume.name, LABEL_WRONG)];
    const kind = Object.keys(volume).find((key) => key !== "name");
    if (kind === undefined) return [required(at, "must specify a volume type")];
    return VOLUMES.includes(kind)
      ? []
      : [notAllowed(`${at}.${kind}`, "the local Kubernetes mounts emptyDir, secret and configMap only")];
  });

const IMMUTABLE = ["completions", "selector", "template", "podFailurePolicy", "completionMode"] as const;

/** What of a Job cannot change after it has been made. */
export function jobChangeFaults(before: KubeObject, after: KubeObject): Cause[] {
  const [old, next] = [before["spec"], after["spec"]] as Record<string, unknown>[];
  return IMMUTABLE.filter((field) => !isDeepStrictEqual(old?.[field], next?.[field])).map((field) =>
    wrong(`spec.${field}`, next?.[field], "field is immutable"),
  );
}
