import { isTerminal, type KubeObject, type Pod } from "./objects.ts";
import { quantity } from "./quantities.ts";
import { qualified, RESOURCES, type ResourceName } from "./resources.ts";
import { forbidden } from "./status.ts";
import type { ObjectStore } from "./store.ts";

/** `requests.cpu` and, in short, `cpu`. */
const COMPUTE = /^(?:(requests|limits)\.)?(cpu|memory)$/;

/** @throws KubeError Forbidden when a ResourceQuota of the namespace has no room for the object */
export function checkQuota(store: ObjectStore, resource: ResourceName, object: KubeObject): void {
  const { namespace = "", name } = object.metadata;
  for (const quota of store.list("resourcequotas", namespace)) {
    const { hard = {} } = (quota["spec"] ?? {}) as { hard?: Record<string, string> };
    const counted = Object.entries(hard).filter(([what]) => amountOf(what, resource, object) !== undefined);
    const unsaid = counted.flatMap(([what]) => unsaidBy(what, object));
    if (unsaid.length > 0) {
      const listed = unsaid.join("; ");
      throw forbidden(
        RESOURCES[resource],
        name,
        `failed quota: ${quota.metadata.name}: must specify ${listed}`,
      );
    }
    const over = counted.filter(
      ([what, limit]) =>
        usedOf(store, what, resource, namespace) + (amountOf(what, resource, object) ?? 0) > quantity(limit),
    );
    if (over.length === 0) continue;
    const list = (value: (what: string, limit: string) => string | number): string =>
      over.map(([what, limit]) => `${what}=${value(what, limit)}`).join(",");
    const requested = list((what) => amountOf(what, resource, object) ?? 0);
    const used = list((what) => usedOf(store, what, resource, namespace));
    const limited = list((_what, limit) => limit);
    throw forbidden(
      RESOURCES[resource],
      name,
      `exceeded quota: ${quota.metadata.name}, requested: ${requested}, used: ${used}, limited: ${limited}`,
    );
  }
}

/** How much of it an object takes; nothing when it is not what is counted. */
function amountOf(what: string, resource: ResourceName, object: KubeObject): number | undefined {
  if (what === `count/${qualified(RESOURCES[resource])}` || what === resource) return 1;
  const [, kind = "requests", name = ""] = COMPUTE.exec(what) ?? [];
  if (name === "" || resource !== "pods") return undefined;
  return (object as Pod).spec.containers.reduce(
    (sum, { resources }) => sum + quantity(resources?.[kind as "requests" | "limits"]?.[name] ?? "0"),
    0,
  );
}

/** Where compute is limited, every container must say what it needs. */
function unsaidBy(what: string, object: KubeObject): string[] {
  const [, kind = "requests", name = ""] = COMPUTE.exec(what) ?? [];
  if (name === "") return [];
  const silent = (object as Pod).spec.containers.filter(
    ({ resources }) => resources?.[kind as "requests" | "limits"]?.[name] === undefined,
  );
  return silent.length === 0 ? [] : [`${what} for: ${silent.map((container) => container.name).join(",")}`];
}

function usedOf(store: ObjectStore, what: string, resource: ResourceName, namespace: string): number {
  let used = 0;
  for (const object of store.list(resource, namespace)) {
    const isOver = resource === "pods" && isTerminal(object as Pod) && !what.startsWith("count/");
    if (!isOver) used += amountOf(what, resource, object) ?? 0;
  }
  return used;
}
