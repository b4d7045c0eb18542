import { expect, test } from "vitest";
import { surroundings, tried } from "./trying.ts";

test("every line goes to the function's log, and all but debug to the job's record", async () => {
  const around = surroundings();
  const { log } = await tried((_, context) => {
    context.log.debug("looking");
    context.log.info("page 1");
    around.clock.advance(1500);
    context.log.warn("page 2 is empty");
    context.log.error("page 3 is missing");
  }, around);
  expect(around.said).toEqual([
    "debug looking",
    "info page 1",
    "warn page 2 is empty",
    "error page 3 is missing",
  ]);
  expect(log).toEqual([
    { at: "2026-01-01T00:00:00.000Z", level: "info", message: "page 1" },
    { at: "2026-01-01T00:00:01.500Z", level: "warn", message: "page 2 is empty" },
    { at: "2026-01-01T00:00:01.500Z", level: "error", message: "page 3 is missing" },
  ]);
});

test("the record keeps the last twenty lines", async () => {
  const around = surroundings();
  const { log } = await tried((_, context) => {
    for (let line = 1; line <= 50; line += 1) context.log.info(`line ${line}`);
  }, around);
  expect(log.map(({ message }) => message)).toEqual(
    Array.from({ length: 20 }, (_, index) => `line ${index + 31}`),
  );
  expect(around.said).toHaveLength(50);
});

test("debug lines push nothing out of the record", async () => {
  const { log } = await tried((_, context) => {
    context.log.warn("the one that matters");
    for (let line = 0; line < 50; line += 1) context.log.debug("chatter");
  });
  expect(log.map(({ message }) => message)).toEqual(["the one that matters"]);
});

test("a long line is cut in the record, between characters, and whole in the function's log", async () => {
  const around = surroundings();
  const line = `${"x".repeat(199)}😀 and more`;
  const { log } = await tried((_, context) => context.log.info(line), around);
  expect(log[0]?.message).toBe(`${"x".repeat(199)}\ufffd`);
  expect(around.said).toEqual([`info ${line}`]);
});

test("what is no text is logged as one", async () => {
  const around = surroundings();
  await tried((_, context) => context.log.info({ page: 1 } as unknown as string), around);
  expect(around.said).toEqual(["info [object Object]"]);
});

test("what is said after the end is not in the record", async () => {
  const around = surroundings();
  let say: (message: string) => void = () => {};
  const { log } = await tried((_, context) => {
    say = context.log.info;
  }, around);
  say("late");
  expect(log).toEqual([]);
});
