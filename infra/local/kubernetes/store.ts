import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../../../lib/clock.ts";
import type { Database } from "./database.ts";
import { type Job, type KubeObject, kubeTime, type Pod } from "./objects.ts";
import { RESOURCES, type ResourceName } from "./resources.ts";
import { alreadyExists } from "./status.ts";

export type ObjectOf<Name extends ResourceName> = Name extends "jobs"
  ? Job
  : Name extends "pods"
    ? Pod
    : KubeObject;

export interface Change {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly resource: ResourceName;
  readonly object: KubeObject;
  /** What it was before. */
  readonly before?: KubeObject;
  readonly version: number;
}

/** So many changes a watch can be behind when it connects; beyond it is told 410 and lists again. */
const HISTORY = 5000;

/**
 * All objects, in memory and on disk. Every change has a number, the `resourceVersion` of what it left, and is told to
 * the listeners in that order, once it is on disk.
 */
export class ObjectStore {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #objects = new Map<ResourceName, Map<string, KubeObject>>();
  readonly #listeners = new Set<(change: Change) => void>();
  #history: Change[] = [];
  #version: number;
  /** Changes of the transaction under way. */
  #pending: Change[] | undefined;
  readonly #untold: Change[] = [];
  #isTelling = false;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
    this.#version = database.counter("version");
    for (const { resource, object } of database.objects()) {
      this.#table(resource).set(keyOf(object), object);
      this.#version = Math.max(this.#version, Number(object.metadata.resourceVersion));
    }
  }

  /** The number of the last change. */
  get version(): number {
    return this.#version;
  }

  get<Name extends ResourceName>(resource: Name, name: string, namespace = ""): ObjectOf<Name> | undefined {
    return this.#table(resource).get(`${namespace}/${name}`) as ObjectOf<Name> | undefined;
  }

  /** Ordered by namespace, then name. */
  list<Name extends ResourceName>(resource: Name, namespace?: string): ObjectOf<Name>[] {
    const entries = [...this.#table(resource)].filter(
      ([key]) => namespace === undefined || key.startsWith(`${namespace}/`),
    );
    entries.sort(([a], [b]) => (a < b ? -1 : 1));
    return entries.map(([, object]) => object as ObjectOf<Name>);
  }

  /** In no order. */
  values<Name extends ResourceName>(resource: Name): Iterable<ObjectOf<Name>> {
    return this.#table(resource).values() as Iterable<ObjectOf<Name>>;
  }

  /** @throws KubeError AlreadyExists */
  create<Name extends ResourceName>(resource: Name, object: ObjectOf<Name>): ObjectOf<Name> {
    this.refuseTaken(resource, object);
    return this.#write("ADDED", resource, object);
  }

  /** @throws KubeError AlreadyExists */
  refuseTaken(resource: ResourceName, object: KubeObject): void {
    const existing = this.#table(resource).get(keyOf(object));
    if (!existing) return;
    const isTerminating = existing.metadata.deletionTimestamp !== undefined;
    throw alreadyExists(RESOURCES[resource], object.metadata.name, isTerminating);
  }

  /**
   * Replaces an object. Nothing happens when nothing would change; an object that is being deleted and for which nobody
   * has anything left to do goes.
   */
  update<Name extends ResourceName>(resource: Name, object: ObjectOf<Name>): ObjectOf<Name> {
    const before = this.#table(resource).get(keyOf(object)) as ObjectOf<Name> | undefined;
    // It was removed meanwhile: an answer to what is no longer asked.
    if (before?.metadata.uid !== object.metadata.uid) return object;
    if (isDeepStrictEqual(before, object)) return before;
    if (isGone(object)) return this.#write("DELETED", resource, object, before);
    return this.#write("MODIFIED", resource, object, before);
  }

  /** Marks an object as being deleted; it goes at once unless it has finalizers or time to end. */
  delete<Name extends ResourceName>(
    resource: Name,
    object: ObjectOf<Name>,
    graceSeconds = 0,
  ): ObjectOf<Name> {
    const { metadata } = object;
    const deletionTimestamp = metadata.deletionTimestamp ?? kubeTime(this.#clock.now() + graceSeconds * 1000);
    const deletionGracePeriodSeconds = Math.min(
      graceSeconds,
      metadata.deletionGracePeriodSeconds ?? graceSeconds,
    );
    return this.update(resource, {
      ...object,
      metadata: { ...metadata, deletionTimestamp, deletionGracePeriodSeconds },
    });
  }

  /** Makes all changes of `work` at one moment of the disk. Listeners hear of them when it has ended. */
  together(work: () => void): void {
    if (this.#pending) throw new Error("transactions do not nest");
    const changes: Change[] = [];
    this.#pending = changes;
    try {
      this.#database.transaction(work);
    } finally {
      this.#pending = undefined;
    }
    this.#tell(changes);
  }

  /** The changes after that version, or nothing when it is too long ago (or of a time that this store never saw). */
  changesAfter(version: number): readonly Change[] | undefined {
    if (version === this.#version) return [];
    const first = this.#history[0]?.version ?? this.#version + 1;
    if (version < first - 1 || version > this.#version) return undefined;
    return this.#history.filter((change) => change.version > version);
  }

  /** @returns ends the subscription */
  subscribe(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #write<Name extends ResourceName>(
    type: Change["type"],
    resource: Name,
    object: ObjectOf<Name>,
    before?: KubeObject,
  ): ObjectOf<Name> {
    const version = this.#version + 1;
    const written = {
      ...object,
      metadata: { ...object.metadata, resourceVersion: String(version) },
    };
    if (type === "DELETED") {
      this.#database.drop(resource, object.metadata.uid);
      this.#database.setCounter("version", version);
      this.#table(resource).delete(keyOf(object));
    } else {
      this.#database.save(resource, written);
      this.#table(resource).set(keyOf(object), written);
    }
    this.#version = version;
    const change: Change = { type, resource, object: written, version, ...(before && { before }) };
    if (this.#pending) this.#pending.push(change);
    else this.#tell([change]);
    return written;
  }

  /** A listener may make changes itself: they are told after this one, so that all hear of all in one order. */
  #tell(changes: readonly Change[]): void {
    this.#history.push(...changes);
    if (this.#history.length > 2 * HISTORY) this.#history = this.#history.slice(-HISTORY);
    this.#untold.push(...changes);
    if (this.#isTelling) return;
    this.#isTelling = true;
    try {
      for (let next = this.#untold.shift(); next; next = this.#untold.shift())
        for (const listener of this.#listeners) listener(next);
    } finally {
      this.#isTelling = false;
    }
  }

  #table(resource: ResourceName): Map<string, KubeObject> {
    let table = this.#objects.get(resource);
    if (!table) {
      table = new Map();
      this.#objects.set(resource, table);
    }
    return table;
  }
}

const keyOf = ({ metadata }: KubeObject): string => `${metadata.namespace ?? ""}/${metadata.name}`;

/** Nobody is left who would have to do something: a namespace keeps its finalizers in its `spec`. */
const isGone = ({ metadata, spec }: KubeObject): boolean =>
  metadata.deletionTimestamp !== undefined &&
  (metadata.finalizers ?? []).length === 0 &&
  ((spec as { finalizers?: string[] } | undefined)?.finalizers ?? []).length === 0 &&
  (metadata.deletionGracePeriodSeconds ?? 0) === 0;
