import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { issueKey } from "../../../lib/api/job-keys.ts";
import { derivedKey, readKey } from "../../../lib/job/callback-key.ts";
import { type Call, callbacks, OTHER_RING, RING } from "./around-callbacks.ts";

/** What happens to whoever shows a key that is not good: always the same, and nothing else. */

const FORBIDDEN = {
  statusCode: 403,
  headers: { "content-type": "application/problem+json", "cache-control": "no-store" },
  body: JSON.stringify({
    type: "about:blank",
    status: 403,
    code: "forbidden",
    detail: "there is no such job, or the key is not good for this",
  }),
};
const HOUR = 3_600_000;
const RUN = '{"event":"run"}';

const bearer = (job: string, key: string, body = RUN): Call => ({
  path: `/v1/jobs/${job}/events`,
  headers: { authorization: `Bearer ${key}` },
  body,
});

/** A key with one of its parts replaced. */
function forged(key: string, part: number, value: string): string {
  const parts = key.split(".");
  parts[part] = value;
  return parts.join(".");
}
const PARTS = { kid: 1, pipeline: 2, job: 3, attempt: 4, exp: 5, scope: 6, nonce: 7, proof: 8 };

const OTHERS_JOB = "0b366ef8-43db-51dc-b35d-70e5629bea9a";
const FORGERIES: [string, (key: string) => string][] = [
  ["no key", () => ""],
  ["a word", () => "open-sesame"],
  ["sixteen digits, as PipelineJobs has them", () => "940a5adc78720505"],
  ["another version", (key) => key.replace("mk1", "mk2")],
  ["a proof that is not", (key) => forged(key, PARTS.proof, randomBytes(32).toString("base64url"))],
  ["a proof cut short", (key) => key.slice(0, -1)],
  ["no proof", (key) => forged(key, PARTS.proof, "")],
  ["another secret's id", (key) => forged(key, PARTS.kid, "k1")],
  ["a secret's id that there is not", (key) => forged(key, PARTS.kid, "k9")],
  [
    "a derived key said to be random, or the reverse",
    (key) => forged(key, PARTS.kid, key.includes(".0.") ? "k2" : "0"),
  ],
  ["a later expiry", (key) => forged(key, PARTS.exp, "99999999999")],
  ["a wider scope", (key) => forged(key, PARTS.scope, key.includes(".life.") ? "work" : "life")],
  ["a scope that is a property of every object", (key) => forged(key, PARTS.scope, "constructor")],
  ["another attempt", (key) => forged(key, PARTS.attempt, "2")],
  ["another nonce", (key) => forged(key, PARTS.nonce, "0".repeat(32))],
  ["another pipeline", (key) => forged(key, PARTS.pipeline, "other")],
  ["another job", (key) => forged(key, PARTS.job, OTHERS_JOB)],
  ["a key of many characters", (key) => key + "A".repeat(600)],
];

for (const kind of ["outsiders", "tokens"] as const) {
  test.for(FORGERIES)(`%s, for a job of ${kind}: 403, and nothing happens`, async ([_, forge]) => {
    const around = callbacks();
    const { id, key } = await around[kind]();
    const before = JSON.stringify(around.row(id));
    expect(await around.send(bearer(id, forge(key)))).toEqual(FORBIDDEN);
    expect(await around.send({ query: { token: forge(key), uuid: id, status: "RUNNING" } })).toEqual(
      FORBIDDEN,
    );
    expect(
      await around.send({ body: JSON.stringify({ uuid: id, token: forge(key), event: "run" }) }),
    ).toEqual(FORBIDDEN);
    expect(JSON.stringify(around.row(id))).toBe(before);
    expect(around.announced).toEqual([]);
  });
}

test("another job's key is no key, wherever the job is named", async () => {
  const around = callbacks();
  const [one, two] = [await around.outsiders(), await around.tokens()];
  const before = JSON.stringify([...around.jobs.rows]);
  expect(await around.send(bearer(one.id, two.key))).toEqual(FORBIDDEN);
  expect(await around.send(bearer(two.id, one.key))).toEqual(FORBIDDEN);
  expect(await around.send({ query: { token: two.key, uuid: one.id, status: "FINISHED" } })).toEqual(
    FORBIDDEN,
  );
  expect(await around.send({ body: JSON.stringify({ uuid: two.id, token: one.key, event: "run" }) })).toEqual(
    FORBIDDEN,
  );
  expect(JSON.stringify([...around.jobs.rows])).toBe(before);
});

