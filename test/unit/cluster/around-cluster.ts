import { manifestKey } from "../../../lib/agent/manifest-file.ts";
import { clearUp } from "../../../lib/cluster/clear-up.ts";
import { type ImageDependencies, imageDispatching } from "../../../lib/cluster/image-attempts.ts";
import { attemptOutputs, hasManifest } from "../../../lib/cluster/image-outputs.ts";
import type { Slots } from "../../../lib/cluster/slots.ts";
import { sweep } from "../../../lib/cluster/sweep.ts";
import { readKeyRing } from "../../../lib/job/callback-key.ts";
import type { JobCall } from "../../../lib/job/decide.ts";
import type { LastingJob } from "../../../lib/job/lasting.ts";
import { makePlan } from "../../../lib/plan/plan.ts";
import { dispatchBatch } from "../../../lib/stage/dispatch.ts";
import { StageFailure } from "../../../lib/stage/failure.ts";
import { happen, type Outcome } from "../../../lib/stage/lasting.ts";
import { type Envelope, encodeEnvelope, type PayloadRef } from "../../../lib/token/envelope.ts";
import { jobId } from "../../../lib/token/ids.ts";
import { VirtualClock } from "../../virtual-clock.ts";
import { loaded } from "../definition/loading.ts";
import { memoryLastingStore } from "../job/memory-lasting-store.ts";
import { memoryStore } from "../stage/trying.ts";
import { fakeCluster } from "./fake-cluster.ts";
import { SETTINGS } from "./stages.ts";

/**
 * A heavy stage with all that is around it in memory: its queue, with claims that end at twelve hours; the table, the
 * bucket, a cluster. Invocations may die at any call of theirs.
 */

const RING = readKeyRing(JSON.stringify({ current: "k1", k1: "a1".repeat(32) }));
const VISIBILITY_MS = 180_000;
const LONGEST_CLAIM_MS = 12 * 3_600_000;

interface Message {
  readonly id: string;
  readonly body: string;
  receives: number;
  handle: string;
  receivedAt: number;
  visibleAt: number;
}

/** Where an invocation dies: at its call of that number, before it is made or after. */
export interface Death {
  readonly call: number;
  readonly after: boolean;
}

export class Died extends Error {}

