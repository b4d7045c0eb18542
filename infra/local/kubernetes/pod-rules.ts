import type { Container, EnvVar, PodSpec } from "./objects.ts";
import { quantity } from "./quantities.ts";
import { type Cause, notAllowed, required, unsupported, wrong } from "./status.ts";

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

const CHOICES = {
  imagePullPolicy: ["Always", "IfNotPresent", "Never"],
  terminationMessagePolicy: ["File", "FallbackToLogsOnError"],
} as const;

function choiceFaults(container: Container, field: string): Cause[] {
  return (Object.keys(CHOICES) as (keyof typeof CHOICES)[]).flatMap((name) => {
    const value = container[name];
    const allowed: readonly string[] = CHOICES[name];
    return value === undefined || allowed.includes(value)
      ? []
      : [unsupported(`${field}.${name}`, value, allowed)];
  });
}

function envFaults({ name, value, valueFrom }: EnvVar, field: string): Cause[] {
  if (!name) return [required(`${field}.name`)];
  if (!/^[ -<>-~]+$/.test(name))
    return [
      wrong(
        `${field}.name`,
        name,
        "a valid environment variable name consists of printable characters, and not '='",
      ),
    ];
  if (!valueFrom) return [];
  if (value) return [wrong(`${field}.valueFrom`, "", "may not be specified when `value` is not empty")];
  const kind = Object.keys(valueFrom).find((each) => !VALUES.includes(each));
  return kind === undefined
    ? []
    : [
        notAllowed(
          `${field}.valueFrom.${kind}`,
          "the local Kubernetes takes values from secrets, config maps and fields only",
        ),
      ];
}

const VALUES = ["secretKeyRef", "configMapKeyRef", "fieldRef"];

function containerFaults(container: Container, field: string, volumes: readonly string[]): Cause[] {
  const { name = "", image, volumeMounts = [], resources = {}, env = [] } = container;
  const given = container as unknown as Record<string, unknown>;
  const faults = CANNOT.filter((each) => given[each] !== undefined).map((each) =>
    notAllowed(`${field}.${each}`, "the local Kubernetes has no probes and no hooks"),
  );
  if (name === "") faults.push(required(`${field}.name`));
  else if (!LABEL.test(name) || name.length > 63) faults.push(wrong(`${field}.name`, name, LABEL_WRONG));
  if (!image) faults.push(required(`${field}.image`));
  return [
    ...faults,
    ...choiceFaults(container, field),
    ...env.flatMap((variable, index) => envFaults(variable, `${field}.env[${index}]`)),
    ...quantityFaults(resources, `${field}.resources`),
    ...limitFaults(resources, `${field}.resources`),
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

const limitFaults = (
  { requests = {}, limits = {} }: NonNullable<Container["resources"]>,
  field: string,
): Cause[] =>
  Object.entries(requests).flatMap(([name, amount]) => {
    const limit = limits[name];
    return limit === undefined || !(quantity(amount) > quantity(limit))
      ? []
      : [wrong(`${field}.requests`, amount, `must be less than or equal to ${name} limit of ${limit}`)];
  });

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
    const [kind, second] = Object.keys(volume).filter((key) => key !== "name");
    if (kind === undefined) return [required(at, "must specify a volume type")];
    if (second !== undefined)
      return [notAllowed(`${at}.${second}`, "may not specify more than 1 volume type")];
    return VOLUMES.includes(kind)
      ? []
      : [notAllowed(`${at}.${kind}`, "the local Kubernetes mounts emptyDir, secret and configMap only")];
  });