test("a key made with another deployment's secret is forged", async () => {
  const around = callbacks();
  const { id, key } = await around.tokens();
  const { proof: _, ...claims } = readKey(key)!;
  expect(derivedKey(claims, RING)).toBe(key);
  expect(await around.send(bearer(id, derivedKey(claims, OTHER_RING)))).toEqual(FORBIDDEN);
});

test.for(["outsiders", "tokens"] as const)("a key of %s lives 72 hours, by the clock", async (kind) => {
  const around = callbacks();
  const { id, key } = await around[kind]();
  around.clock.advance(72 * HOUR - 1);
  expect(await around.send(bearer(id, key))).toMatchObject({ statusCode: 200 });
  const before = JSON.stringify(around.row(id));
  around.clock.advance(1);
  expect(await around.send(bearer(id, key, '{"event":"update"}'))).toEqual(FORBIDDEN);
  expect(JSON.stringify(around.row(id))).toBe(before);
});

test("the nonce must come with the key, in a header or in the URL; another's, or one from before, is none", async () => {
  const around = callbacks();
  const [job, other] = [await around.outsiders(true), await around.outsiders(true)];
  const call = bearer(job.id, job.key);
  for (const nonce of [undefined, "", "wrong", other.nonce, job.key]) {
    const headers = { ...call.headers, ...(nonce !== undefined && { "x-nonce": nonce }) };
    expect(await around.send({ ...call, headers })).toEqual(FORBIDDEN);
  }
  expect(around.row(job.id).history).toHaveLength(1);
  const good = { ...call, headers: { ...call.headers, "x-nonce": job.nonce } };
  expect(await around.send(good)).toMatchObject({ statusCode: 200 });
  const query = { "x-nonce": job.nonce, token: job.key, uuid: job.id, status: "HEARTBEAT" };
  expect(await around.send({ query })).toMatchObject({ statusCode: 200 });
  // Whoever renews the key gets another nonce with it; replaying this one comes to nothing.
  const { key: record, ...row } = around.row(job.id);
  around.jobs.rows.set(job.id, { ...row, key: { ...record!, second: other.nonce } });
  expect(await around.send(good)).toEqual(FORBIDDEN);
});

test("renewing a key ends the one before", async () => {
  const around = callbacks();
  const { id, key } = await around.tokens();
  const row = around.row(id);
  const renewed = issueKey(row, { ring: RING, randomBytes, now: around.clock.now() });
  around.jobs.rows.set(id, { ...row, key: renewed.record });
  expect(await around.send(bearer(id, key))).toEqual(FORBIDDEN);
  expect(await around.send(bearer(id, renewed.key))).toMatchObject({ statusCode: 200 });
});

test("a revoked key is none", async () => {
  const around = callbacks();
  for (const { id, key } of [await around.outsiders(), await around.tokens()]) {
    const row = around.row(id);
    around.jobs.rows.set(id, { ...row, key: { ...row.key!, isRevoked: true } });
    expect(await around.send(bearer(id, key))).toEqual(FORBIDDEN);
  }
});

test("who works on a token reports the work, and nothing beyond it", async () => {
  const around = callbacks();
  const { id, key } = await around.tokens();
  for (const event of ["create", "reset", "ready", "retire", "index", "validate", "finalize"])
    expect(await around.send(bearer(id, key, JSON.stringify({ event })))).toEqual(FORBIDDEN);
  expect(around.row(id).history).toHaveLength(1);
  const own = await around.outsiders();
  for (const event of ["create", "reset", "ready"])
    expect(await around.send(bearer(own.id, own.key, JSON.stringify({ event })))).toEqual(FORBIDDEN);
});

test("no part of a key or a nonce is ever logged", async () => {
  const around = callbacks();
  const job = await around.outsiders(true);
  const token = await around.tokens();
  around.broken.add("send");
  around.bucket.set(`${around.row(token.id).path.slice(1)}/a.txt`, Buffer.from("a"));
  await around.report(token.id, token.key, { event: "finish" });
  await around.send({ query: { token: job.key, "x-nonce": "guess", uuid: job.id, status: "RUNNING" } });
  await around.send({ body: JSON.stringify({ token: job.key, event: "run" }) });
  around.dependencies.log("warn", "on purpose", {
    key: job.key,
    "x-nonce": job.nonce,
    authorization: `Bearer ${job.key}`,
  });
  expect(around.logged.length).toBeGreaterThanOrEqual(2);
  const secrets = [job.key, token.key].map((key) => key.split(".").at(-1)!);
  for (const secret of [...secrets, job.nonce, "guess"])
    expect(around.logged.join("\n")).not.toContain(secret);
});
