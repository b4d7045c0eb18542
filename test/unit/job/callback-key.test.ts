import fc from "fast-check";
import { expect, test } from "vitest";
import {
  allows,
  derivedKey,
  isForged,
  kidNow,
  readKey,
  readKeyRing,
  SCOPES,
} from "../../../lib/job/callback-key.ts";
import { eventOfStatus, STATUS_MAPS } from "../../../lib/job/statuses.ts";

const RING = readKeyRing(JSON.stringify({ current: "k2", k1: "a1".repeat(32), k2: "b2".repeat(32) }));
const CLAIMS = {
  kid: "k2",
  pipeline: "scans",
  job: "b366ef81-43db-51dc-b35d-70e5629bea9a",
  attempt: 3,
  exp: 1_767_484_800,
  scope: "work",
  nonce: "0123456789abcdef0123456789abcdef",
} as const;
const NOW = CLAIMS.exp * 1000 - 1;

test("the form of a key is durable: this one was made by the first version", () => {
  const key =
    "mk1.k2.scans.b366ef81-43db-51dc-b35d-70e5629bea9a.3.1767484800.work.0123456789abcdef0123456789abcdef.nLHtAoQS5xChDGU2EMecdUe_Asn9mTanMq9kuhPiZog";
  expect(derivedKey(CLAIMS, RING)).toBe(key);
  expect(readKey(key)).toMatchObject(CLAIMS);
  expect(isForged(key, CLAIMS, RING, NOW)).toBe(false);
});

test("a key of a secret before the current one is good as long as the ring has it", () => {
  const claims = { ...CLAIMS, kid: "k1" };
  const key = derivedKey(claims, RING);
  expect(isForged(key, claims, RING, NOW)).toBe(false);
  const rotated = readKeyRing(JSON.stringify({ current: "k2", k2: "b2".repeat(32) }));
  expect(isForged(key, claims, rotated, NOW)).toBe(true);
  expect(() => derivedKey(claims, rotated)).toThrow('there is no secret "k1"');
});

test("every change of a character makes a key that is none", () => {
  const key = derivedKey(CLAIMS, RING);
  // The last character of the proof holds four bits of it and two that mean nothing: the text decides, not what it decodes to.
  fc.assert(
    fc.property(fc.nat(key.length - 1), fc.integer({ min: 33, max: 126 }), (place, code) => {
      const changed = key.slice(0, place) + String.fromCharCode(code) + key.slice(place + 1);
      const claims = readKey(changed);
      expect(changed === key || !claims || isForged(changed, claims, RING, NOW)).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test.for([
  "no JSON",
  "{}",
  '{"current":"k1"}',
  '{"current":"k1","k1":"abcd"}',
  `{"current":"0","0":"${"ab".repeat(32)}"}`,
])("%s is no ring, and the error does not quote it", (text) => {
  expect(() => readKeyRing(text)).toThrow(
    /^the secrets of callback keys are not \{ "current": ID, ID: 64 or more hexadecimal digits, … \}$/,
  );
});

test("what a scope allows", () => {
  expect(SCOPES.work).toEqual(["run", "update", "resource", "finish", "fail"]);
  expect(["create", "reset", "ready"].map((event) => allows("life", event as "create"))).toEqual([
    false,
    false,
    false,
  ]);
  expect(allows("life", "finalize")).toBe(true);
  expect(allows("work", "finalize")).toBe(false);
});

test("Agave's words, with two mended: KILLED fails, UPDATED updates", () => {
  const events = Object.entries(STATUS_MAPS.agave);
  const wordsOf = (event: string) => events.filter(([, each]) => each === event).map(([word]) => word);
  expect(wordsOf("run")).toEqual(["RUNNING"]);
  expect(wordsOf("finish")).toEqual(["FINISHED"]);
  expect(wordsOf("fail").sort()).toEqual(["ARCHIVING_FAILED", "DELETED", "FAILED", "KILLED", "STOPPED"]);
  expect(wordsOf("update").sort()).toEqual(["HEARTBEAT", "UPDATED"]);
  expect(wordsOf("resource")).toHaveLength(14);
});

test("the maps agree wherever they know the same word; what nobody knows is an update, and a definition's own words go first", () => {
  const words = Object.values(STATUS_MAPS).flatMap((map) => Object.entries(map));
  for (const [word, event] of words) expect(eventOfStatus(word), word).toBe(event);
  expect(["Succeeded", "Complete", "SUCCEEDED", "succeeded"].map((word) => eventOfStatus(word))).toEqual([
    "finish",
    "finish",
    "finish",
    "finish",
  ]);
  expect(eventOfStatus("__proto__")).toBe("update");
  expect(eventOfStatus("Running", { RUNNING: "resource" })).toBe("resource");
});

test("an attempt that begins after its job's secret was taken away has a key all the same", () => {
  expect([kidNow("k1", RING), kidNow("k2", RING), kidNow("k0", RING)]).toEqual(["k1", "k2", "k2"]);
});