export function aroundCluster({
  concurrency = 20,
  timeout = "1h",
  maxAttempts = 2,
  batch = 1,
  finishedBy = "exit",
} = {}) {
  const plan = makePlan([
    loaded(`
      id: scans
      inputs: { pages: { to: ocr, maxAttempts: ${maxAttempts} } }
      stages:
        ocr: { image: "ocr:1", timeout: ${timeout}, concurrency: ${concurrency}, batch: ${batch}, finishedBy: ${finishedBy} }
        bind: { command: [bind] }
      edges: [{ from: ocr, to: bind }]`),
  ]);
  const [pipeline] = plan.pipelines;
  const stage = pipeline?.stages[0];
  const edge = pipeline?.edges[0];
  if (!pipeline || !stage || !edge) throw new Error("the plan has no stage");
  const clock = new VirtualClock();
  const around = fakeCluster(clock);
  const jobs = memoryLastingStore();
  const bucket = new Map<string, Buffer>();
  const messages: Message[] = [];
  const sent: Envelope[] = [];
  const held = new Map<string, Set<string>>();
  const pool = (name: string): Set<string> => {
    const set = held.get(name) ?? new Set();
    held.set(name, set);
    return set;
  };
  const slots: Slots = {
    take: async ({ name, size }, job) => {
      if (!pool(name).has(job) && pool(name).size >= size) return false;
      pool(name).add(job);
      return true;
    },
    free: async ({ name }, job) => void pool(name).delete(job),
    held: async ({ name }) => [...pool(name)],
  };
  const archive = {
    async *list(prefix: string) {
      for (const [key, bytes] of bucket)
        if (key.startsWith(prefix)) yield { key, size: bytes.length, etag: '"e"', modified: "" };
    },
  };

  let seed = 1;
  /** Of Lehmer's: spreads what would otherwise always happen together. */
  const random = (): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const calls: Record<string, number> = {};
  let number = 0;
  let death: Death | undefined;
  let isDead = false;
  const call = async <T>(name: string, make: () => Promise<T>): Promise<T> => {
    if (isDead) throw new Died("dead");
    number += 1;
    calls[name] = (calls[name] ?? 0) + 1;
    const dies = death?.call === number;
    if (dies && !death?.after) isDead = true;
    if (isDead) throw new Died("died");
    const answer = await make();
    if (dies) isDead = true;
    if (isDead) throw new Died("died");
    return answer;
  };
  /** Every method of a service, as calls that an invocation may die at. */
  const watched = <Service extends object>(name: string, service: Service): Service =>
    new Proxy(service, {
      get: (target, method) => {
        const own = Reflect.get(target, method) as unknown;
        if (typeof own !== "function" || method === "jobs") return own;
        return (...args: unknown[]) => call(`${name}.${String(method)}`, () => own.apply(target, args));
      },
    });

  const claims = {
    release: async (_queue: string, handle: string, seconds: number) => {
      const message = messages.find((each) => each.handle === handle);
      if (!message) throw new Error("the handle is no longer good");
      if (clock.now() + seconds * 1000 - message.receivedAt > LONGEST_CLAIM_MS)
        throw new Error("a claim lasts twelve hours at most");
      message.visibleAt = clock.now() + seconds * 1000;
    },
  };
  const end = (handle: string): void => {
    const index = messages.findIndex((each) => each.handle === handle);
    if (index >= 0) messages.splice(index, 1);
  };
  const inMemory = memoryStore(bucket);
  const store: typeof inMemory = {
    ...inMemory,
    read: async (object) => {
      if (bucket.has(object.key)) return inMemory.read(object);
      throw new StageFailure("object-missing", `there is no ${object.key}`);
    },
  };
  const inCluster = {
    plan,
    cluster: watched("cluster", around.cluster),
    slots: watched("slots", slots),
    settings: SETTINGS,
    ring: RING,
    clusterJobs: 500,
    hasManifest: hasManifest(archive),
  };
  /** What a callback has: no way to the cluster. */
  const callback = {
    plan,
    clock,
    jobs: watched("jobs", jobs),
    objects: store,
    sender: watched("queue", {
      send: async (_queue: string, body: string) => void sent.push(JSON.parse(body) as Envelope),
    }),
    claims: watched("queue", claims),
    acknowledge: ({ handle }: { handle: string }) => call("queue.delete", async () => end(handle)),
    announce: async () => {},
    outputsOf: attemptOutputs(archive, store),
    random,
    hasTime: () => true,
    log: () => {},
  };
  const dependencies: ImageDependencies = {
    ...callback,
    ...inCluster,
    clearUp: clearUp({ ...inCluster, jobs: callback.jobs }),
  };

  /** An invocation; it may die. */
  const invoke = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    try {
      const answer = await work();
      return isDead ? undefined : answer;
    } catch (error) {
      if (!isDead) throw error;
      return undefined;
    } finally {
      if (isDead) death = undefined;
      isDead = false;
    }
  };
  /** What the queue feeds the function with, and what it answers. */
  const deliver = async (): Promise<void> => {
    const visible = messages.filter(({ visibleAt }) => visibleAt <= clock.now()).slice(0, 10);
    for (const message of visible) {
      message.receives += 1;
      message.handle = `${message.id}#${message.receives}`;
      message.receivedAt = clock.now();
      message.visibleAt = clock.now() + VISIBILITY_MS;
    }
    const deliveries = visible.map(({ id, handle, body, receives }) => ({
      messageId: id,
      receiptHandle: handle,
      body,
      receiveCount: receives,
      queue: edge.queue.name,
      fromDead: false,
    }));
    const failed = await invoke(() =>
      dispatchBatch(
        deliveries,
        { pipeline, stage },
        {
          ...dependencies,
          strays: undefined as never,
          dispatchings: { image: imageDispatching(dependencies) },
          kid: "k1",
          newNonce: () => "ab".repeat(16),
        },
      ),
    );
    if (failed) for (const { id, handle } of visible) if (!failed.includes(id)) end(handle);
  };

  return {
    clock,
    plan,
    jobs,
    bucket,
    messages,
    sent,
    held,
    calls,
    around,
    /** Calls so far. */
    number: () => number,
    /** An invocation from here on dies. */
    dieAt: (at: Death | undefined) => {
      death = at && { ...at, call: number + at.call };
    },
    put: (count: number, payload?: PayloadRef): string[] =>
      Array.from({ length: count }, (_, index) => {
        const id = `3ca20f7b-9b2d-5f6c-ba76-${String(index).padStart(12, "0")}`;
        const envelope: Envelope = {
          v: 1,
          id,
          pipeline: "scans",
          flowVersion: "1",
          edge: edge.id,
          run: id,
          hops: 0,
          payload: payload ?? { data: { page: index }, objects: [] },
          traceparent: "00",
          enqueuedAt: clock.now(),
        };
        const message = {
          id: `m${index}`,
          body: encodeEnvelope(envelope),
          receives: 0,
          handle: "",
          receivedAt: 0,
        };
        messages.push({ ...message, visibleAt: clock.now() });
        return jobId("scans", "ocr", id);
      }),
    deliver,
    /** Delivers until nothing is visible. */
    deliverAll: async () => {
      while (messages.some(({ visibleAt }) => visibleAt <= clock.now())) await deliver();
    },
    sweep: () => invoke(() => sweep(dependencies)),
    report: (row: LastingJob, said: JobCall): Promise<Outcome | undefined> =>
      invoke(() => happen(row, said, callback)),
    /** What a pod leaves: the manifest of the row's attempt. */
    leave: ({ id, begun, path }: LastingJob, data: object = { attempt: begun }, attempt = begun): void => {
      const at = attempt === begun ? path : path.replace(/\/\d+$/, `/${attempt}`);
      const manifest = { v: 1, job: id, attempt, pod: "pod-uid", outputs: [{ data, objects: [] }] };
      bucket.set(manifestKey(at), Buffer.from(JSON.stringify(manifest)));
    },
    row: (id: string): LastingJob => {
      const row = jobs.rows.get(id);
      if (!row) throw new Error(`there is no row of ${id}`);
      return row;
    },
    events: (id: string): string[] =>
      (jobs.rows.get(id)?.history ?? []).map(({ event, attempt }) =>
        attempt === undefined ? event : `${event} ${attempt}`,
      ),
  };
}
