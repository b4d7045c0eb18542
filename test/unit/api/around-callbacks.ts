import { randomBytes, randomUUID } from "node:crypto";
import { CALLBACK_ROUTES, type CallbackDependencies } from "../../../lib/api/callback-routes.ts";
import { issueKey } from "../../../lib/api/job-keys.ts";
import { type GatewayResult, respond } from "../../../lib/api/respond.ts";
import type { StateChanged } from "../../../lib/job/announce.ts";
import { readKeyRing } from "../../../lib/job/callback-key.ts";
import { begin } from "../../../lib/job/decide.ts";
import { type LastingJob, NEW_JOB, NO_EDGE } from "../../../lib/job/lasting.ts";
import { jsonLog } from "../../../lib/log.ts";
import { makePlan } from "../../../lib/plan/plan.ts";
import { externalOutputs } from "../../../lib/stage/external.ts";
import { rulesOf } from "../../../lib/stage/lasting.ts";
import { type Envelope, encodeEnvelope } from "../../../lib/token/envelope.ts";
import { jobId } from "../../../lib/token/ids.ts";
import { turns } from "../../../lib/turns.ts";
import { NEW_YEAR, VirtualClock } from "../../virtual-clock.ts";
import { loaded } from "../definition/loading.ts";
import { memoryLastingStore } from "../job/memory-lasting-store.ts";
import { memoryStore } from "../stage/trying.ts";

/** The callback function with all that is around it in memory. Nothing happens by chance, and time stands still. */

export const PLAN = makePlan([
  loaded(`
    id: lab
    inputs: { samples: { to: measure, maxAttempts: 2 } }
    stages:
      measure: { external: true, timeout: 10h, statuses: { Handed-In: finish } }
      note: { command: [note] }
      keep: { command: [keep] }
    edges:
      - { from: measure, to: note }
      - { from: measure, to: keep }`),
]);

const TOKEN = "3ca20f7b-9b2d-5f6c-ba76-6c2c6eb1565c";
const SECRETS = { current: "k2", k1: "a1".repeat(32), k2: "b2".repeat(32) };
export const RING = readKeyRing(JSON.stringify(SECRETS));
export const OTHER_RING = readKeyRing(JSON.stringify({ current: "k2", k2: "c3".repeat(32) }));

