import { randomBytes } from "node:crypto";
import type { Clock } from "../../../lib/clock.ts";
import type { Access } from "./access.ts";
import type { Answer } from "./api.ts";
import { deletePod } from "./deletion.ts";
import { kubeTime, type Pod, withCondition } from "./objects.ts";
import type { ObjectStore } from "./store.ts";

/** Ends a pod for no fault of its own: https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/ */
export function evict(store: ObjectStore, clock: Clock, pod: Pod): Answer {
  const conditions = withCondition(pod.status.conditions, {
    type: "DisruptionTarget",
    status: "True",
    reason: "EvictionByEvictionAPI",
    message: "Eviction API: evicting",
    lastProbeTime: null,
    lastTransitionTime: kubeTime(clock.now()),
  });
  deletePod(store, store.update("pods", { ...pod, status: { ...pod.status, conditions } }));
  return {
    code: 201,
    body: { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 },
  };
}

interface TokenRequest {
  readonly spec?: { readonly expirationSeconds?: number; readonly audiences?: string[] };
}

/** A token for a service account, which ends with this process at the latest. */
export function issueToken(
  access: Access,
  clock: Clock,
  { name, namespace }: { name: string; namespace: string },
  body: unknown,
): Answer {
  const { expirationSeconds = 3600, audiences = [] } = (body as TokenRequest | undefined)?.spec ?? {};
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
