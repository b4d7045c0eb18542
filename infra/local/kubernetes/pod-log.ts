import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { type ContainerLog, printed, readLog } from "./container-log.ts";
import { logOf } from "./container-run.ts";
import { sendOn } from "./http.ts";
import type { Pod } from "./objects.ts";
import { wholeNumber } from "./query.ts";
import { badRequest } from "./status.ts";

export interface PodLogs {
  /** Has a folder for each pod, named by its uid. */
  readonly folder: string;
  /** Of the containers that are running. */
  readonly live: (uid: string) => ReadonlyMap<string, ContainerLog>;
  readonly now: () => number;
}

/**
 * Answers with what a container printed; with `follow`, also with what it goes on to print.
 *
 * @throws KubeError BadRequest
 */
export function sendLog(logs: PodLogs, pod: Pod, query: URLSearchParams, response: ServerResponse): void {
  const container = containerOf(pod, query.get("container"));
  const { uid } = pod.metadata;
  const number = (name: string): number | undefined => wholeNumber(query, name);
  const sinceSeconds = number("sinceSeconds");
  const sinceTime = query.get("sinceTime");
  const timestamps = query.get("timestamps") === "true";
  const text = readLog(logOf(join(logs.folder, uid), container), {
    tailLines: number("tailLines"),
    limitBytes: number("limitBytes"),
    since: sinceTime ? Date.parse(sinceTime) : sinceSeconds && logs.now() - sinceSeconds * 1000,
    timestamps,
  });
  response.writeHead(200, { "content-type": "text/plain" });
  const live = logs.live(uid).get(container);
  if (!live || query.get("follow") !== "true") {
    response.end(text);
    return;
  }
  if (text === "") response.flushHeaders();
  else response.write(text);
  const unfollow = live.follow(
    (entry) => sendOn(response, printed(entry, timestamps)),
    () => response.end(),
  );
  response.once("close", unfollow);
}

function containerOf({ metadata, spec, status }: Pod, wanted: string | null): string {
  const names = spec.containers.map(({ name }) => name);
  const inits = (spec.initContainers ?? []).map(({ name }) => name);
  const [only] = names;
  if (!wanted && (names.length !== 1 || only === undefined)) {
    const choice = inits.length === 0 ? "" : ` or one of the init containers: [${inits.join(" ")}]`;
    throw badRequest(
      `a container name must be specified for pod ${metadata.name}, choose one of: [${names.join(" ")}]${choice}`,
    );
  }
  const container = wanted || only || "";
  if (![...names, ...inits].includes(container))
    throw badRequest(`container ${container} is not valid for pod ${metadata.name}`);
  const statuses = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  const state = statuses.find(({ name }) => name === container)?.state ?? {
    waiting: { reason: "ContainerCreating" },
  };
  if ("waiting" in state && state.waiting.reason !== "CrashLoopBackOff")
    throw badRequest(
      `container "${container}" in pod "${metadata.name}" is waiting to start: ${state.waiting.reason}`,
    );
  return container;
}