export interface Call {
  readonly path?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export function callbacks() {
  const clock = new VirtualClock();
  const jobs = memoryLastingStore();
  const bucket = new Map<string, Buffer>();
  const logged: string[] = [];
  const announced: StateChanged[] = [];
  const sent: { queue: string; envelope: Envelope }[] = [];
  const ended: string[] = [];
  const woken: [string, number][] = [];
  /** Services that fail from here on. */
  const broken = new Set<"send" | "acknowledge">();
  const log = jsonLog({ function: "callback" }, (line) => logged.push(line));
  const dependencies: CallbackDependencies = {
    plan: PLAN,
    clock,
    jobs,
    ring: RING,
    objects: memoryStore(bucket),
    sender: {
      send: async (queue, body) => {
        if (broken.has("send")) throw new Error("the queue is not there");
        sent.push({ queue, envelope: JSON.parse(body) as Envelope });
      },
    },
    claims: { release: async (_queue, handle, seconds) => void woken.push([handle, seconds]) },
    acknowledge: async ({ handle }) => {
      if (broken.has("acknowledge")) throw new Error("the queue is not there");
      ended.push(handle);
    },
    announce: async (change) => void announced.push(change),
    outputsOf: externalOutputs({
      async *list(prefix) {
        for (const [key, bytes] of [...bucket].sort(([a], [b]) => (a < b ? -1 : 1)))
          if (key.startsWith(prefix)) yield { key, size: bytes.length, etag: '"e"', modified: "" };
      },
    }),
    uploadUrl: async (key) => `http://127.0.0.1/${key}`,
    urls: {
      read: async ({ key }) => `http://127.0.0.1/${key}`,
      store: async (key) => ({ url: `http://127.0.0.1/${key}`, headers: {} }),
    },
    inTurn: turns(),
    random: () => 0,
    hasTime: () => true,
    log,
  };
  const send = async ({ path = "/v1/callbacks", ...call }: Call): Promise<GatewayResult> => {
    const [, job, last] = /^\/v1\/jobs\/([^/]+)\/([\w/]+)$/.exec(path) ?? [];
    const route = CALLBACK_ROUTES.find(
      (each) => each.path === path || (last !== undefined && each.path === `/v1/jobs/{job}/${last}`),
    );
    if (!route) throw new Error(`there is no ${path}`);
    return respond(
      route,
      {
        ...(job !== undefined && { pathParameters: { job } }),
        queryStringParameters: call.query ?? {},
        headers: call.headers ?? {},
        body: call.body ?? "",
      },
      dependencies,
      log,
    );
  };
  /** A job that an outsider made, with its key. */
  const outsiders = async (withNonce = false, stage = "") => {
    const id = randomUUID();
    const bare: LastingJob = {
      ...NEW_JOB,
      id,
      pipeline: "lab",
      stage,
      edge: NO_EDGE,
      token: id,
      run: id,
      path: `/products/v2${"/00112233445566778899aabbccddeeff".repeat(3)}/amber-otter-20260101T000000Z`,
      history: [{ event: "create", at: "2026-01-01T00:00:00.000Z" }],
    };
    const { key, nonce = "", record } = issueKey(bare, { ring: RING, randomBytes, now: NEW_YEAR }, withNonce);
    await jobs.create({ ...bare, key: record });
    return { id, key, nonce };
  };
  /** A job that a token waits for, with its key. */
  const tokens = async () => {
    const id = jobId("lab", "measure", TOKEN);
    const envelope: Envelope = {
      v: 1,
      id: TOKEN,
      pipeline: "lab",
      flowVersion: PLAN.pipelines[0]!.version,
      edge: "_measure",
      run: TOKEN,
      hops: 0,
      payload: { data: { sample: 7 }, objects: [] },
      traceparent: "00-3ca20f7b9b2d5f6cba766c2c6eb1565c-19af712a68692da8-01",
      enqueuedAt: NEW_YEAR,
    };
    const bare: LastingJob = {
      ...NEW_JOB,
      id,
      pipeline: "lab",
      stage: "measure",
      edge: "_measure",
      token: TOKEN,
      run: TOKEN,
      path: "",
      key: { kid: "k2", exp: 0, nonce: "", scope: "work" },
      receipt: { queue: "millrace_lab__measure", handle: "handle-1" },
      body: encodeEnvelope(envelope),
      history: [{ event: "create", at: "2026-01-01T00:00:00.000Z" }],
    };
    const row = { ...bare, ...begin(bare, 1, rulesOf(bare, PLAN), NEW_YEAR) };
    const { key, record } = issueKey(row, { ring: RING, randomBytes, now: NEW_YEAR });
    await jobs.create({ ...row, key: record });
    return { id, key };
  };
  const report = async (
    job: string,
    key: string,
    body: unknown,
  ): Promise<{ status: number; body: unknown }> => {
    const { statusCode, body: text } = await send({
      path: `/v1/jobs/${job}/events`,
      headers: { authorization: `Bearer ${key}` },
      body: JSON.stringify(body),
    });
    return { status: statusCode, body: JSON.parse(text) as unknown };
  };
  const row = (id: string): LastingJob => {
    const found = jobs.rows.get(id);
    if (!found) throw new Error(`there is no row ${id}`);
    return found;
  };
  /** Another key, for the attempt that is the current one. */
  const renewed = async (id: string) => {
    const { key, record } = issueKey(row(id), { ring: RING, randomBytes, now: clock.now() });
    await jobs.write(row(id), { set: { key: record }, entries: [] });
    return key;
  };
  return {
    clock,
    jobs,
    bucket,
    logged,
    announced,
    sent,
    ended,
    woken,
    broken,
    dependencies,
    send,
    outsiders,
    tokens,
    report,
    row,
    renewed,
  };
}
