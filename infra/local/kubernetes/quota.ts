import { isTerminal, type KubeObject, type Pod } from "./objects.ts";
import { type AmountKind, podAmount } from "./pod-resources.ts";
import { quantity } from "./quantities.ts";
import { qualified, RESOURCES, type ResourceName } from "./resources.ts";
import { forbidden } from "./status.ts";
import type { ObjectStore } from "./store.ts";

/** `requests.cpu` and, in short, `cpu`. */
const COMPUTE = /^(?:(requests|limits)\.)?(cpu|memory)$/;

/** @throws KubeError Forbidden when a ResourceQuota of the namespace has no room for the object */
export function checkQuota(store: ObjectStore, resource: ResourceName, object: KubeObject): void {
  const { namespace = "", name } = object.metadata;
  const refuse = (why: string): never => {
    throw forbidden(RESOURCES[resource], name, why);
  };
  for (const quota of store.list("resourcequotas", namespace)) {
    const { hard = {} } = (quota["spec"] ?? {}) as { hard?: Record<string, string> };
    const counted = Object.entries(hard).flatMap(([what, limit]) => {
      const requested = amountOf(what, resource, object);
      return requested === undefined ? [] : [{ what, limit, requested }];
    });
    const unsaid = counted.flatMap(({ what }) => unsaidBy(what, object));
    if (unsaid.length > 0) refuse(`failed quota: ${quota.metadata.name}: must specify ${unsaid.join("; ")}`);
    const over = counted
      .map((each) => ({ ...each, used: usedOf(store, each.what, resource, namespace) }))
      .filter(({ limit, requested, used }) => used + requested > quantity(limit));
    if (over.length === 0) continue;
    const list = (column: "requested" | "used" | "limit"): string =>
      over.map((each) => `${each.what}=${each[column]}`).join(",");
    refuse(
      `exceeded quota: ${quota.metadata.name}, requested: ${list("requested")}, used: ${list("used")}, limited: ${list("limit")}`,
    );
  }
}

function computeOf(what: string): { kind: AmountKind; name: string } | undefined {
  const [, kind = "requests", name] = COMPUTE.exec(what) ?? [];
  return name === undefined ? undefined : { kind: kind as AmountKind, name };
}

/** How much of it an object takes; nothing when it is not what is counted. */
function amountOf(what: string, resource: ResourceName, object: KubeObject): number | undefined {
  if (what === `count/${qualified(RESOURCES[resource])}` || what === resource) return 1;
  const compute = computeOf(what);
  if (!compute || resource !== "pods") return undefined;
  return podAmount((object as Pod).spec, compute.kind, compute.name);
}

/** Where compute is limited, every container must say what it needs. */
function unsaidBy(what: string, object: KubeObject): string[] {
  const compute = computeOf(what);
  if (!compute) return [];
  const { containers, initContainers = [] } = (object as Pod).spec;
  const silent = [...initContainers, ...containers].filter(
    ({ resources }) => resources?.[compute.kind]?.[compute.name] === undefined,
  );
  return silent.length === 0 ? [] : [`${what} for: ${silent.map(({ name }) => name).join(",")}`];
}

function usedOf(store: ObjectStore, what: string, resource: ResourceName, namespace: string): number {
  let used = 0;
  for (const object of store.list(resource, namespace)) {
    const isOver = resource === "pods" && isTerminal(object as Pod) && !what.startsWith("count/");
    if (!isOver) used += amountOf(what, resource, object) ?? 0;
  }
  return used;
}
