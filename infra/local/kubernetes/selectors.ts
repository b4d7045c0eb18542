import type { KubeObject } from "./objects.ts";
import { qualifiedKind, type Resource } from "./resources.ts";
import { badRequest } from "./status.ts";

export type Matches = (object: KubeObject) => boolean;

const KEY = "[A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?";
const REQUIREMENT = new RegExp(
  `^\\s*(?:(!)\\s*(${KEY})|(${KEY})(?:\\s*(==|=|!=)\\s*([-A-Za-z0-9_.]*)|\\s+(in|notin)\\s*\\(([^()]*)\\))?)\\s*$`,
);

/**
 * `a=b,c!=d,e in (f,g),h notin (i),j,!k`: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
 *
 * @throws KubeError BadRequest
 */
export function labelSelector(text: string): Matches {
  if (text.trim() === "") return () => true;
  const requirements = text.split(/,(?![^(]*\))/).map((part) => labelRequirement(part, text));
  return ({ metadata }) => requirements.every((holds) => holds(metadata.labels ?? {}));
}

type Requirement = (labels: Record<string, string>) => boolean;

function labelRequirement(part: string, whole: string): Requirement {
  const found = REQUIREMENT.exec(part);
  if (!found)
    throw badRequest(`unable to parse requirement: found '${part.trim()}' in the label selector '${whole}'`);
  const [, , absent, key = "", operator, value = "", set, values = ""] = found;
  if (absent !== undefined) return (labels) => !Object.hasOwn(labels, absent);
  if (set !== undefined) {
    const listed = values.split(",").map((each) => each.trim());
    // As in a cluster, a label that is absent is not in any set.
    return (labels) => (Object.hasOwn(labels, key) && listed.includes(labels[key] ?? "")) === (set === "in");
  }
  if (operator === undefined) return (labels) => Object.hasOwn(labels, key);
  return (labels) => (labels[key] === value) === (operator !== "!=");
}

/** What each kind can be selected by, and where its value stands. */
const FIELDS: Record<string, Record<string, (object: KubeObject) => string>> = {
  Pod: {
    "status.phase": at("status", "phase"),
    "spec.nodeName": at("spec", "nodeName"),
    "spec.restartPolicy": at("spec", "restartPolicy"),
  },
  "Job.batch": { "status.successful": (job) => String(at("status", "succeeded")(job) || 0) },
  Event: {
    type: at("type"),
    reason: at("reason"),
    "involvedObject.kind": at("involvedObject", "kind"),
    "involvedObject.name": at("involvedObject", "name"),
    "involvedObject.namespace": at("involvedObject", "namespace"),
    "involvedObject.uid": at("involvedObject", "uid"),
  },
  Secret: { type: at("type") },
  Namespace: { "status.phase": at("status", "phase") },
};

const EVERY_KIND: Record<string, (object: KubeObject) => string> = {
  "metadata.name": ({ metadata }) => metadata.name,
  "metadata.namespace": ({ metadata }) => metadata.namespace ?? "",
};

function at(...path: string[]): (object: KubeObject) => string {
  return (object) => {
    let value: unknown = object;
    for (const step of path) value = (value as Record<string, unknown> | undefined)?.[step];
    return value === undefined ? "" : String(value);
  };
}

/**
 * `status.phase=Running,metadata.name!=a`.
 *
 * @throws KubeError BadRequest for a field by which the kind cannot be selected
 */
export function fieldSelector(text: string, resource: Resource): Matches {
  if (text.trim() === "") return () => true;
  const requirements = text.split(",").map((part): Matches => {
    const [, field = "", operator, value = ""] = /^\s*([^=!\s]+)\s*(==|=|!=)\s*(.*?)\s*$/.exec(part) ?? [];
    if (operator === undefined)
      throw badRequest(`invalid field selector "${text}": "${part}" has no operator`);
    const fields = { ...EVERY_KIND, ...FIELDS[qualifiedKind(resource)] };
    const read = Object.hasOwn(fields, field) ? fields[field] : undefined;
    if (!read) throw badRequest(`field label not supported: ${field}`);
    return (object) => (read(object) === value) === (operator !== "!=");
  });
  return (object) => requirements.every((holds) => holds(object));
}
