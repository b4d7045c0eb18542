import { createHash } from "node:crypto";
import type { AgentAttempt } from "../../../lib/agent/protocol.ts";
import { sleep } from "../../../lib/clock.ts";
import { FETCH } from "../../../lib/cluster/manifest.ts";
import type { JobRecord } from "../../../lib/job/record.ts";
import type { ClusterModel, PodModel } from "../services/cluster.ts";
import type { Sandbox } from "../world/sandbox.ts";
import { dataOf, NOWHERE, type Outside, outputsOf as saidOutputs } from "./outsiders.ts";
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
function attemptsOf({ job: { manifest } }: PodModel): AgentAttempt[] {
  const { initContainers = [] } = manifest.spec.template.spec;
  const fetch = initContainers.find(({ name }) => name === FETCH);
  const attempts = fetch?.env?.find(({ name }) => name === "MILLRACE_ATTEMPTS")?.value;
  return JSON.parse(attempts ?? "[]") as AgentAttempt[];
}

/**
 * What runs in the scenario's pods: the agent's steps, with the user's program between them. Objects go below the pod's own
 * prefix; the manifest is written last, and only if the attempt has none. Of the stage that is finished by callback the
 * program says itself what became of each token.
 */
export const podsOf =
  (cluster: ClusterModel, outside: Outside) =>
  (pod: PodModel): void => {
    void run(pod, attemptsOf(pod), cluster, outside);
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
  attempts: readonly AgentAttempt[],
  cluster: ClusterModel,
  outside: Outside,
): Promise<void> {
  const { world } = outside;
  const { prng, faults } = world;
  const wanted: Wanted[] = [];
  for (const attempt of attempts) {
    const found = await begin(pod, attempt, outside);
    if (found) wanted.push(found);
  }
  const [first] = wanted;
  if (!first) return cluster.ended(pod, 1, "agent: the attempt is over");
  world.probes.reachIf(wanted.length > 1, "shared-pod");
  const isLong = first.row.stage === "bake" && prng.chance(LONG);
  const longest = faults.strikes("outsider-slow") ? SLOW_WORK_MS : LONGEST_WORK_MS;
  await sleep(pod.process.clock, isLong ? LONG_WORK_MS : prng.between(SECOND, longest));
  if (faults.strikes("pod-hangs")) return;
  if (faults.strikes("pod-fails")) return cluster.ended(pod, 1, "the program is out of order");
  const isCalling = first.row.stage === "stamp";
  const poison = wanted.map(poisonOf);
  const spoilt = poison.find((how) => how !== undefined && !(isCalling && TOLD.has(how)));
  world.probes.reachIf(spoilt !== undefined && wanted.length > 1, "poison-in-shared-pod");
  if (spoilt) return spoil(spoilt, pod, cluster);
  for (const each of wanted) await (isCalling ? callBack : publish)(pod, each, outside);
  cluster.ended(pod, 0);
}

const poisonOf = ({ data, row }: Wanted): Poison | undefined =>
  data.poison?.stage === row.stage ? data.poison.how : undefined;

/** A token that the pod works on. */
interface Wanted {
  readonly attempt: AgentAttempt;
  readonly row: JobRecord;
  readonly data: Data;
}

async function begin(pod: PodModel, own: AgentAttempt, outside: Outside): Promise<Wanted | undefined> {
  const { job, attempt } = own;
  const answer = await tell(pod, own, "run", { pod: pod.uid }, `run-${attempt}-${pod.uid}`, outside);
  const { row } = outside.truth.job(job);
  if (!isWanted(answer) || !row) return undefined;
  outside.truth.job(job).runs += 1;
  return { attempt: own, row, data: dataOf(row, outside) };
}

async function publish(pod: PodModel, { attempt: own, row, data }: Wanted, outside: Outside): Promise<void> {
  const { world, services, truth } = outside;
  const { prng } = world;
  const { process, uid } = pod;
  const { job, attempt } = own;
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
  await tell(pod, own, "finish", undefined, `finish-${attempt}`, outside);
}

/** What a program that reports its own end says of one token, and goes on with the next. */
const TOLD: ReadonlySet<Poison> = new Set(["throw", "reject", "output", "input"]);

async function callBack(pod: PodModel, wanted: Wanted, outside: Outside): Promise<void> {
  const { row, data } = wanted;
  const { attempt, callback } = wanted.attempt;
  const { prng, probes } = outside.world;
  const own = { ...wanted.attempt, key: callback?.key ?? "" };
  const say = (event: string, said: unknown): Promise<ApiAnswer | undefined> =>
    tell(pod, own, event, said, prng.hex(16), outside);
  const how = poisonOf(wanted);
  if (how === "throw" || how === "reject") return void (await say("fail", "poison"));
  if (how !== undefined) return void (await say("finish", NOWHERE));
  const content = prng.hex(24);
  const name = `${prng.hex(8)}.txt`;
  const path = `out/${PIPELINE.id}/${row.stage}/${row.token}/${attempt}`;
  outside.services.bucket.put(`${path}/${name}`, Buffer.from(content));
  await sleep(pod.process.clock, prng.below(2 * SECOND));
  const answer = await say("finish", { outputs: saidOutputs(data, content, name, outside.world) });
  probes.reachIf(isWanted(answer), "finished-by-callback");
}

const tell = (
  { process }: PodModel,
  { job, key }: AgentAttempt,
  event: string,
  data: unknown,
  eventId: string,
  outside: Outside,
): Promise<ApiAnswer | undefined> => within(process, report(job, key, { event, data, eventId }, outside));

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
