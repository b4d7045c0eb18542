import { randomBytes, randomUUID } from "node:crypto";
import type { Clock } from "../../../lib/clock.ts";
import { type KubeObject, kubeTime } from "./objects.ts";
import type { ObjectStore } from "./store.ts";

/** A cluster forgets an event after an hour. */
const KEPT_MS = 3_600_000;
/** Of everything that happened, so much is kept at most. */
const KEPT_EVENTS = 5000;

export interface Happening {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

/** Notes what happened to an object. What happens again is counted, not written anew. */
export class EventRecorder {
  readonly #store: ObjectStore;
  readonly #clock: Clock;
  /** Names by what happened to whom, the latest last. */
  readonly #known = new Map<string, { name: string; namespace: string }>();

  constructor(store: ObjectStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    for (const event of store.values("events")) {
      const { name, namespace = "" } = event.metadata;
      const { uid } = event["involvedObject"] as { uid: string };
      this.#known.set(keyOf(uid, event as unknown as Happening), { name, namespace });
    }
  }

  record(object: KubeObject, component: string, happening: Happening): void {
    const namespace = object.metadata.namespace ?? "default";
    const home = this.#store.get("namespaces", namespace);
    if (!home || home.metadata.deletionTimestamp !== undefined) return;
    const key = keyOf(object.metadata.uid, happening);
    const known = this.#known.get(key);
    const event = known && this.#store.get("events", known.name, known.namespace);
    this.#known.delete(key);
    const time = kubeTime(this.#clock.now());
    const written = event
      ? this.#store.update("events", { ...event, count: Number(event["count"]) + 1, lastTimestamp: time })
      : this.#store.create("events", eventOf(object, component, happening, namespace, time));
    this.#known.set(key, { name: written.metadata.name, namespace });
    this.#forgetOld();
  }

  #forgetOld(): void {
    const oldest = this.#clock.now() - KEPT_MS;
    for (const [key, { name, namespace }] of this.#known) {
      const event = this.#store.get("events", name, namespace);
      const isOld = event && Date.parse(String(event["lastTimestamp"])) < oldest;
      if (event && !isOld && this.#known.size <= KEPT_EVENTS) return;
      this.#known.delete(key);
      if (event) this.#store.delete("events", event);
    }
  }
}

const keyOf = (uid: string, { reason, message }: Happening): string => `${uid} ${reason} ${message}`;

function eventOf(
  { apiVersion, kind, metadata }: KubeObject,
  component: string,
  { type, reason, message }: Happening,
  namespace: string,
  time: string,
): KubeObject {
  const { name, uid, resourceVersion } = metadata;
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: {
      name: `${name}.${randomBytes(8).toString("hex")}`,
      namespace,
      uid: randomUUID(),
      resourceVersion: "",
      creationTimestamp: time,
    },
    involvedObject: { kind, namespace, name, uid, apiVersion, resourceVersion },
    type,
    reason,
    message,
    source: { component },
    reportingComponent: component,
    reportingInstance: "",
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
  };
}
