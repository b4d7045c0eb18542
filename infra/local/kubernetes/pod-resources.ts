import type { Container, PodSpec } from "./objects.ts";
import { isSidecar } from "./pod-status.ts";
import { quantity } from "./quantities.ts";

/** What is asked for, or the most that may be used. */
export type AmountKind = "requests" | "limits";

/** What a pod takes of a resource at once: its containers and sidecars together, or an init container and the sidecars before it. */
export function podAmount(
  { containers, initContainers = [] }: PodSpec,
  kind: AmountKind,
  resource: string,
): number {
  const of = ({ resources }: Container): number => quantity(resources?.[kind]?.[resource] ?? "0");
  let sidecars = 0;
  let most = 0;
  for (const container of initContainers) {
    most = Math.max(most, sidecars + of(container));
    if (isSidecar(container)) sidecars += of(container);
  }
  return Math.max(
    most,
    containers.reduce((sum, each) => sum + of(each), sidecars),
  );
}
