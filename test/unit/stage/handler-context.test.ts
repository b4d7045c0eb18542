import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import type { StageContext } from "../../../lib/stage/stage.ts";
import type { Attempt } from "../../../lib/stage/work.ts";
import type { ObjectRef } from "../../../lib/token/envelope.ts";
import { ATTEMPT, failureIn, type Surroundings, surroundings, TOKEN, tried } from "./trying.ts";

/** Lets a test be the handler. */
const inside = (
  act: (context: StageContext) => Promise<void>,
  around: Surroundings = surroundings(),
  attempt: Attempt = ATTEMPT,
) => tried(async (_, context) => act(context), around, attempt);

const PAGE: ObjectRef = { key: "incoming/page.txt", size: 5, etag: '"e"' };

test("objects are read as stream, as bytes and as text", async () => {
  const around = surroundings();
  around.bucket.set(PAGE.key, Buffer.from("Grüße"));
  const read: unknown[] = [];
  await inside(async (context) => {
    read.push(await text(await context.read(PAGE)));
    read.push((await context.bytes(PAGE)).length);
    read.push(await context.text(PAGE));
  }, around);
  expect(read).toEqual(["Grüße", 7, "Grüße"]);
});

test("a text that is not UTF-8 is refused for good", async () => {
  const around = surroundings();
  around.bucket.set(PAGE.key, Buffer.from([0x47, 0xff]));
  const { failure } = await failureIn(inside(async (context) => void (await context.text(PAGE)), around));
  expect(`${failure.reason}: ${failure.message}`).toBe(
    "rejected: the object incoming/page.txt is not valid UTF-8",
  );
});

test("a token without the object that is read is at fault, not the stage", async () => {
  const { failure } = await failureIn(inside(async (context) => void (await context.read(TOKEN.objects[0]))));
  expect(`${failure.reason}: ${failure.message}`).toBe(
    "input-invalid: the stage reads an object, but the token has none at that place",
  );
});

test("what is written lies below the attempt's prefix, and can be passed on", async () => {
  const around = surroundings();
  const { outputs } = await tried(async (_, { write }) => {
    const objects = [
      await write("page 1.txt", "one"),
      await write("deep/er/page.txt", Readable.from([Buffer.from("two")])),
    ];
    return { objects };
  }, around);
  expect([...around.bucket.keys()]).toEqual([
    "out/scans/ocr/token-1/attempt-1/page 1.txt",
    "out/scans/ocr/token-1/attempt-1/deep/er/page.txt",
  ]);
  expect(outputs[0]?.objects.map(({ key, size }) => [key, size])).toEqual([
    ["out/scans/ocr/token-1/attempt-1/page 1.txt", 3],
    ["out/scans/ocr/token-1/attempt-1/deep/er/page.txt", 3],
  ]);
});

test("what is published has a name of its own, and the first owner keeps it", async () => {
  const around = surroundings();
  const existed: boolean[] = [];
  const publish = async ({ publish }: StageContext): Promise<void> => {
    existed.push((await publish("A1.txt", "text")).existed);
  };
  await inside(publish, around);
  await inside(publish, around);
  await inside(publish, around, { ...ATTEMPT, job: "00000000-0000-5000-8000-000000000000" });
  expect([...around.bucket.keys()]).toEqual(["results/scans/A1.txt"]);
  expect(existed).toEqual([false, false, true]);
});

test.for([
  "",
  ".",
  "..",
  "/etc/passwd",
  "../x",
  "a/../x",
  "a/..",
  "./x",
  "a//b",
  "a/",
  "a\nb",
  "\u0000",
  "a\u001b[2J",
  "\u007f",
])("%j is no name for an object", async (name) => {
  for (const how of ["write", "publish"] as const) {
    const around = surroundings();
    const { failure } = await failureIn(
      inside(async (context) => void (await context[how](name, "x")), around),
    );
    expect(`${failure.reason}: ${failure.message}`).toBe(
      `error: "${name}" cannot be an object's name: no empty, "." or ".." steps`,
    );
    expect(around.bucket.size).toBe(0);
  }
});

test.for(["...", "..x", "x..", ".hidden", "a b+c%2F?.txt", "Größe 😀", "C:\\x"])(
  "%j is one",
  async (name) => {
    const around = surroundings();
    await inside(async (context) => void (await context.write(name, "x")), around);
    expect([...around.bucket.keys()]).toEqual([`out/scans/ocr/token-1/attempt-1/${name}`]);
  },
);

test("secrets come from the store, and a repetition is recognised by the job's id", async () => {
  const seen: unknown[] = [];
  await inside(async ({ secret, idempotencyKey }) => {
    seen.push(await secret("registry"), idempotencyKey);
  });
  expect(seen).toEqual([
    { SECRET_NAME: "registry", PASSPHRASE: "tell nobody" },
    "b366ef81-43db-51dc-b35d-70e5629bea9a",
  ]);
});
