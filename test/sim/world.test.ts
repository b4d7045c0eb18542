import { describe, expect, test } from "vitest";
import { changeIn } from "./changed-source.ts";
import { quietWorld, runUntil } from "./quiet-world.ts";
import { LambdaFunction } from "./world/lambda.ts";
import { Prng } from "./world/prng.ts";
import { Sandbox } from "./world/sandbox.ts";
import { send } from "./world/transport.ts";

test("one seed draws the same numbers, another seed draws others", () => {
  const draw = (seed: number) => {
    const prng = new Prng(seed);
    return Array.from({ length: 5 }, () => prng.below(1000));
  };
  expect(draw(7)).toEqual(draw(7));
  expect(draw(7)).not.toEqual(draw(8));
});

test("things happen in the order of their times, and of their planning where these are equal", async () => {
  const world = quietWorld();
  const seen: string[] = [];
  world.timeline.schedule(20, () => seen.push("c"));
  world.timeline.schedule(10, () => seen.push("a"));
  world.timeline.schedule(20, () => seen.push("d"));
  world.timeline.schedule(10, () => seen.push("b"));
  const cancel = world.timeline.schedule(15, () => seen.push("never"));
  cancel();
  await runUntil(world, 30);
  expect(seen.join("")).toBe("abcd");
});

describe("a sandbox", () => {
  test("that is dead never goes on", async () => {
    const world = quietWorld();
    const sandbox = new Sandbox("s", world.timeline);
    const seen: string[] = [];
    sandbox.clock.schedule(10, () => seen.push("before"));
    sandbox.clock.schedule(30, () => seen.push("after"));
    world.timeline.schedule(20, () => sandbox.kill("crash"));
    await runUntil(world, 100);
    expect(seen).toEqual(["before"]);
  });

  test("that is frozen goes on when it is thawed", async () => {
    const world = quietWorld();
    const sandbox = new Sandbox("s", world.timeline);
    const seen: number[] = [];
    sandbox.clock.schedule(10, () => seen.push(world.timeline.now()));
    sandbox.freeze();
    world.timeline.schedule(50, () => sandbox.thaw());
    await runUntil(world, 100);
    expect(seen).toEqual([50]);
  });

  test("that stands still goes on late, in the same order", async () => {
    const world = quietWorld();
    const sandbox = new Sandbox("s", world.timeline);
    const seen: string[] = [];
    sandbox.stop(50);
    sandbox.clock.schedule(10, () => seen.push(`a ${world.timeline.now()}`));
    sandbox.clock.schedule(20, () => seen.push(`b ${world.timeline.now()}`));
    await runUntil(world, 100);
    expect(seen).toEqual(["a 50", "b 50"]);
  });
});

describe("a request", () => {
  const attempt = async (rates: Parameters<typeof quietWorld>[0], until: number) => {
    const world = quietWorld(rates);
    const sandbox = new Sandbox("s", world.timeline);
    let executed = 0;
    let outcome = "none";
    const call = { service: "sqs", operation: "test", about: "", execute: () => ++executed } as const;
    send(call, sandbox, world).then(
      (answer) => {
        outcome = `answer ${answer}`;
      },
      (error: Error) => {
        outcome = error.name;
      },
    );
    await runUntil(world, until);
    return { executed, outcome, isDead: sandbox.isDead };
  };

  test("is executed once and answered", async () => {
    expect(await attempt({}, 1000)).toEqual({ executed: 1, outcome: "answer 1", isDead: false });
  });

  test("that fails before it is executed is sent three times", async () => {
    const expected = { executed: 0, outcome: "ThrottlingException", isDead: false };
    expect(await attempt({ throttled: 1 }, 60_000)).toEqual(expected);
  });

  test("whose answer is lost is executed again each time it is sent", async () => {
    const expected = { executed: 3, outcome: "TimeoutError", isDead: false };
    expect(await attempt({ "answer-lost": 1 }, 60_000)).toEqual(expected);
  });

  test("is not executed when its sender dies before, is when it dies after, and is never answered", async () => {
    const expected = { outcome: "none", isDead: true };
    expect(await attempt({ "crash-before": 1 }, 60_000)).toEqual({ ...expected, executed: 0 });
    expect(await attempt({ "crash-after": 1 }, 60_000)).toEqual({ ...expected, executed: 1 });
  });

  test("that is late is given up, sent again, and executed all the same", async () => {
    const late = { "late-request": 1 };
    expect(await attempt(late, 3_000)).toEqual({ executed: 0, outcome: "none", isDead: false });
    expect(await attempt(late, 3_600_000)).toEqual({ executed: 3, outcome: "TimeoutError", isDead: false });
  });
});

test("a function that takes too long dies, and what it was about to do is not done", async () => {
  const world = quietWorld();
  const done: string[] = [];
  const target = new LambdaFunction<string, string>(
    {
      name: "f",
      timeoutMs: 1000,
      start: (sandbox) => (event) =>
        new Promise((resolve) => {
          sandbox.clock.schedule(sandbox.clock.now() + Number(event), () => {
            done.push(event);
            resolve("done");
          });
        }),
    },
    world,
  );
  const endings: unknown[] = [];
  target.invoke("900", (ending) => endings.push(ending));
  target.invoke("1100", (ending) => endings.push(ending));
  await runUntil(world, 5000);
  expect(endings).toEqual([
    { kind: "answered", answer: "done" },
    { kind: "died", cause: "timeout" },
  ]);
  expect(done).toEqual(["900"]);
});

test("a change of source must fit one place exactly", () => {
  const change = { file: "f.ts", find: "a = 1", replace: "a = $&" };
  expect(changeIn("let a = 1;", change)).toBe("let a = $&;");
  expect(() => changeIn("let b = 1;", change)).toThrow("f.ts has 0 times, not once: a = 1");
  expect(() => changeIn("a = 1; a = 1;", change)).toThrow("f.ts has 2 times, not once: a = 1");
});
