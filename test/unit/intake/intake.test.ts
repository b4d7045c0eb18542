import { expect, test } from "vitest";
import { takeInBatch } from "../../../lib/intake/intake.ts";
import type { Arrival, FailedJob, JobIdentity, JobStore } from "../../../lib/job/record.ts";
import { decodeEnvelope, type Envelope } from "../../../lib/token/envelope.ts";
import { scans } from "../scans.ts";
import { surroundings } from "../stage/trying.ts";

const RUN = "9959a0da-5247-5dfd-aff5-327efc963fc3";
const PUT = { v: 1, kind: "put", token: RUN, input: "replays", data: { page: 1 }, key: "order-7" };

/** EventBridge's event for an object that was created. */
const created = (object: object, bucket = "uploads"): object => ({
  version: "0",
  source: "aws.s3",
  "detail-type": "Object Created",
  detail: { bucket: { name: bucket }, object: { size: 3, etag: "e1", ...object }, reason: "PutObject" },
});

/** Takes in messages, and remembers what came of them. */
async function takeIn(...bodies: (object | string)[]) {
  const around = surroundings();
  const arrivals: Arrival[] = [];
  const parked: { job: JobIdentity; failed: FailedJob }[] = [];
  const sent: Envelope[] = [];
  const jobs = {
    arrive: async (arrival: Arrival) => {
      const isNew = !arrivals.some(({ token }) => token === arrival.token);
      if (isNew) arrivals.push(arrival);
      return isNew;
    },
    park: async (job: JobIdentity, failed: FailedJob) => void parked.push({ job, failed }),
  } as unknown as JobStore;
  const sender = {
    send: async (queue: string, body: string): Promise<void> => {
      expect(queue).toBe("millrace_scans__split");
      sent.push(decodeEnvelope(body));
    },
    flush: () => {},
  };
  const messages = bodies.map((body, index) => ({
    messageId: `m-${index}`,
    body: typeof body === "string" ? body : JSON.stringify(body),
  }));
  const unsettled = await takeInBatch(messages, scans, { ...around, jobs, sender, bucket: "uploads" });
  return { arrivals, parked, sent, unsettled, bucket: around.bucket };
}

test("a put becomes an arrival on record and a token on the queue of its input", async () => {
  const { arrivals, sent, unsettled } = await takeIn(PUT);
  expect(unsettled).toEqual([]);
  expect(arrivals).toEqual([
    {
      v: 1,
      token: RUN,
      pipeline: "scans",
      input: "replays",
      at: "2026-01-01T00:00:00.000Z",
      source: "order-7",
    },
  ]);
  expect(sent).toEqual([
    {
      v: 1,
      id: RUN,
      pipeline: "scans",
      flowVersion: scans.version,
      edge: "_split",
      run: RUN,
      hops: 0,
      payload: { data: { page: 1 }, objects: [] },
      traceparent: expect.stringMatching(/^00-9959a0da52475dfdaff5327efc963fc3-[0-9a-f]{16}-01$/),
      enqueuedAt: 1_767_225_600_000,
    },
  ]);
});

test("what is too large for an envelope lies in the bucket, under a name made of its content", async () => {
  const { sent, bucket } = await takeIn({ ...PUT, data: "x".repeat(5000) });
  expect(sent[0]?.payload).toMatchObject({
    key: "out/scans/_arrivals/9959a0da-5247-5dfd-aff5-327efc963fc3/bb654e82cd603d59573a8ee033c3c5c1c70ad1f2125038122b979d846bd261b4.json",
    size: 5024,
  });
  expect([...bucket.values()].map((bytes) => bytes.length)).toEqual([5024]);
});

test("the same event twice is one arrival, and the token that is sent again says so", async () => {
  const { arrivals, sent } = await takeIn(PUT, PUT);
  expect(arrivals).toHaveLength(1);
  expect(sent.map(({ id, resend }) => [id, resend])).toEqual([
    [RUN, undefined],
    [RUN, true],
  ]);
});

test("an upload below an input's prefix, with its suffix, is a token with that object", async () => {
  const { arrivals, sent } = await takeIn(created({ key: "incoming/a b+c.tgz", "version-id": "v1" }));
  expect(arrivals.map(({ input, source }) => [input, source])).toEqual([
    ["incoming", "s3://uploads/incoming/a b+c.tgz"],
  ]);
  expect(sent[0]?.payload).toEqual({
    objects: [{ key: "incoming/a b+c.tgz", size: 3, etag: '"e1"', versionId: "v1" }],
  });
});

