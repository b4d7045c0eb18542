import type { Target } from "./api.ts";
import { isResourceName, RESOURCES, type Resource, type ResourceName } from "./resources.ts";
import { KubeError, noSuchPath } from "./status.ts";

/** What a request asks for, by its method and path. */
export interface Request extends Target {
  readonly verb: string;
  readonly subresource?: string | undefined;
}

/** What there is below an object, and what can be done with it. */
const SUBRESOURCES: Partial<Record<ResourceName, Readonly<Record<string, string>>>> = {
  pods: { log: "get", eviction: "create", status: "get" },
  jobs: { status: "get" },
  namespaces: { status: "get" },
  serviceaccounts: { token: "create" },
};

const VERBS: Record<string, [one: string, all: string]> = {
  GET: ["get", "list"],
  POST: ["create", "create"],
  PUT: ["update", ""],
  PATCH: ["patch", ""],
  DELETE: ["delete", "deletecollection"],
};

/**
 * @param path decoded segments
 * @throws KubeError NotFound, MethodNotAllowed
 */
export function requestOf(method: string, path: readonly string[], query: URLSearchParams): Request {
  const target = targetOf(path);
  const { resource, name, subresource } = target;
  const isWatch = method === "GET" && ["1", "true"].includes(query.get("watch") ?? "");
  const [one = "", all = ""] = VERBS[method] ?? [];
  const verb = name !== undefined ? one : isWatch ? "watch" : all;
  const verbs =
    subresource === undefined
      ? RESOURCES[resource].verbs.filter(isFor(name))
      : [SUBRESOURCES[resource]?.[subresource]];
  if (!verbs.includes(verb))
    throw new KubeError(
      "MethodNotAllowed",
      "the server does not allow this method on the requested resource",
    );
  return { ...target, verb };
}

/** What can be done with one object, or with all. */
const isFor =
  (name: string | undefined) =>
  (verb: string): boolean =>
    name === undefined || verb !== "create";

/** `namespaces/NAME/jobs` is about Jobs, `namespaces/NAME` and `namespaces/NAME/status` are about the namespace. */
function targetOf(path: readonly string[]): Omit<Request, "verb"> {
  const [root, ...below] = path;
  const [group, version, ...rest] = root === "api" ? ["", ...below] : below;
  if ((root !== "api" && root !== "apis") || version !== "v1") throw noSuchPath();
  const isWithin = rest[0] === "namespaces" && rest[2] !== undefined && isResourceName(rest[2]);
  const namespace = isWithin ? rest[1] : undefined;
  const [plural = "", name, subresource, ...more] = isWithin ? rest.slice(2) : rest;
  if (!isResourceName(plural) || more.length > 0) throw noSuchPath();
  const { isNamespaced }: Resource = RESOURCES[plural];
  // One object of a namespace cannot be named without it, nor what is in none with one.
  const isPlaced = isNamespaced ? isWithin || name === undefined : !isWithin;
  const isKnown = subresource === undefined || Object.hasOwn(SUBRESOURCES[plural] ?? {}, subresource);
  if (RESOURCES[plural].group !== group || !isPlaced || !isKnown) throw noSuchPath();
  return { resource: plural, namespace, name, subresource };
}

const NAMED: Record<string, string> = {
  get: "read",
  update: "replace",
  deletecollection: "deleteCollection",
};

/** As the client calls it: `createNamespacedJob`, `listJobForAllNamespaces`, `readNamespacedPodLog`. */
export function operationName({ verb, resource, namespace, subresource = "" }: Request): string {
  const { kind, isNamespaced } = RESOURCES[resource];
  const action = NAMED[verb] ?? verb;
  const scope = isNamespaced && namespace !== undefined ? "Namespaced" : "";
  const suffix = subresource === "" ? "" : subresource[0]?.toUpperCase() + subresource.slice(1);
  const all = isNamespaced && namespace === undefined ? "ForAllNamespaces" : "";
  return `${action}${scope}${kind}${suffix}${all}`;
}
