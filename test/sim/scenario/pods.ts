import { createHash } from "node:crypto";
import { sleep } from "../../../lib/clock.ts";
import { LABELS, PUBLISH } from "../../../lib/cluster/manifest.ts";
import type { ClusterModel, PodModel } from "../services/cluster.ts";
import type { Sandbox } from "../world/sandbox.ts";
import { dataOf, type Outside } from "./outsiders.ts";
import { PIPELINE } from "./pipeline.ts";
import type { Data, Poison } from "./poison.ts";
import { report } from "./reports.ts";
import type { ApiAnswer } from "./traffic.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const LONGEST_WORK_MS = 3 * MINUTE;
const SLOW_WORK_MS = 30 * MINUTE;
/** Longer than any claim on a message may last. */
const LONG_WORK_MS = 13 * HOUR;
const KILLED = 137;

/** What a pod knows, from its manifest. */
interface Assignment {
  readonly job: string;
  readonly attempt: number;
  readonly key: string;
}

function assignmentOf({ job: { manifest } }: PodModel): Assignment {
  const { labels } = manifest.metadata;
  const { containers } = manifest.spec.template.spec;
  const publish = containers.find(({ name }) => name === PUBLISH);
  const key = publish?.env?.find(({ name }) => name === "MILLRACE_KEY");
  return {
    job: labels[LABELS.job] ?? "",
    attempt: Number(labels[LABELS.attempt]),
    key: key && "value" in key ? String(key.value) : "",
  };
}

/**
 * What runs in the scenario's pods: the agent's steps, with the user's program between them. Objects go below the pod's own
 * prefix; the manifest is written last, and only if the attempt has none.
 */
export const podsOf =
  (cluster: ClusterModel, outside: Outside) =>
  (pod: PodModel): void => {
    void run(pod, assignmentOf(pod), cluster, outside);
    const { world } = outside;
    if (world.faults.strikes("node-lost"))
      world.timeline.after(world.prng.below(LONGEST_WORK_MS), () => cluster.loseNode(pod));
    if (world.faults.strikes("job-deleted"))
      world.timeline.after(world.prng.below(2 * LONGEST_WORK_MS), () =>
        cluster.remove(pod.job.manifest.metadata.name, pod.job.uid),
      );
  };

async function run(
  pod: PodModel,
  { job, attempt, key }: Assignment,
  cluster: ClusterModel,
  outside: Outside,
): Promise<void> {
  const { world, services, truth } = outside;
  const { prng, faults } = world;
  const { process, uid } = pod;
  const tell = (event: string, data: unknown, eventId: string): Promise<ApiAnswer | undefined> =>
    within(process, report(job, key, { event, data, eventId }, outside));
  const answer = await tell("run", { pod: uid }, `run-${attempt}-${uid}`);
  const { row } = truth.job(job);
  if (!isWanted(answer) || !row) return cluster.ended(pod, 1, "agent: the attempt is over");
  truth.job(job).runs += 1;
  const data = dataOf(row, outside);
  const isLong = row.stage === "bake" && prng.chance(LONG);
  const longest = faults.strikes("outsider-slow") ? SLOW_WORK_MS : LONGEST_WORK_MS;
  await sleep(process.clock, isLong ? LONG_WORK_MS : prng.between(SECOND, longest));
  if (faults.strikes("pod-hangs")) return;
  if (faults.strikes("pod-fails")) return cluster.ended(pod, 1, "the program is out of order");
  const poison = data.poison?.stage === row.stage ? data.poison.how : undefined;
  if (poison) return spoil(poison, pod, cluster);
  const path = `out/${PIPELINE.id}/${row.stage}/${row.token}/${attempt}`;
  const content = Buffer.from(prng.hex(24));
  const object = services.bucket.put(`${path}/${uid}/part.txt`, content);
  await sleep(process.clock, prng.below(2 * SECOND));
  const manifest = {
    v: 1,
    job,
    attempt,
    pod: uid,
    outputs: outputsOf(data, object, content, prng.chance(0.2) ? 5 : 1),
  };
  await sleep(process.clock, prng.below(2 * SECOND));
  world.probes.reachIf(row.begun !== truth.job(job).row?.begun, "zombie-manifest");
  services.bucket.putFirst(`${path}/_manifest.json`, Buffer.from(JSON.stringify(manifest)));
  await sleep(process.clock, prng.below(2 * SECOND));
  await tell("finish", undefined, `finish-${attempt}`);
  cluster.ended(pod, 0);
}

const isWanted = (answer: ApiAnswer | undefined): boolean => {
  const { applied = false, reason } = (answer?.body ?? {}) as { applied?: boolean; reason?: string };
  return answer?.status === 200 && (applied || reason === "duplicate");
};

/** The probability that work of many hours takes longer than a claim may last. */
const LONG = 0.5;

const outputsOf = (
  data: Data,
  { key, etag, versionId }: { key: string; etag: string; versionId: string | undefined },
  content: Buffer,
  count: number,
) => {
  const sha256 = createHash("sha256").update(content).digest("hex");
  const object = {
    key,
    size: content.byteLength,
    etag,
    sha256,
    ...(versionId !== undefined && { versionId }),
  };
  return Array.from({ length: count }, () => ({
    data: { ...data, content: content.toString() },
    objects: [object],
  }));
};

function spoil(how: Poison, pod: PodModel, cluster: ClusterModel): void {
  if (how === "hang") return;
  cluster.ended(pod, how === "kill" ? KILLED : 1, "poison");
}

/** An answer that comes when the process is dead is heard by nobody. */
const within = <Value>(process: Sandbox, answer: Promise<Value>): Promise<Value> =>
  new Promise((resolve) => {
    void answer.then((value) => process.enter(() => resolve(value)));
  });
