import type { ServerResponse } from "node:http";
import type { Clock } from "../../../lib/clock.ts";
import { sendOn } from "./http.ts";
import { wholeNumber } from "./query.ts";
import { apiVersionOf, RESOURCES, type ResourceName } from "./resources.ts";
import type { Matches } from "./selectors.ts";
import { KubeError } from "./status.ts";
import type { Change, ObjectStore } from "./store.ts";

/** A cluster closes a watch after a random time from 30 to 60 minutes unless it is asked for less. */
const LONGEST_WATCH_SECONDS = 1800;

export interface WatchOptions {
  readonly resource: ResourceName;
  readonly namespace?: string | undefined;
  readonly matches: Matches;
  readonly query: URLSearchParams;
}

/**
 * Tells a client of changes, one JSON object a line, until it leaves or its time is over.
 *
 * @throws KubeError BadRequest
 */
export function watch(
  store: ObjectStore,
  clock: Clock,
  response: ServerResponse,
  { resource, namespace, matches, query }: WatchOptions,
): void {
  const seconds = wholeNumber(query, "timeoutSeconds") ?? LONGEST_WATCH_SECONDS;
  const since = wholeNumber(query, "resourceVersion") ?? 0;
  response.writeHead(200, { "content-type": "application/json" });
  response.flushHeaders();
  const send = (type: string, object: object): void =>
    sendOn(response, `${JSON.stringify({ type, object })}\n`);
  const tell = (change: Change): void => {
    if (change.resource !== resource) return;
    if (namespace !== undefined && change.object.metadata.namespace !== namespace) return;
    const type = seenAs(change, matches);
    if (type !== undefined) send(type, change.object);
  };

  const missed = since === 0 ? [] : store.changesAfter(since);
  if (!missed) {
    const tooOld = new KubeError("Expired", `too old resource version: ${since} (${store.version})`);
    send("ERROR", tooOld.toStatus());
    response.end();
    return;
  }
  if (since === 0) {
    for (const object of store.list(resource, namespace)) if (matches(object)) send("ADDED", object);
    if (query.get("sendInitialEvents") === "true") send("BOOKMARK", initialEnd(resource, store.version));
  }
  for (const change of missed) tell(change);

  const unsubscribe = store.subscribe(tell);
  const cancel = clock.schedule(clock.now() + seconds * 1000, () => response.end());
  response.once("close", () => {
    unsubscribe();
    cancel();
  });
}

/** A change as somebody sees it who looks through a selector: what begins to match appears, what ceases to goes. */
function seenAs({ type, object, before }: Change, matches: Matches): Change["type"] | undefined {
  const isNow = type !== "DELETED" && matches(object);
  const was = before !== undefined && matches(before);
  if (isNow) return was ? "MODIFIED" : "ADDED";
  return was ? "DELETED" : undefined;
}

const initialEnd = (resource: ResourceName, version: number): object => ({
  kind: RESOURCES[resource].kind,
  apiVersion: apiVersionOf(RESOURCES[resource]),
  metadata: {
    resourceVersion: String(version),
    annotations: { "k8s.io/initial-events-end": "true" },
  },
});
