import type { Clock } from "../../../lib/clock.ts";
import type { Cluster, Ensured } from "../../../lib/cluster/cluster.ts";
import { JOBS_NOTE, type JobManifest, LABELS } from "../../../lib/cluster/manifest.ts";
import type {
  Condition,
  ObservedContainer,
  ObservedEvent,
  ObservedJob,
  ObservedPod,
} from "../../../lib/cluster/observed.ts";

/** A cluster in memory: Jobs do what a test says, and nothing by themselves. */
export interface FakeJob {
  readonly manifest: JobManifest;
  readonly uid: string;
  readonly createdAt: number;
  conditions: Condition[];
  containers: ObservedContainer[];
  hasPod: boolean;
}

export function fakeCluster(clock: Clock) {
  const jobs = new Map<string, FakeJob>();
  const events: ObservedEvent[] = [];
  const made: string[] = [];
  let most = 0;
  let answer: (() => Ensured | undefined) | undefined;
  const observed = ({ manifest, uid, createdAt, conditions }: FakeJob): ObservedJob => ({
    name: manifest.metadata.name,
    uid,
    labels: manifest.metadata.labels,
    jobs: manifest.metadata.annotations[JOBS_NOTE].split(" "),
    createdAt,
    conditions,
  });
  const podOf = ({ manifest, uid, createdAt, containers }: FakeJob): ObservedPod => ({
    name: `${manifest.metadata.name}-pod`,
    uid: `${uid}-pod`,
    createdAt,
    phase: "Running",
    reason: "",
    message: "",
    node: "node-1",
    conditions: [],
    containers,
  });
  const jobOf = (name: string): FakeJob => {
    const job = jobs.get(name);
    if (!job) throw new Error(`there is no Job ${name}`);
    return job;
  };
  const end = (name: string, type: string, container: ObservedContainer): void => {
    const job = jobOf(name);
    job.conditions = [{ type, isTrue: true, reason: "", message: "", at: clock.now() }];
    job.containers = [container];
  };
  const terminated = (exitCode: number, message = "") => ({
    exitCode,
    reason: exitCode === 0 ? "Completed" : "Error",
    message,
    startedAt: clock.now(),
    finishedAt: clock.now(),
  });
  const cluster: Cluster = {
    ensureJob: async (manifest) => {
      const given = answer?.();
      if (given) return given;
      const { name, labels } = manifest.metadata;
      const found = jobs.get(name);
      if (found)
        return {
          kind: "adopted",
          job: observed(found),
          isSame: found.manifest.metadata.labels[LABELS.spec] === labels[LABELS.spec],
        };
      const uid = `uid-${made.length}`;
      jobs.set(name, { manifest, uid, createdAt: clock.now(), conditions: [], containers: [], hasPod: true });
      made.push(name);
      most = Math.max(most, jobs.size);
      return { kind: "made", warnings: [] };
    },
    getJob: async (name) => {
      const job = jobs.get(name);
      return job && observed(job);
    },
    jobs: async function* () {
      for (const job of [...jobs.values()]) yield observed(job);
    },
    pods: async (name) =>
      [...jobs.values()].filter((job) => job.hasPod && job.manifest.metadata.name === name).map(podOf),
    podsByJob: async () =>
      new Map([...jobs].filter(([, job]) => job.hasPod).map(([name, job]) => [name, [podOf(job)]])),
    events: async () => events,
    deleteJob: async ({ name, uid }) => {
      if (jobs.get(name)?.uid === uid) jobs.delete(name);
    },
    logTail: async () => "2026-01-01T00:00:00.000000000Z hello\n",
  };
  return {
    cluster,
    jobs,
    events,
    /** Names of Jobs, in the order in which they were made. */
    made,
    /** So many at once, at most. */
    most: () => most,
    /** What the next creations are answered instead. */
    answerWith: (give: (() => Ensured | undefined) | undefined) => {
      answer = give;
    },
    run: (name: string) => {
      jobOf(name).containers = [{ name: "main", running: { startedAt: clock.now() } }];
    },
    wait: (name: string, reason: string) => {
      jobOf(name).containers = [{ name: "main", waiting: { reason, message: "" } }];
    },
    succeed: (name: string) => end(name, "Complete", { name: "main", terminated: terminated(0) }),
    fail: (name: string, exitCode: number, message = "") =>
      end(name, "Failed", { name: "main", terminated: terminated(exitCode, message) }),
  };
}
