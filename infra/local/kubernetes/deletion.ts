import { TRACKING } from "./defaults.ts";
import { isTerminal, type KubeObject, type Pod } from "./objects.ts";
import type { Owners } from "./owners.ts";
import { isResourceName, RESOURCES, type ResourceName } from "./resources.ts";
import type { Change, ObjectStore } from "./store.ts";

/** What becomes of an object's dependents: see https://kubernetes.io/docs/concepts/architecture/garbage-collection/ */
export type Propagation = "Background" | "Foreground" | "Orphan";

const FINALIZERS: Record<Propagation, readonly string[]> = {
  Background: [],
  Foreground: ["foregroundDeletion"],
  Orphan: ["orphan"],
};
const EVERY_FINALIZER = Object.values(FINALIZERS).flat();

/** Gives a pod its time to end, which it does not need unless it is running somewhere. */
export function deletePod(store: ObjectStore, pod: Pod, graceSeconds?: number): Pod {
  const isRunning = pod.spec.nodeName !== undefined && !isTerminal(pod);
  // As in a cluster, less than nothing is a second.
  const asked = graceSeconds !== undefined && graceSeconds < 0 ? 1 : graceSeconds;
  const grace = isRunning ? (asked ?? pod.spec.terminationGracePeriodSeconds) : 0;
  return store.delete("pods", pod, grace);
}

/** @returns the object as it is then: gone, unless somebody has something left to do */
export function deleteObject(
  store: ObjectStore,
  resource: ResourceName,
  object: KubeObject,
  { propagation = "Background" as Propagation, graceSeconds = undefined as number | undefined } = {},
): KubeObject {
  // What is asked now takes the place of what was asked before.
  const others = (object.metadata.finalizers ?? []).filter((each) => !EVERY_FINALIZER.includes(each));
  const finalizers = [...others, ...FINALIZERS[propagation]];
  const marked: KubeObject = { ...object, metadata: { ...object.metadata, finalizers } };
  return resource === "pods" ? deletePod(store, marked as Pod, graceSeconds) : store.delete(resource, marked);
}

/** Ends what belongs to what has gone: dependents of their owners, and the content of namespaces. */
export class GarbageCollector {
  readonly #store: ObjectStore;
  readonly #owners: Owners;

  constructor(store: ObjectStore, owners: Owners) {
    this.#store = store;
    this.#owners = owners;
  }

  start(): void {
    this.#store.subscribe((change) => this.#follow(change));
    for (const { resource, object } of this.#all()) {
      if (this.#hasLostOwner(object)) this.#free(resource, object);
      this.#goOn(resource, object);
    }
  }

  #follow({ type, resource, object }: Change): void {
    if (type === "DELETED") {
      this.#collect(object.metadata.uid);
      for (const { uid } of object.metadata.ownerReferences ?? []) this.#ownerGoesOn(uid);
      this.#namespaceGoesOn(object.metadata.namespace);
      return;
    }
    if (type === "ADDED" && this.#hasLostOwner(object)) this.#free(resource, object);
    this.#goOn(resource, object);
  }

  #goOn(resource: ResourceName, object: KubeObject): void {
    if (object.metadata.deletionTimestamp === undefined) return;
    if (resource === "namespaces") this.#emptyNamespace(object);
    const { finalizers = [], uid } = object.metadata;
    if (finalizers.includes("orphan")) this.#orphan(resource, object);
    else if (finalizers.includes("foregroundDeletion")) {
      this.#collect(uid);
      if (this.#owners.dependents(uid).length === 0) this.#release(resource, object, "foregroundDeletion");
    }
  }

  #orphan(resource: ResourceName, object: KubeObject): void {
    const { uid } = object.metadata;
    for (const { resource: kind, object: dependent } of this.#owners.dependents(uid)) {
      const ownerReferences = dependent.metadata.ownerReferences?.filter((each) => each.uid !== uid);
      // Nobody will count it any more.
      const finalizers = dependent.metadata.finalizers?.filter((each) => each !== TRACKING);
      this.#store.update(kind, {
        ...dependent,
        metadata: { ...dependent.metadata, ownerReferences, finalizers } as KubeObject["metadata"],
      });
    }
    this.#release(resource, object, "orphan");
  }

  #release(resource: ResourceName, { metadata: { name, namespace } }: KubeObject, finalizer: string): void {
    const object = this.#store.get(resource, name, namespace);
    if (!object) return;
    const finalizers = object.metadata.finalizers?.filter((each) => each !== finalizer) ?? [];
    this.#store.update(resource, { ...object, metadata: { ...object.metadata, finalizers } });
  }

  /** Ends the dependents of an owner that is gone or waits for them. */
  #collect(uid: string): void {
    for (const { resource, object } of this.#owners.dependents(uid)) this.#free(resource, object);
  }

  /** Nobody will count it any more: it may go. */
  #free(resource: ResourceName, object: KubeObject): void {
    const finalizers = object.metadata.finalizers?.filter((each) => each !== TRACKING) ?? [];
    const free = { ...object, metadata: { ...object.metadata, finalizers } };
    if (object.metadata.deletionTimestamp === undefined) deleteObject(this.#store, resource, free);
    else this.#store.update(resource, free);
  }

  #ownerGoesOn(uid: string): void {
    for (const job of this.#store.values("jobs"))
      if (job.metadata.uid === uid && job.metadata.deletionTimestamp !== undefined) this.#goOn("jobs", job);
  }

  #hasLostOwner({ metadata: { ownerReferences = [], namespace } }: KubeObject): boolean {
    if (ownerReferences.length === 0) return false;
    return ownerReferences.every(({ kind, name, uid }) => {
      const plural = `${kind.toLowerCase()}s`;
      if (!isResourceName(plural)) return false;
      const owner = this.#store.get(plural, name, RESOURCES[plural].isNamespaced ? namespace : "");
      return owner?.metadata.uid !== uid;
    });
  }

  #emptyNamespace(namespace: KubeObject): void {
    const { name } = namespace.metadata;
    const phase = (namespace["status"] as { phase?: string } | undefined)?.phase;
    if (phase !== "Terminating")
      this.#store.update("namespaces", { ...namespace, status: { phase: "Terminating" } });
    this.#namespaceGoesOn(name);
  }

  #namespaceGoesOn(name: string | undefined): void {
    const namespace = name === undefined ? undefined : this.#store.get("namespaces", name);
    if (namespace?.metadata.deletionTimestamp === undefined) return;
    for (const { resource, object } of this.#contentOf(namespace.metadata.name))
      if (object.metadata.deletionTimestamp === undefined) deleteObject(this.#store, resource, object);
    if (this.#contentOf(namespace.metadata.name).length === 0)
      this.#store.update("namespaces", { ...namespace, spec: { finalizers: [] } });
  }

  #contentOf(namespace: string): { resource: ResourceName; object: KubeObject }[] {
    return this.#all().filter(({ object }) => object.metadata.namespace === namespace);
  }

  #all(): { resource: ResourceName; object: KubeObject }[] {
    return (Object.keys(RESOURCES) as ResourceName[]).flatMap((resource) =>
      [...this.#store.values(resource)].map((object) => ({ resource, object })),
    );
  }
}
