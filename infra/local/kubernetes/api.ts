import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../../../lib/clock.ts";
import { admit } from "./admission.ts";
import { checkPreconditions, deleteOptions, propagationOf } from "./delete-options.ts";
import { deleteObject } from "./deletion.ts";
import { knownFields } from "./fields.ts";
import { jobChangeFaults } from "./job-rules.ts";
import { afterUpdate, apply, type Writer } from "./managed-fields.ts";
import type { KubeObject, ManagedFields, ObjectMeta, Pod } from "./objects.ts";
import { PATCH_TYPES, patched } from "./patch.ts";
import { check, checkKind, prepare, withDefaults } from "./preparation.ts";
import { isDryRun } from "./query.ts";
import { apiVersionOf, RESOURCES, type ResourceName } from "./resources.ts";
import { badRequest, conflict, deleted, invalid, KubeError, notFound } from "./status.ts";
import type { ObjectStore } from "./store.ts";

/** Which object or objects a request is about. */
export interface Target {
  readonly resource: ResourceName;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
}

export interface Answer {
  readonly code: 200 | 201;
  readonly body: object;
  readonly warnings?: readonly string[];
}

/** What an API server does with objects, for clients and for the controllers. */
export class Api {
  readonly #store: ObjectStore;
  readonly #clock: Clock;

