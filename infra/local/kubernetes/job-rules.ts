import { isDeepStrictEqual } from "node:util";
import type { Job, JobSpec, KubeObject, PodFailureRule } from "./objects.ts";
import { podFaults } from "./pod-rules.ts";
import { type Cause, notAllowed, required, tooMany, unsupported, wrong } from "./status.ts";

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

const MOST = { rules: 20, exitCodes: 255, podConditions: 20 };

const atMost = (most: number, list: readonly unknown[], field: string): Cause[] =>
  list.length > most ? [tooMany(field, list.length, most)] : [];

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
    ...atMost(MOST.rules, podFailurePolicy.rules, "spec.podFailurePolicy.rules"),
    ...podFailurePolicy.rules.flatMap((rule, index) =>
      ruleFaults(rule, `spec.podFailurePolicy.rules[${index}]`, names),
    ),
  ];
}

function ruleFaults(rule: PodFailureRule, field: string, containers: readonly string[]): Cause[] {
  const { action, onExitCodes, onPodConditions } = rule;
  const faults = atMost(MOST.podConditions, onPodConditions ?? [], `${field}.onPodConditions`);
  if (!["FailJob", "Ignore", "Count"].includes(action))
    faults.push(unsupported(`${field}.action`, action, ["Count", "FailIndex", "FailJob", "Ignore"]));
  if ((onExitCodes === undefined) === ((onPodConditions ?? []).length === 0))
    faults.push(wrong(field, null, "specifying one of OnExitCodes and OnPodConditions is required"));
  if (onExitCodes) faults.push(...exitCodeFaults(onExitCodes, `${field}.onExitCodes`, containers));
  return faults;
}

function exitCodeFaults(
  { containerName, operator, values = [] }: NonNullable<PodFailureRule["onExitCodes"]>,
  field: string,
  containers: readonly string[],
): Cause[] {
  const faults = atMost(MOST.exitCodes, values, `${field}.values`);
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

const IMMUTABLE = ["completions", "selector", "template", "podFailurePolicy", "completionMode"] as const;

/** What of a Job cannot change after it has been made. */
export function jobChangeFaults(before: KubeObject, after: KubeObject): Cause[] {
  const [old, next] = [before["spec"], after["spec"]] as Record<string, unknown>[];
  return IMMUTABLE.filter((field) => !isDeepStrictEqual(old?.[field], next?.[field])).map((field) =>
    wrong(`spec.${field}`, next?.[field], "field is immutable"),
  );
}
