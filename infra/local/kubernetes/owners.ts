import type { KubeObject } from "./objects.ts";
import { RESOURCES, type ResourceName } from "./resources.ts";
import type { Change, ObjectStore } from "./store.ts";

export interface Dependent {
  readonly resource: ResourceName;
  readonly object: KubeObject;
}

/** Who belongs to whom, by `ownerReferences`: kept as it changes, because a scan for every Job would be quadratic. */
export class Owners {
  readonly #store: ObjectStore;
  /** Keys of dependents by the owner's uid. */
  readonly #dependents = new Map<
    string,
    Map<string, { resource: ResourceName; name: string; namespace: string }>
  >();

  constructor(store: ObjectStore) {
    this.#store = store;
    for (const resource of Object.keys(RESOURCES) as ResourceName[])
      for (const object of store.values(resource)) this.#add(resource, object);
    store.subscribe((change) => this.#follow(change));
  }

  dependents(uid: string): Dependent[] {
    return [...(this.#dependents.get(uid)?.values() ?? [])].flatMap(({ resource, name, namespace }) => {
      const object = this.#store.get(resource, name, namespace);
      return object ? [{ resource, object }] : [];
    });
  }

  #follow({ type, resource, object, before }: Change): void {
    if (before) this.#remove(resource, before);
    if (type !== "DELETED") this.#add(resource, object);
  }

  #add(resource: ResourceName, { metadata }: KubeObject): void {
    const { name, namespace = "" } = metadata;
    for (const { uid } of metadata.ownerReferences ?? []) {
      const all = this.#dependents.get(uid) ?? new Map();
      all.set(`${resource} ${namespace}/${name}`, { resource, name, namespace });
      this.#dependents.set(uid, all);
    }
  }

  #remove(resource: ResourceName, { metadata }: KubeObject): void {
    for (const { uid } of metadata.ownerReferences ?? []) {
      const all = this.#dependents.get(uid);
      all?.delete(`${resource} ${metadata.namespace ?? ""}/${metadata.name}`);
      if (all?.size === 0) this.#dependents.delete(uid);
    }
  }
}