  constructor(store: ObjectStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** @throws KubeError NotFound */
  get<Name extends ResourceName>(resource: Name, name: string, namespace?: string) {
    const object = this.#store.get(resource, name, namespace ?? "");
    if (!object) throw notFound(RESOURCES[resource], name);
    return object;
  }

  create(target: Target, body: unknown, query: URLSearchParams): Answer {
    const known = this.#known(target.resource, body, query.get("fieldValidation") ?? "Warn");
    const managedFields = afterUpdate(undefined, completed(target, known.object), this.#writer(query));
    return this.#make(target, known.object, managedFields, query, known.warnings);
  }

  /** A pod of a Job's, through the same door as everybody's. */
  createPod(pod: KubeObject): Pod {
    const object = prepare("pods", pod, pod.metadata.namespace, this.#clock.now());
    admit(this.#store, "pods", object);
    return this.#store.create("pods", object as Pod);
  }

  replace(target: Target, body: unknown, query: URLSearchParams): Answer {
    const before = this.get(target.resource, target.name ?? "", target.namespace);
    const known = this.#known(target.resource, body, query.get("fieldValidation") ?? "Warn");
    const after = this.#changed(target.resource, before, known.object);
    const managedFields = afterUpdate(before, after, this.#writer(query));
    return {
      code: 200,
      body: this.#save(target.resource, after, managedFields, query),
      warnings: known.warnings,
    };
  }

  patch(target: Target, type: string, patch: unknown, query: URLSearchParams): Answer {
    if (type === PATCH_TYPES.apply) return this.#apply(target, patch, query);
    const before = this.get(target.resource, target.name ?? "", target.namespace);
    return this.replace(target, patched(before, type, patch), query);
  }

  /** Always strict: a field that is not in the schema is an error, whatever the request says. */
  #apply(target: Target, patch: unknown, query: URLSearchParams): Answer {
    const { resource, name = "", namespace } = target;
    if (!query.get("fieldManager"))
      throw new KubeError(
        "Invalid",
        'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
      );
    const { object: given, unknown } = knownFields(RESOURCES[resource], patch);
    const config = completed(target, given);
    if (unknown.length > 0)
      throw new KubeError(
        "InternalError",
        `failed to create typed patch object (${namespace ?? ""}/${name}; ${config.apiVersion}, Kind=${config.kind}): .${unknown[0]}: field not declared in schema`,
      );
    checkKind(resource, config);
    checkName(config, name);
    const live = this.#store.get(resource, name, namespace ?? "");
    const { object, managedFields } = apply(live, config, this.#writer(query), query.get("force") === "true");
    if (!live) return this.#make(target, object, managedFields, query, []);
    const after = this.#changed(resource, live, object);
    return { code: 200, body: this.#save(resource, after, managedFields, query) };
  }

  delete(target: Target, body: unknown, query: URLSearchParams): Answer {
    const { resource } = target;
    const object = this.get(resource, target.name ?? "", target.namespace);
    const options = deleteOptions(body, query);
    checkPreconditions(resource, object, options.preconditions);
    const propagation = propagationOf(options, resource, object);
    if (options.dryRun?.includes("All")) return { code: 200, body: object };
    const { metadata } = object;
    const after = deleteObject(this.#store, resource, object, {
      propagation,
      graceSeconds: options.gracePeriodSeconds,
    });
    const isOver = this.#store.get(resource, metadata.name, metadata.namespace) === undefined;
    const showsStatus = isOver && resource !== "pods" && (after.metadata.finalizers ?? []).length === 0;
    return {
      code: 200,
      body: showsStatus ? deleted(RESOURCES[resource], metadata.name, metadata.uid) : after,
    };
  }

  #make(
    { resource, namespace }: Target,
    body: KubeObject,
    managedFields: ManagedFields[],
    query: URLSearchParams,
    warnings: readonly string[],
  ): Answer {
    const plain = prepare(resource, body, namespace, this.#clock.now());
    const object = { ...plain, metadata: { ...plain.metadata, managedFields } };
    const all = [...warnings, ...admit(this.#store, resource, object)];
    this.#store.refuseTaken(resource, object);
    if (isDryRun(query)) return { code: 201, body: object, warnings: all };
    const created = this.#store.create(resource, object);
    if (resource === "namespaces") this.#furnish(object.metadata.name);
    return { code: 201, body: created, warnings: all };
  }

  #save(
    resource: ResourceName,
    object: KubeObject,
    managedFields: ManagedFields[],
    query: URLSearchParams,
  ): KubeObject {
    const owned = { ...object, metadata: { ...object.metadata, managedFields } };
    return isDryRun(query) ? owned : this.#store.update(resource, owned);
  }

  #writer(query: URLSearchParams): Writer {
    return { manager: query.get("fieldManager") || "unknown", now: this.#clock.now() };
  }

  /** What changes by an update: not who an object is, nor what the controllers say of it. */
  #changed(resource: ResourceName, before: KubeObject, given: KubeObject): KubeObject {
    checkKind(resource, given);
    const { name } = before.metadata;
    checkName(given, name);
    const body = withDefaults(resource, given);
    const metadata: Partial<ObjectMeta> = given.metadata ?? {};
    const isStale =
      (metadata.resourceVersion ?? before.metadata.resourceVersion) !== before.metadata.resourceVersion ||
      (metadata.uid ?? before.metadata.uid) !== before.metadata.uid;
    if (isStale)
      throw conflict(
        RESOURCES[resource],
        name,
        "the object has been modified; please apply your changes to the latest version and try again",
      );
    const isOtherSpec = !isDeepStrictEqual(before["spec"], body["spec"]);
    const after: KubeObject = {
      ...body,
      apiVersion: before.apiVersion,
      kind: before.kind,
      metadata: {
        ...withChanges(before.metadata, metadata),
        ...(isOtherSpec && { generation: (before.metadata.generation ?? 0) + 1 }),
      },
      ...(before["status"] !== undefined && { status: before["status"] }),
    };
    this.#checkChange(resource, before, after, isOtherSpec);
    return after;
  }

  #checkChange(resource: ResourceName, before: KubeObject, after: KubeObject, isOtherSpec: boolean): void {
    const { name } = before.metadata;
    const causes = resource === "jobs" ? jobChangeFaults(before, after) : [];
    if (causes.length > 0) throw invalid(RESOURCES[resource], name, causes);
    if (resource === "pods" && isOtherSpec)
      throw new KubeError(
        "Invalid",
        `Pod "${name}" is invalid: spec: Forbidden: pod updates may not change fields other than labels and annotations here`,
      );
    check(resource, after);
  }

  /** @throws KubeError BadRequest for unknown fields when they are to be refused */
  #known(
    resource: ResourceName,
    body: unknown,
    validation: string,
  ): { object: KubeObject; warnings: string[] } {
    const { object, unknown } = knownFields(RESOURCES[resource], body);
    const messages = unknown.map((field) => `unknown field "${field}"`);
    if (messages.length > 0 && validation === "Strict") {
      const { kind } = RESOURCES[resource];
      throw badRequest(
        `${kind} in version "v1" cannot be handled as a ${kind}: strict decoding error: ${messages.join(", ")}`,
      );
    }
    return { object, warnings: validation === "Ignore" ? [] : messages };
  }

  /** Every namespace has an account of this name. */
  #furnish(namespace: string): void {
    const account = { metadata: { name: "default" } } as KubeObject;
    this.#store.create("serviceaccounts", prepare("serviceaccounts", account, namespace, this.#clock.now()));
  }
}

/** @throws KubeError BadRequest */
function checkName({ metadata }: KubeObject, name: string): void {
  if ((metadata?.name ?? name) !== name)
    throw badRequest(
      `the name of the object (${metadata.name}) does not match the name on the URL (${name})`,
    );
}

/** Metadata with what a client may change of it: what the client leaves out goes. */
function withChanges(before: ObjectMeta, given: Partial<ObjectMeta>): ObjectMeta {
  const { labels: _l, annotations: _a, finalizers: _f, ownerReferences: _o, ...fixed } = before;
  const { labels, annotations, finalizers, ownerReferences } = given;
  return {
    ...fixed,
    ...(labels && { labels }),
    ...(annotations && { annotations }),
    ...(finalizers && { finalizers }),
    ...(ownerReferences && { ownerReferences }),
  };
}

/** With what the path says of an object, which its body may leave out. */
const completed = ({ resource, name, namespace }: Target, body: KubeObject): KubeObject => ({
  ...body,
  apiVersion: body.apiVersion ?? apiVersionOf(RESOURCES[resource]),
  kind: body.kind ?? RESOURCES[resource].kind,
  metadata: {
    ...body.metadata,
    name: body.metadata?.name ?? name ?? "",
    ...(namespace !== undefined && { namespace: body.metadata?.namespace ?? namespace }),
  },
});
