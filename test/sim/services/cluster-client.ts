import { type Cluster, ClusterError } from "../../../lib/cluster/cluster.ts";
import type { Sandbox } from "../world/sandbox.ts";
import { type Call, send } from "../world/transport.ts";
import type { World } from "../world/world.ts";
import { type ClusterModel, observedJob, observedPod } from "./cluster.ts";

/** What the requests' faults are called in HTTP; 0 when nobody answers. */
const STATUSES: Readonly<Record<string, number>> = { ThrottlingException: 429, InternalServerError: 500 };

/** The cluster as a function reaches it. */
export function clusterClient(model: ClusterModel, sandbox: Sandbox, world: World): Cluster {
  const ask = async <Answer>(operation: string, about: string, execute: () => Answer): Promise<Answer> => {
    const call: Call<Answer> = { service: "k8s", operation, about, execute, tries: 1 };
    try {
      return await send(call, sandbox, world);
    } catch (error) {
      if (error instanceof ClusterError) throw error;
      const { name, message } = error as Error;
      throw new ClusterError(STATUSES[name] ?? 0, name, message, error);
    }
  };
  return {
    ensureJob: (manifest) => ask("create", manifest.metadata.name, () => model.ensure(manifest)),
    getJob: (name) =>
      ask("get", name, () => {
        const job = model.get(name);
        return job && observedJob(job);
      }),
    jobs: async function* () {
      yield* await ask("list", "jobs", () => model.jobs.map(observedJob));
    },
    pods: (name) => ask("list", `pods of ${name}`, () => model.get(name)?.pods.map(observedPod) ?? []),
    podsByJob: () =>
      ask(
        "list",
        "pods",
        () => new Map(model.jobs.map((job) => [job.manifest.metadata.name, job.pods.map(observedPod)])),
      ),
    events: (name) => ask("list", `events of ${name}`, () => []),
    deleteJob: async ({ name, uid }) => {
      await ask("delete", name, () => model.delete(name, uid)).catch((error: ClusterError) => {
        // Gone, or made anew since.
        if (error.status !== 404 && error.status !== 409) throw error;
      });
    },
    logTail: async () => undefined,
  };
}
