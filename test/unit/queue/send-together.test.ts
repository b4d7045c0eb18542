import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { sleep } from "../../../lib/clock.ts";
import { sendTogether } from "../../../lib/queue/send-together.ts";
import type { Sender } from "../../../lib/queue/sender.ts";
import { batchSender } from "../../../lib/queue/sqs.aws.ts";
import { VirtualClock } from "../../virtual-clock.ts";
import { fakeQueues } from "./fake-queues.ts";

function together() {
  const queues = fakeQueues();
  const clock = new VirtualClock(0);
  const sender = batchSender(queues.client, "", clock);
  return {
    clock,
    bodies: () => queues.requests.map(({ bodies }) => bodies),
    run: <T>(...tasks: ((sender: Sender) => Promise<T>)[]) => sendTogether(sender, clock, tasks),
    /** A task that works for a while and then sends. */
    worker:
      (ms: number, ...letters: string[]) =>
      async ({ send }: Sender): Promise<void> => {
        if (ms > 0) await sleep(clock, ms);
        await Promise.all(letters.map((letter) => send("q", letter)));
      },
  };
}

/** Runs tasks to their end, and answers at what time that was. */
async function end(clock: VirtualClock, done: Promise<unknown>): Promise<number> {
  let isDone = false;
  void done.finally(() => {
    isDone = true;
  });
  await clock.runUntil(() => isDone);
  return clock.now();
}

test("what several tasks send is one request, sent when the last of them has spoken", async () => {
  const { clock, bodies, run, worker } = together();
  expect(await end(clock, run(worker(0, "a"), worker(40, "b"), worker(90, "c", "d")))).toBe(90);
  expect(bodies()).toEqual([["a", "b", "c", "d"]]);
});

test("a task that has nothing to say holds nobody up", async () => {
  const { clock, bodies, run, worker } = together();
  expect(await end(clock, run(worker(5, "a"), worker(20)))).toBe(20);
  expect(bodies()).toEqual([["a"]]);
});

test("a straggler holds the others up for a quarter of a second, no longer", async () => {
  const { clock, bodies, run, worker } = together();
  const done = end(clock, run(worker(0, "a"), worker(0, "b"), worker(60_000, "late")));
  await clock.runUntil(() => bodies().length === 1);
  expect([clock.now(), bodies()]).toEqual([250, [["a", "b"]]]);
  expect(await done).toBe(60_000);
  expect(bodies()).toEqual([["a", "b"], ["late"]]);
});

test("a task that fails holds nobody up either, and its error is the caller's", async () => {
  const { clock, bodies, run, worker } = together();
  const failing = async (): Promise<void> => {
    await sleep(clock, 30);
    throw new Error("no such page");
  };
  const outcome = run(worker(0, "a"), failing).catch((error: Error) => error.message);
  await clock.runUntil(() => bodies().length === 1);
  expect([clock.now(), bodies()]).toEqual([30, [["a"]]]);
  expect(await outcome).toBe("no such page");
});

test("ten messages leave at once, whoever is still silent", async () => {
  const { clock, bodies, run, worker } = together();
  const done = run(worker(0, ..."abcdefghij"), worker(60_000));
  await setImmediate();
  expect([clock.now(), bodies()]).toEqual([0, [[..."abcdefghij"]]]);
  await end(clock, done);
});

test("the answers of the tasks, in their order", async () => {
  const { clock, run } = together();
  const answers = run(
    async () => {
      await sleep(clock, 50);
      return 1;
    },
    async () => 2,
  );
  await end(clock, answers);
  expect(await answers).toEqual([1, 2]);
});