test.for([
  ["incoming/ü 😀.tgz"],
  ["incoming/u\u0308.tgz"],
  ["incoming/100%25+plus?&=#.tgz"],
  ["incoming/line\nbreak.tgz"],
  [`incoming/${"x".repeat(1011)}.tgz`],
])("the key %j goes through as it is", async ([key]) => {
  const { sent } = await takeIn(created({ key }));
  expect(sent[0]?.payload).toMatchObject({ objects: [{ key }] });
});

test("keys that only look alike are different arrivals", async () => {
  const { arrivals } = await takeIn(
    created({ key: "incoming/ü.tgz" }),
    created({ key: "incoming/u\u0308.tgz" }),
  );
  expect(new Set(arrivals.map(({ token }) => token)).size).toBe(2);
});

test("each version of an object is a token, whatever the order in which they are told", async () => {
  const versions = ["v2", "v1", "v2"].map((version) =>
    created({ key: "incoming/a.tgz", "version-id": version }),
  );
  expect((await takeIn(...versions)).arrivals).toHaveLength(2);
});

test("without versions, the content and the sequencer tell overwritten objects apart", async () => {
  const first = created({ key: "incoming/a.tgz", sequencer: "01" });
  const again = created({ key: "incoming/a.tgz", sequencer: "02" });
  const other = created({ key: "incoming/a.tgz", sequencer: "02", etag: "e2" });
  expect((await takeIn(first, again, other, first)).arrivals).toHaveLength(3);
});

test.for([
  ["elsewhere", { key: "outgoing/a.tgz" }],
  ["of another kind", { key: "incoming/a.txt" }],
  ["that stands for a folder", { key: "incoming/x.tgz/", size: 0 }],
] as const)("an object %s is no token, and no error", async ([, object]) => {
  const { arrivals, parked, sent, unsettled } = await takeIn(created(object));
  expect([arrivals, parked, sent, unsettled]).toEqual([[], [], [], []]);
});

test.for([
  ["nonsense", "nonsense", "the message is not JSON"],
  ["JSON of another kind", { hello: 1 }, "the message is neither a put nor the event of a new object"],
  [
    "the event of a deletion",
    { ...created({ key: "incoming/a.tgz" }), "detail-type": "Object Deleted" },
    "neither a put",
  ],
  ["S3's test event", { Service: "Amazon S3", Event: "s3:TestEvent" }, "neither a put"],
  [
    "the event of another bucket",
    created({ key: "incoming/a.tgz" }, "theirs"),
    'lies in the bucket "theirs", not in "uploads"',
  ],
  [
    "a put to an input that is not there",
    { ...PUT, input: "nowhere" },
    'the pipeline has no input "nowhere"',
  ],
  ["a put of a later version", { ...PUT, v: 2 }, "neither a put"],
  ["half of a character", JSON.stringify(PUT).replace("order-7", "\\ud800"), "unpaired surrogate"],
] as const)("%s goes to the error bucket, with what was received", async ([, body, message]) => {
  const { parked, sent, unsettled } = await takeIn(body);
  expect([sent, unsettled]).toEqual([[], []]);
  expect(parked).toHaveLength(1);
  expect(parked[0]?.job).toMatchObject({ pipeline: "scans", stage: "split", edge: "_split" });
  expect(parked[0]?.failed.reason).toBe("malformed");
  expect(parked[0]?.failed.error.message).toContain(message);
  expect(parked[0]?.failed.body).toBe(typeof body === "string" ? body : JSON.stringify(body));
});

test("a message that cannot be put on record is not acknowledged, and its neighbours are", async () => {
  const around = surroundings();
  const jobs = { arrive: () => Promise.reject(new Error("throttled")) } as unknown as JobStore;
  const sender = { send: async (): Promise<void> => {}, flush: () => {} };
  const messages = [
    { messageId: "m-0", body: JSON.stringify(PUT) },
    { messageId: "m-1", body: JSON.stringify(created({ key: "elsewhere" })) },
  ];
  expect(await takeInBatch(messages, scans, { ...around, jobs, sender, bucket: "uploads" })).toEqual(["m-0"]);
  expect(around.said).toContain("error not taken in: throttled");
});
