import { randomBytes } from "node:crypto";
import type { Clock } from "../../../lib/clock.ts";
import type { Access } from "./access.ts";
import type { Answer, Api, Target } from "./api.ts";
import { checkPreconditions, deleteOptions } from "./delete-options.ts";
import { knownFields } from "./fields.ts";
import { disrupted, isTerminal, type KubeObject, kubeTime } from "./objects.ts";
import { invalid, wrong } from "./status.ts";
import type { ObjectStore } from "./store.ts";

/**
 * Ends a pod for no fault of its own: https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/
 *
 * @throws KubeError NotFound, Conflict, BadRequest
 */
export function evict(
  { api, store }: { api: Api; store: ObjectStore },
  clock: Clock,
  { name = "", namespace }: Target,
  body: unknown,
  query: URLSearchParams,
): Answer {
  const { object } = knownFields({ kind: "Eviction", model: "V1Eviction" }, body ?? {});
  const options = deleteOptions(object["deleteOptions"], query);
  const pod = api.get("pods", name, namespace);
  checkPreconditions("pods", pod, options.preconditions);
  const isRunning = pod.spec.nodeName !== undefined && !isTerminal(pod);
  if (isRunning && !options.dryRun?.includes("All"))
    store.update("pods", disrupted(pod, "EvictionByEvictionAPI", "Eviction API: evicting", clock.now()));
  const { preconditions: _checked, ...rest } = options;
  api.delete({ resource: "pods", name, namespace }, rest, query);
  return {
    code: 201,
    body: { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 },
  };
}

const SHORTEST_TOKEN_SECONDS = 600;

/**
 * A token for a service account, which ends with this process at the latest.
 *
 * @throws KubeError BadRequest, Invalid
 */
export function issueToken(
  access: Access,
  clock: Clock,
  { metadata: { name, namespace = "" } }: KubeObject,
  body: unknown,
): Answer {
  const model = "AuthenticationV1TokenRequest";
  const { object } = knownFields({ kind: "TokenRequest", model }, body ?? {});
  const { expirationSeconds = 3600, audiences = [] } = (object["spec"] ?? {}) as {
    expirationSeconds?: number;
    audiences?: string[];
  };
  if (expirationSeconds < SHORTEST_TOKEN_SECONDS)
    throw invalid({ kind: "TokenRequest", group: "authentication.k8s.io" }, name, [
      wrong("spec.expirationSeconds", expirationSeconds, "may not specify a duration less than 10 minutes"),
    ]);
  const until = clock.now() + expirationSeconds * 1000;
  const token = randomBytes(32).toString("base64url");
  access.issue(namespace, name, token, until);
  return {
    code: 201,
    body: {
      kind: "TokenRequest",
      apiVersion: "authentication.k8s.io/v1",
      metadata: { name, namespace, creationTimestamp: kubeTime(clock.now()) },
      spec: { audiences, expirationSeconds },
      status: { token, expirationTimestamp: kubeTime(until) },
    },
  };
}
