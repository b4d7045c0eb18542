import fc from "fast-check";
import { expect, test } from "vitest";
import { JOB_EVENTS } from "../../../lib/job/machine.ts";
import { seeds } from "../../seeds.ts";
import { type Call, callbacks } from "./around-callbacks.ts";

const word = fc.oneof(
  fc.constantFrom(
    ...JOB_EVENTS,
    "cancel",
    "delete",
    "__proto__",
    "constructor",
    "toString",
    "RUNNING",
    "KILLED",
    "Handed-In",
  ),
  fc.string({ unit: "binary", maxLength: 20 }),
);
const data = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom({ outputs: [] }, { outputs: [{ objects: ["../x"] }] }, "x".repeat(70_000)),
);
const message = fc.record(
  {
    event: word,
    name: word,
    status: word,
    state: word,
    data,
    uuid: word,
    token: word,
    eventId: word,
    extra: data,
  },
  { requiredKeys: [] },
);
const body = fc.oneof(
  { weight: 4, arbitrary: message.map((value) => JSON.stringify(value)) },
  { weight: 1, arbitrary: fc.json({ maxDepth: 8 }) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 200 }) },
  {
    weight: 1,
    arbitrary: fc
      .nat(300)
      .map((depth) => `{"event":"update","data":${"[".repeat(depth)}${"]".repeat(depth)}}`),
  },
  { weight: 1, arbitrary: fc.constant('{"event":"update","data":{"__proto__":{"isAdmin":true}}}') },
);
/** What is done to a good key before it is shown. */
const shown = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ kind: "good" as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("changed" as const),
      place: fc.nat(150),
      by: fc.integer({ min: 1, max: 90 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc
      .string({ unit: "binary", maxLength: 600 })
      .map((text) => ({ kind: "other" as const, text })),
  },
);
type Shown =
  | { kind: "good" }
  | { kind: "changed"; place: number; by: number }
  | { kind: "other"; text: string };

function keyShown(key: string, how: Shown): string {
  if (how.kind === "good") return key;
  if (how.kind === "other") return how.text;
  const place = how.place % key.length;
  const char = String.fromCharCode(33 + ((key.charCodeAt(place) - 33 + how.by) % 90));
  return key.slice(0, place) + char + key.slice(place + 1);
}

const request = fc.record({
  shown,
  body,
  where: fc.constantFrom("header", "query", "both" as const),
  query: fc.record(
    { event: word, status: word, state: word, eventId: word, "x-nonce": word },
    { requiredKeys: [] },
  ),
  job: fc.oneof({ weight: 6, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: word }),
  isTokens: fc.boolean(),
});
type Request = typeof request extends fc.Arbitrary<infer T> ? T : never;

function callOf({ where, query, body: text, job }: Request, id: string, key: string): Call {
  return {
    ...(where === "header" && { path: `/v1/jobs/${encodeURIComponent(job ?? id) || "-"}/events` }),
    ...(where !== "query" && { headers: { authorization: `Bearer ${key}` } }),
    query: { ...query, ...(where !== "header" && { token: key, uuid: job ?? id }) },
    body: text,
  };
}

test.for(seeds(1))(
  "whatever is sent, only a good key moves a job, and no answer is the service's fault (seed %i)",
  async (seed) => {
    const seen = new Map<number, number>();
    await fc.assert(
      fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 8 }), async (requests) => {
        const around = callbacks();
        const jobs = { true: await around.tokens(), false: await around.outsiders() } as const;
        for (const each of requests) {
          const { id, key } = jobs[`${each.isTokens}`];
          const given = keyShown(key, each.shown as Shown);
          const before = JSON.stringify([...around.jobs.rows]);
          const { statusCode, body: text } = await around.send(callOf(each, id, given));
          seen.set(statusCode, (seen.get(statusCode) ?? 0) + 1);
          expect([200, 400, 403, 409, 413, 422]).toContain(statusCode);
          if (given !== key) expect([403, 413]).toContain(statusCode);
          if (statusCode !== 200) expect(JSON.stringify([...around.jobs.rows])).toBe(before);
          expect(text + around.logged.join("")).not.toContain(key.split(".").at(-1));
          expect(JSON.parse(text)).toBeTypeOf("object");
          expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
        }
        for (const row of around.jobs.rows.values()) {
          expect(row.history.length).toBeLessThanOrEqual(16);
          expect(Boolean(row.committed) && row.reason !== undefined).toBe(false);
        }
      }),
      { seed, numRuns: 300 },
    );
    // It would prove nothing if it had not come this far.
    for (const status of [200, 400, 403, 409, 413, 422])
      expect(seen.get(status) ?? 0, `${status}`).toBeGreaterThan(0);
  },
);
