import { PutMessage } from "../../../lib/intake/intake.ts";
import { encodeEnvelope } from "../../../lib/token/envelope.ts";
import { BUCKET } from "../services/bucket-client.ts";
import type { Services } from "../services/services.ts";
import type { Promises } from "../witness/promises.ts";
import type { ApiCall } from "../world/functions.ts";
import type { World } from "../world/world.ts";
import { PIPELINE } from "./pipeline.ts";
import { newData } from "./poison.ts";

export interface ApiAnswer {
  /** 502 when the function died. */
  readonly status: number;
  readonly body: unknown;
}

/** The API as the world outside sees it. */
export type CallApi = (call: ApiCall) => Promise<ApiAnswer>;

const MINUTE = 60_000;
/** Everything arrives in so much time. */
const ARRIVALS_MS = 15 * MINUTE;
/** Larger than an envelope: the intake stores it. */
const LARGE_PUT = 6000;

/** Uploads, puts and messages that are none: what a seed's pipeline is given to work on. */
export function sendTraffic(
  world: World,
  services: Services,
  callApi: CallApi,
  promises: Promises,
  poisonRate: number,
): void {
  const { prng } = world;
  const soon = (task: () => void): void => {
    world.timeline.after(prng.below(ARRIVALS_MS), task);
  };
  const uploads = prng.chance(0.2) ? 2 : 1;
  for (let index = 0; index < uploads; index += 1)
    soon(() => upload(`incoming/${index}.txt`, world, services));
  if (prng.chance(0.2)) soon(() => upload("incoming/0.txt", world, services));
  if (prng.chance(0.2)) soon(() => upload("incoming/folder/", world, services));
  if (prng.chance(0.2)) soon(() => upload("elsewhere/0.txt", world, services));
  const puts = prng.pick([0, 1, 1, 2]);
  for (let index = 0; index < puts; index += 1) {
    const input = prng.pick(["orders", "extras"]);
    const body = {
      input,
      tokens: Array.from({ length: prng.chance(0.3) ? 2 : 1 }, (_, place) => ({
        data: newData(prng, poisonRate, prng.chance(0.2) ? LARGE_PUT : 0),
        ...(prng.chance(0.6) && { key: `order-${index}-${place}` }),
      })),
    };
    soon(() => void put(body, 4, world, callApi, promises));
  }
  if (prng.chance(0.4)) soon(() => stray(world, services, promises));
}

/** S3 stores the object and EventBridge tells of it: at least once, and some time later. */
function upload(key: string, { prng, faults, timeline }: World, { bucket, queues }: Services): void {
  const { bytes, etag, versionId } = bucket.put(key, Buffer.from(key.endsWith("/") ? "" : prng.hex(40)));
  const event = JSON.stringify({
    source: "aws.s3",
    "detail-type": "Object Created",
    detail: {
      bucket: { name: BUCKET },
      object: {
        key,
        size: bytes.byteLength,
        etag: etag.replaceAll('"', ""),
        ...(versionId !== undefined && { "version-id": versionId }),
        sequencer: timeline.now().toString(16).toUpperCase(),
      },
    },
  });
  const deliver = (delayMs: number): void => {
    timeline.after(delayMs, () => queues.send(PIPELINE.intake.name, event));
  };
  deliver(faults.strikes("event-delayed") ? prng.below(30 * MINUTE) : prng.below(2000));
  if (faults.strikes("event-duplicated")) deliver(prng.below(60 * MINUTE));
}

/** A caller repeats a put that was not answered, if it gave its tokens keys: then repeating is harmless. */
async function put(
  body: { tokens: readonly { key?: string }[] },
  tries: number,
  world: World,
  callApi: CallApi,
  promises: Promises,
): Promise<void> {
  const call: ApiCall = {
    method: "POST",
    path: "/v1/pipelines/{pipeline}/tokens",
    params: { pipeline: PIPELINE.id },
    body,
  };
  const response = await callApi(call);
  if (response.status === 202) {
    for (const token of (response.body as { tokens: string[] }).tokens) promises.accepted(token);
  } else if (tries > 1 && body.tokens.every(({ key }) => key !== undefined)) {
    world.timeline.after(world.prng.below(MINUTE), () => void put(body, tries - 1, world, callApi, promises));
  }
}

/** Somebody puts something into a queue by hand. */
function stray({ prng, timeline }: World, { queues }: Services, promises: Promises): void {
  const edge = prng.pick(PIPELINE.edges);
  const wrongPut: PutMessage = { v: 1, kind: "put", token: prng.uuid(), input: "nowhere" };
  const token = prng.uuid();
  const wrongEdge = encodeEnvelope({
    v: 1,
    id: token,
    pipeline: PIPELINE.id,
    flowVersion: PIPELINE.version,
    edge: "nowhere_at-all",
    run: token,
    hops: 0,
    payload: { objects: [] },
    traceparent: "",
    enqueuedAt: timeline.now(),
  });
  const [queue, body] = prng.pick([
    [PIPELINE.intake.name, "not even JSON"],
    [PIPELINE.intake.name, JSON.stringify(PutMessage.parse(wrongPut))],
    [edge.queue.name, '{"v":2}'],
    [edge.queue.name, wrongEdge],
  ] as const);
  const { id } = queues.send(queue, body);
  promises.stray(queue, id, body);
}
