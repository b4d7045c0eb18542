import fc from "fast-check";
import { expect, test } from "vitest";
import { StageFailure } from "../../../lib/stage/failure.ts";
import { decodeEnvelope, type Envelope, encodeEnvelope, isSpilled } from "../../../lib/token/envelope.ts";
import { anyText } from "../any-text.ts";

const ENVELOPE: Envelope = {
  v: 1,
  id: "ea6ea268-4266-5e19-b082-fa338adbf11d",
  pipeline: "scans",
  flowVersion: "6b5f51e50a69",
  edge: "ocr_publish",
  parent: "b366ef81-43db-51dc-b35d-70e5629bea9a",
  run: "3ca20f7b-9b2d-5f6c-ba76-6c2c6eb1565c",
  hops: 2,
  payload: {
    data: { page: 1, words: ["one", null, true] },
    objects: [{ key: "out/scans/é 😀.txt", size: 12, etag: '"abc"', versionId: "3", sha256: "0".repeat(64) }],
  },
  traceparent: "00-3ca20f7b9b2d5f6cba766c2c6eb1565c-19af712a68692da8-01",
  enqueuedAt: 1_767_225_600_000,
};

/** The failure with which a body is refused. */
function refusal(body: string): StageFailure {
  try {
    decodeEnvelope(body);
  } catch (error) {
    if (error instanceof StageFailure) return error;
    throw error;
  }
  throw new Error("the body was read");
}

const changed = (change: object): string => JSON.stringify({ ...ENVELOPE, ...change });

test("an envelope comes out as it went in", () => {
  expect(decodeEnvelope(encodeEnvelope(ENVELOPE))).toEqual(ENVELOPE);
  const sentAgain: Envelope = { ...ENVELOPE, resend: true };
  expect(decodeEnvelope(encodeEnvelope(sentAgain))).toEqual(sentAgain);
});

test("so does one whose payload lies in the bucket", () => {
  const payload = { key: "out/p.json", size: 9000, etag: '"e"', sha256: "f".repeat(64) };
  const spilled: Envelope = { ...ENVELOPE, payload };
  expect(decodeEnvelope(encodeEnvelope(spilled))).toEqual(spilled);
  expect([isSpilled(payload), isSpilled(ENVELOPE.payload)]).toEqual([true, false]);
});

test("any data that is JSON survives", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), (data) => {
      const envelope: Envelope = {
        ...ENVELOPE,
        payload: { data: JSON.parse(JSON.stringify(data)), objects: [] },
      };
      expect(decodeEnvelope(encodeEnvelope(envelope))).toEqual(envelope);
    }),
    { numRuns: 300 },
  );
});

test.for([
  ["nothing", "", "the message is not JSON"],
  ["a text", "hello", "the message is not JSON"],
  ["half an envelope", JSON.stringify(ENVELOPE).slice(0, -1), "the message is not JSON"],
  ["JSON that is none", "[]", "the message is not a token of version 1"],
  ["null", "null", "the message is not a token of version 1"],
  [
    "S3's test event",
    '{"Service":"Amazon S3","Event":"s3:TestEvent"}',
    "the message is not a token of version 1",
  ],
  ["another version", changed({ v: 2 }), "the message is not a token of version 1: unknown version 2"],
  [
    "a version that is a text",
    changed({ v: "1" }),
    'the message is not a token of version 1: unknown version "1"',
  ],
  ["an extra key", changed({ priority: 1 }), 'Unrecognized key: "priority"'],
  ["an extra key in the payload", changed({ payload: { objects: [], to: "x" } }), "payload"],
  ["both forms of payload", changed({ payload: { data: 1, objects: [], key: "k" } }), "payload"],
  [
    "a prototype",
    JSON.stringify(ENVELOPE).replace("{", '{"__proto__":{"v":1},'),
    "the message is not a token",
  ],
  ["an id that is none", changed({ id: "token-1" }), "id"],
  ["hops before the first", changed({ hops: -1 }), "hops"],
  ["no payload", changed({ payload: undefined }), "payload"],
  ["a resend that is false", changed({ resend: false }), "resend"],
  [
    "an object without a key",
    changed({ payload: { objects: [{ key: "", size: 1, etag: "e" }] } }),
    "payload",
  ],
  [
    "data nested 201 levels deep",
    changed({}).replace('{"page":1', `{"deep":${"[".repeat(201)}${"]".repeat(201)},"page":1`),
    "nested deeper than 200 levels",
  ],
  ["half of a character", changed({}).replace('"one"', '"\\ud800"'), "unpaired surrogate"],
] as const)("%s is malformed", ([, body, message]) => {
  const failure = refusal(body);
  expect(failure.reason).toBe("malformed");
  expect(failure.message).toContain(message);
});

test("a foreign message is quoted, but not at length", () => {
  expect(refusal("x".repeat(100_000)).message.length).toBeLessThan(600);
  expect(refusal(changed({ v: "x".repeat(100_000) })).message.length).toBeLessThan(600);
});

test("no body makes it throw anything else", () => {
  const body = fc.oneof(
    anyText,
    fc.json(),
    fc.jsonValue().map((payload) => changed({ payload })),
    fc.dictionary(fc.constantFrom(...Object.keys(ENVELOPE)), fc.jsonValue()).map(changed),
  );
  fc.assert(
    fc.property(body, (text) => {
      try {
        decodeEnvelope(text);
      } catch (error) {
        expect(error).toMatchObject({ name: "StageFailure", reason: "malformed" });
      }
    }),
    { numRuns: 300 },
  );
});

test("with an inline payload of 4 KB and the longest names there are, an envelope stays below 6 KB", () => {
  const name = "n".repeat(63);
  const payload = { data: "", objects: [] };
  payload.data = "x".repeat(4096 - JSON.stringify(payload).length);
  expect(JSON.stringify(payload)).toHaveLength(4096);
  const body = encodeEnvelope({
    ...ENVELOPE,
    pipeline: name,
    edge: `${name}_${name}`,
    payload,
    resend: true,
  });
  expect(Buffer.byteLength(body)).toBeLessThan(6 * 1024);
});
