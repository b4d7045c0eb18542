import { createHash, timingSafeEqual } from "node:crypto";
import type { KubeObject } from "./objects.ts";
import type { Resource } from "./resources.ts";
import { forbidden, KubeError } from "./status.ts";
import type { ObjectStore } from "./store.ts";

export interface User {
  readonly name: string;
  readonly isAdmin: boolean;
}

/** What somebody wants to do. */
export interface Attempt {
  readonly verb: string;
  readonly resource: Resource;
  /** `log`, `eviction`. */
  readonly subresource?: string | undefined;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
}

interface Rule {
  apiGroups?: string[];
  resources?: string[];
  verbs?: string[];
  /** None: all of them. */
  resourceNames?: string[];
}

/**
 * Who may do what. The holder of the administrator's token may do everything; a service account, what the RoleBindings of a
 * namespace grant it there. https://kubernetes.io/docs/reference/access-authn-authz/rbac/
 */
export class Access {
  readonly #store: ObjectStore;
  readonly #adminToken: string;
  /** Users of tokens that were asked for, by the token's hash; with this process they end. */
  readonly #issued = new Map<string, { user: string; until: number }>();

  constructor(store: ObjectStore, adminToken: string) {
    this.#store = store;
    this.#adminToken = adminToken;
  }

  /** @throws KubeError Unauthorized */
  authenticate(authorization: string | undefined, now: number): User {
    const token = /^Bearer (.+)$/i.exec(authorization ?? "")?.[1] ?? "";
    if (timingSafeEqual(digest(token), digest(this.#adminToken)))
      return { name: "kubernetes-admin", isAdmin: true };
    const issued = this.#issued.get(digest(token).toString("hex"));
    if (issued && issued.until > now) return { name: issued.user, isAdmin: false };
    throw new KubeError("Unauthorized", "Unauthorized");
  }

  issue(namespace: string, serviceAccount: string, token: string, until: number): void {
    const user = `system:serviceaccount:${namespace}:${serviceAccount}`;
    this.#issued.set(digest(token).toString("hex"), { user, until });
  }

  /** @throws KubeError Forbidden */
  authorize(user: User, attempt: Attempt): void {
    if (user.isAdmin || this.#rulesFor(user, attempt.namespace).some((rule) => allows(rule, attempt))) return;
    const { verb, resource, subresource, namespace, name = "" } = attempt;
    const what = subresource === undefined ? resource.plural : `${resource.plural}/${subresource}`;
    const where = namespace === undefined ? "at the cluster scope" : `in the namespace "${namespace}"`;
    throw forbidden(
      resource,
      name,
      `User "${user.name}" cannot ${verb} resource "${what}" in API group "${resource.group}" ${where}`,
    );
  }

  #rulesFor({ name }: User, namespace: string | undefined): Rule[] {
    if (namespace === undefined) return [];
    return this.#store
      .list("rolebindings", namespace)
      .filter((binding) => subjectsOf(binding).includes(name))
      .flatMap((binding) => {
        const { name: roleName } = binding["roleRef"] as { name: string };
        return (this.#store.get("roles", roleName, namespace)?.["rules"] ?? []) as Rule[];
      });
  }
}

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

function subjectsOf(binding: KubeObject): string[] {
  const subjects = (binding["subjects"] ?? []) as { kind: string; name: string; namespace?: string }[];
  return subjects
    .filter(({ kind }) => kind === "ServiceAccount")
    .map(({ name, namespace = binding.metadata.namespace }) => `system:serviceaccount:${namespace}:${name}`);
}

const allows = (rule: Rule, { resource, subresource, verb, name = "" }: Attempt): boolean => {
  const { apiGroups = [], resources = [], verbs = [], resourceNames = [] } = rule;
  const wanted = subresource === undefined ? resource.plural : `${resource.plural}/${subresource}`;
  const has = (list: readonly string[], value: string): boolean => list.includes(value) || list.includes("*");
  return (
    has(apiGroups, resource.group) &&
    has(resources, wanted) &&
    has(verbs, verb) &&
    (resourceNames.length === 0 || resourceNames.includes(name))
  );
};
