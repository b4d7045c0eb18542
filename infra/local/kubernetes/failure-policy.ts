import type { Pod, PodFailureRule } from "./objects.ts";

export interface Verdict {
  readonly action: PodFailureRule["action"];
  readonly message: string;
}

/** What the first rule that fits a failed pod says about it. */
export function failurePolicy(rules: readonly PodFailureRule[] = [], pod: Pod): Verdict | undefined {
  for (const [index, rule] of rules.entries()) {
    const found = rule.onExitCodes ? exitCode(rule.onExitCodes, pod) : podCondition(rule, pod);
    if (found === undefined) continue;
    const message = `${found} matching ${rule.action} rule at index ${index}`;
    return { action: rule.action, message };
  }
  return undefined;
}

function exitCode(
  { containerName, operator, values }: NonNullable<PodFailureRule["onExitCodes"]>,
  { metadata, status }: Pod,
): string | undefined {
  const containers = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  for (const { name, state } of containers) {
    if (containerName !== undefined && containerName !== name) continue;
    if (!("terminated" in state) || state.terminated.exitCode === 0) continue;
    const code = state.terminated.exitCode;
    if (values.includes(code) === (operator === "In"))
      return `Container ${name} for pod ${metadata.namespace}/${metadata.name} failed with exit code ${code}`;
  }
  return undefined;
}

function podCondition(
  { onPodConditions = [] }: PodFailureRule,
  { metadata, status }: Pod,
): string | undefined {
  const found = onPodConditions.find((pattern) =>
    status.conditions?.some(({ type, status: value }) => type === pattern.type && value === pattern.status),
  );
  return found && `Pod ${metadata.namespace}/${metadata.name} has condition ${found.type}`;
}
