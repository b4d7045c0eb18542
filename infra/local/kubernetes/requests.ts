import type { IncomingMessage, ServerResponse } from "node:http";
import { type Clock, sleep } from "../../../lib/clock.ts";
import type { OnCall } from "../emulator.ts";
import type { Access, User } from "./access.ts";
import type { Answer } from "./api.ts";
import type { ControlPlane } from "./control-plane.ts";
import { discovery } from "./discovery.ts";
import type { KubeFaults } from "./faults.ts";
import { contentType, readBody, sendAnswer } from "./http.ts";
import type { Listings } from "./listing.ts";
import { sendLog } from "./pod-log.ts";
import { checkOptions } from "./query.ts";
import { RESOURCES } from "./resources.ts";
import { fieldSelector, labelSelector, type Matches } from "./selectors.ts";
import { KubeError, noSuchPath } from "./status.ts";
import { evict, issueToken } from "./subresources.ts";
import { operationName, type Request, requestOf } from "./target.ts";
import { watch } from "./watch.ts";

export interface Service {
  readonly plane: ControlPlane;
  readonly clock: Clock;
  readonly access: Access;
  readonly onCall: OnCall | undefined;
  readonly faults: () => KubeFaults;
  readonly listings: Listings;
}

const READS = new Set(["get", "list", "watch"]);

/**
 * Decides whether a request is allowed and what it asks for, does it and answers.
 *
 * @throws KubeError
 */
export async function serveRequest(
  service: Service,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const url = new URL(incoming.url ?? "", "http://localhost");
  if (["/healthz", "/livez", "/readyz"].includes(url.pathname)) {
    outgoing.end("ok");
    return;
  }
  const user = service.access.authenticate(incoming.headers.authorization, service.clock.now());
  const described = discovery(url.pathname.replace(/(?<=.)\/$/, ""));
  if (described) return sendAnswer(outgoing, { code: 200, body: described });
  const request = requestOf(incoming.method ?? "", segments(url.pathname), url.searchParams);
  service.onCall?.(operationName(request));
  authorize(service, user, request);
  refuseAtRandom(service.faults());
  const { delayMs } = service.faults();
  if (streams(service, request, url.searchParams, outgoing)) return;
  if (!READS.has(request.verb)) checkOptions(request.verb, url.searchParams);
  const answer = answerTo(service, request, url.searchParams, await readBody(incoming), incoming);
  if (delayMs > 0) await sleep(service.clock, delayMs);
  const { loseAnswer, random } = service.faults();
  if (!READS.has(request.verb) && loseAnswer > 0 && random() < loseAnswer) outgoing.destroy();
  else sendAnswer(outgoing, answer);
}

function segments(path: string): string[] {
  try {
    return path.split("/").filter(Boolean).map(decodeURIComponent);
  } catch {
    throw noSuchPath();
  }
}

function authorize({ access }: Service, user: User, request: Request): void {
  const { verb, resource, namespace, subresource, name } = request;
  access.authorize(user, { verb, resource: RESOURCES[resource], namespace, subresource, name });
}

function refuseAtRandom({ throttle, fail, random }: KubeFaults): void {
  if (throttle > 0 && random() < throttle)
    throw new KubeError("TooManyRequests", "Too many requests, please try again later.", {
      retryAfterSeconds: 1,
    });
  if (fail > 0 && random() < fail)
    throw new KubeError("InternalError", "Internal error occurred: a fault switch failed this request");
}

/** Answers what has no end yet. @returns whether the request was such */
function streams(
  { plane, clock }: Service,
  { verb, resource, namespace, name = "", subresource }: Request,
  query: URLSearchParams,
  outgoing: ServerResponse,
): boolean {
  if (verb === "watch") {
    watch(plane.store, clock, outgoing, { resource, namespace, matches: selected(resource, query), query });
    return true;
  }
  if (subresource !== "log") return false;
  const pod = plane.api.get("pods", name, namespace);
  const logs = { folder: plane.podsFolder, live: (uid: string) => plane.logs(uid), now: () => clock.now() };
  sendLog(logs, pod, query, outgoing);
  return true;
}

function answerTo(
  service: Service,
  request: Request,
  query: URLSearchParams,
  body: unknown,
  incoming: IncomingMessage,
): Answer {
  const { api } = service.plane;
  const { verb, resource, name = "", namespace, subresource } = request;
  if (subresource === "eviction") return evict(service.plane, service.clock, request, body, query);
  if (subresource === "token") {
    const account = api.get("serviceaccounts", name, namespace);
    return issueToken(service.access, service.clock, account, body);
  }
  switch (verb) {
    case "get":
      return { code: 200, body: api.get(resource, name, namespace) };
    case "list":
      return list(service, request, query);
    case "create":
      return api.create(request, body, query);
    case "update":
      return api.replace(request, body, query);
    case "patch":
      return api.patch(request, contentType(incoming), body, query);
    case "delete":
      return api.delete(request, body, query);
    default:
      return deleteAll(service, request, body, query);
  }
}

function list(service: Service, { resource, namespace }: Request, query: URLSearchParams): Answer {
  const { store } = service.plane;
  const token = query.get("continue");
  if (token) return { code: 200, body: service.listings.next(RESOURCES[resource], token, query) };
  const objects = store.list(resource, namespace).filter(selected(resource, query));
  return { code: 200, body: service.listings.first(RESOURCES[resource], objects, store.version, query) };
}

function deleteAll(service: Service, request: Request, body: unknown, query: URLSearchParams): Answer {
  const { store, api } = service.plane;
  const matches = selected(request.resource, query);
  const objects = store.list(request.resource, request.namespace).filter(matches);
  for (const { metadata } of objects) api.delete({ ...request, name: metadata.name }, body, query);
  return { code: 200, body: { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success" } };
}

function selected(resource: Request["resource"], query: URLSearchParams): Matches {
  const byLabel = labelSelector(query.get("labelSelector") ?? "");
  const byField = fieldSelector(query.get("fieldSelector") ?? "", RESOURCES[resource]);
  return (object) => byLabel(object) && byField(object);
}
