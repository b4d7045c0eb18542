import { randomBytes } from "node:crypto";
import type { Clock } from "../../../lib/clock.ts";
import type { Access } from "./access.ts";
import { admit } from "./admission.ts";
import { deleteObject, type Propagation } from "./deletion.ts";
import { knownFields } from "./fields.ts";
import { jobChangeFaults } from "./job-rules.ts";
import { type KubeObject, kubeTime, type ObjectMeta, type Pod } from "./objects.ts";
import { PATCH_TYPES, patched } from "./patch.ts";
import { check, checkKind, prepare } from "./preparation.ts";
import { RESOURCES, type ResourceName } from "./resources.ts";
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

  create({ resource, namespace }: Target, body: unknown, query: URLSearchParams): Answer {
    const known = this.#known(resource, body, query.get("fieldValidation") ?? "Warn");
    const object = prepare(resource, known.object, namespace, this.#clock.now());
    const warnings = [...known.warnings, ...admit(this.#store, resource, object)];
    const isTrial = query.get("dryRun") === "All";
    const created = isTrial ? object : this.#store.create(resource, object);
    if (resource === "namespaces" && !isTrial) this.#furnish(object.metadata.name);
    return { code: 201, body: created, warnings };
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
    const after = this.#change(target.resource, before, known.object, query);
    return { code: 200, body: after, warnings: known.warnings };
  }

  patch(target: Target, type: string, patch: unknown, query: URLSearchParams): Answer {
    if (type === PATCH_TYPES.apply) throw badRequest("not yet");
    const before = this.get(target.resource, target.name ?? "", target.namespace);
    return this.replace(target, patched(before, type, patch), query);
  }

  delete(target: Target, body: unknown, query: URLSearchParams): Answer {
    const { resource } = target;
    const object = this.get(resource, target.name ?? "", target.namespace);
    const options = deleteOptions(body, query);
    const { uid, resourceVersion } = options.preconditions ?? {};
    const { metadata } = object;
    const mismatch =
      uid !== undefined && uid !== metadata.uid
        ? `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata.uid}`
        : resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion
          ? `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${metadata.resourceVersion}`
          : undefined;
    if (mismatch !== undefined) throw conflict(RESOURCES[resource], metadata.name, mismatch);
    if (options.dryRun?.includes("All") || query.get("dryRun") === "All") return { code: 200, body: object };
    const after = deleteObject(this.#store, resource, object, {
      propagation: propagationOf(options, resource),
      graceSeconds: options.gracePeriodSeconds,
    });
    const isOver = this.#store.get(resource, metadata.name, metadata.namespace) === undefined;
    const showsStatus = isOver && resource !== "pods" && (after.metadata.finalizers ?? []).length === 0;
    return {
      code: 200,
      body: showsStatus ? deleted(RESOURCES[resource], metadata.name, metadata.uid) : after,
    };
  }

  /** https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/ */
  evict(pod: Pod): Answer {
    const condition = {
      type: "DisruptionTarget",
      status: "True" as const,
      reason: "EvictionByEvictionAPI",
      message: "Eviction API: evicting",
      lastProbeTime: null,
      lastTransitionTime: kubeTime(this.#clock.now()),
    };
    const conditions = [...(pod.status.conditions ?? []), condition];
    const marked = this.#store.update("pods", { ...pod, status: { ...pod.status, conditions } });
    deleteObject(this.#store, "pods", marked);
    return {
      code: 201,
      body: { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 },
    };
  }

  /** A token for a service account, which ends with this process at the latest. */
  issueToken({ namespace = "", name = "" }: Target, body: unknown, access: Access): Answer {
    this.get("serviceaccounts", name, namespace);
    const request = body as { spec?: { expirationSeconds?: number; audiences?: string[] } } | undefined;
    const seconds = request?.spec?.expirationSeconds ?? 3600;
    const until = this.#clock.now() + seconds * 1000;
    const token = randomBytes(32).toString("base64url");
    access.issue(namespace, name, token, until);
    return {
      code: 201,
      body: {
        kind: "TokenRequest",
        apiVersion: "authentication.k8s.io/v1",
        metadata: { name, namespace, creationTimestamp: kubeTime(this.#clock.now()) },
        spec: { audiences: request?.spec?.audiences ?? [], expirationSeconds: seconds },
        status: { token, expirationTimestamp: kubeTime(until) },
      },
    };
  }

  /** What changes by an update: not who an object is, nor what the controllers say of it. */
  #change(resource: ResourceName, before: KubeObject, body: KubeObject, query: URLSearchParams): KubeObject {
    checkKind(resource, body);
    const { name } = before.metadata;
    const given = body.metadata ?? {};
    if (given.name !== undefined && given.name !== name)
      throw badRequest(`the name of the object (${given.name}) does not match the name on the URL (${name})`);
    const isStale =
      (given.resourceVersion ?? before.metadata.resourceVersion) !== before.metadata.resourceVersion ||
      (given.uid ?? before.metadata.uid) !== before.metadata.uid;
    if (isStale)
      throw conflict(
        RESOURCES[resource],
        name,
        "the object has been modified; please apply your changes to the latest version and try again",
      );
    const isOtherSpec = JSON.stringify(before["spec"]) !== JSON.stringify(body["spec"]);
    const after: KubeObject = {
      ...body,
      apiVersion: before.apiVersion,
      kind: before.kind,
      metadata: {
        ...before.metadata,
        ...changeable(given),
        ...(isOtherSpec && { generation: (before.metadata.generation ?? 0) + 1 }),
      },
      ...(before["status"] !== undefined && { status: before["status"] }),
    };
    this.#checkChange(resource, before, after, isOtherSpec);
    return query.get("dryRun") === "All" ? after : this.#store.update(resource, after);
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

interface DeleteOptions {
  propagationPolicy?: string;
  orphanDependents?: boolean;
  gracePeriodSeconds?: number;
  preconditions?: { uid?: string; resourceVersion?: string };
  dryRun?: string[];
}

function deleteOptions(body: unknown, query: URLSearchParams): DeleteOptions {
  const grace = query.get("gracePeriodSeconds");
  return {
    ...(query.has("propagationPolicy") && { propagationPolicy: query.get("propagationPolicy") ?? "" }),
    ...(grace !== null && { gracePeriodSeconds: Number(grace) }),
    ...(body as DeleteOptions | undefined),
  };
}

/** Whoever does not say what is to become of a Job's pods leaves them where they are. */
function propagationOf(
  { propagationPolicy, orphanDependents }: DeleteOptions,
  resource: ResourceName,
): Propagation {
  const policy = propagationPolicy ?? (orphanDependents ? "Orphan" : undefined);
  if (policy === undefined)
    return resource === "jobs" && orphanDependents !== false ? "Orphan" : "Background";
  if (policy === "Background" || policy === "Foreground" || policy === "Orphan") return policy;
  throw new KubeError(
    "Invalid",
    `DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "${policy}": supported values: "Foreground", "Background", "Orphan", "nil"`,
  );
}

/** What of its metadata a client may change. */
function changeable({
  labels,
  annotations,
  finalizers,
  ownerReferences,
}: Partial<ObjectMeta>): Partial<ObjectMeta> {
  return {
    ...(labels && { labels }),
    ...(annotations && { annotations }),
    ...(finalizers && { finalizers }),
    ...(ownerReferences && { ownerReferences }),
  };
}
