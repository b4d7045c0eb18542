import { expect, test } from "vitest";
import { batchSender } from "../../../lib/queue/sqs.aws.ts";
import { VirtualClock } from "../../virtual-clock.ts";
import { type Answer, type FakeQueues, fakeQueues } from "./fake-queues.ts";

interface Sending extends FakeQueues {
  readonly clock: VirtualClock;
  /** What became of each message, in the order in which they were sent. */
  readonly outcomes: string[];
  send(queue: string, ...bodies: string[]): void;
}

function sending(answers?: readonly Answer[]): Sending {
  const queues = fakeQueues(answers);
  const clock = new VirtualClock(0);
  const sender = batchSender(queues.client, "https://sqs/000/", clock);
  const outcomes: string[] = [];
  const send = (queue: string, ...bodies: string[]): void => {
    for (const body of bodies) {
      const index = outcomes.push("waiting") - 1;
      sender.send(queue, body).then(
        () => {
          outcomes[index] = "sent";
        },
        (error: Error) => {
          outcomes[index] = error.message;
        },
      );
    }
  };
  return { ...queues, clock, outcomes, send };
}

const allSettled =
  ({ outcomes }: Sending) =>
  () =>
    !outcomes.includes("waiting");
const letters = [..."abcdefghijklmnopqrstuvwxyz"];

test("ten messages that are sent together are one request, without a wait", async () => {
  const world = sending();
  world.send("q", ...letters.slice(0, 10));
  expect(world.requests).toEqual([{ url: "https://sqs/000/q", bodies: letters.slice(0, 10) }]);
  await world.clock.runUntil(allSettled(world));
  expect(world.outcomes).toEqual(Array(10).fill("sent"));
  expect(world.requests).toHaveLength(1);
});

test("fewer wait ten milliseconds for company", async () => {
  const world = sending();
  world.send("q", "a");
  world.clock.advance(6);
  world.send("q", "b");
  world.clock.advance(3);
  expect(world.requests).toEqual([]);
  world.clock.advance(1);
  expect(world.requests.map(({ bodies }) => bodies)).toEqual([["a", "b"]]);
  await world.clock.runUntil(allSettled(world));
});

test("whoever comes after a request has left waits for the next, and each wait ends in one request", async () => {
  const world = sending();
  world.send("q", ...letters.slice(0, 10), "k");
  world.clock.advance(5);
  world.send("q", "l");
  world.clock.advance(20);
  expect(world.requests.map(({ bodies }) => bodies)).toEqual([letters.slice(0, 10), ["k", "l"]]);
  world.clock.advance(1000);
  expect(world.requests).toHaveLength(2);
  await world.clock.runUntil(allSettled(world));
});

test("twenty-five messages are three requests", async () => {
  const world = sending();
  world.send("q", ...letters.slice(0, 25));
  await world.clock.runUntil(allSettled(world));
  expect(world.requests.map(({ bodies }) => bodies.join(""))).toEqual(["abcdefghij", "klmnopqrst", "uvwxy"]);
});

test("messages of different queues do not share requests", async () => {
  const world = sending();
  world.send("one", "a");
  world.send("other", "b");
  world.send("one", "c");
  await world.clock.runUntil(allSettled(world));
  expect(world.requests).toEqual([
    { url: "https://sqs/000/one", bodies: ["a", "c"] },
    { url: "https://sqs/000/other", bodies: ["b"] },
  ]);
});

test("a request holds at most a mebibyte, less a margin, counted in bytes", async () => {
  const world = sending();
  // 400,000 bytes in 200,000 characters: two fit into 1,048,576 - 4,096 bytes, three do not.
  const large = "é".repeat(200_000);
  world.send("q", large, large, large, "small");
  await world.clock.runUntil(allSettled(world));
  expect(world.requests.map(({ bodies }) => bodies.map((body) => Buffer.byteLength(body)))).toEqual([
    [400_000, 400_000],
    [400_000, 5],
  ]);
});

test("a message that fits exactly shares a request, one byte more and it does not", async () => {
  const world = sending();
  world.send("q", "x".repeat(1_044_479), "y");
  await world.clock.runUntil(allSettled(world));
  world.send("q", "x".repeat(1_044_480), "y");
  await world.clock.runUntil(allSettled(world));
  expect(world.requests.map(({ bodies }) => bodies.length)).toEqual([2, 1, 1]);
});

test("only the entries that failed are sent again, after a pause that grows", async () => {
  const throttled = { senderFault: false, code: "InternalError" };
  const world = sending([{ failed: { "1": throttled, "2": throttled } }, { failed: { "0": throttled } }]);
  world.send("q", "a", "b", "c");
  await world.clock.runUntil(() => world.requests.length === 2);
  expect(world.outcomes).toEqual(["sent", "waiting", "waiting"]);
  expect(world.clock.now()).toBe(10 + 200);
  await world.clock.runUntil(allSettled(world));
  expect(world.clock.now()).toBe(10 + 200 + 400);
  expect(world.requests.map(({ bodies }) => bodies)).toEqual([["a", "b", "c"], ["b", "c"], ["b"]]);
  expect(world.outcomes).toEqual(["sent", "sent", "sent"]);
});

test("after four tries a message is given back to whoever sent it, and its neighbours are not", async () => {
  const answer = { failed: { "1": { senderFault: false, code: "InternalError" } } };
  const again = { failed: { "0": { senderFault: false, code: "InternalError" } } };
  const world = sending([answer, again, again, again]);
  world.send("q", "a", "b");
  await world.clock.runUntil(allSettled(world));
  expect(world.requests.map(({ bodies }) => bodies)).toEqual([["a", "b"], ["b"], ["b"], ["b"]]);
  expect(world.outcomes).toEqual(["sent", "q refused 1 messages 4 times"]);
});

test("what is the sender's fault is not tried again", async () => {
  const world = sending([{ failed: { "0": { senderFault: true, code: "InvalidMessageContents" } } }]);
  world.send("q", "a", "b");
  await world.clock.runUntil(allSettled(world));
  expect(world.outcomes).toEqual(["q refused a message: InvalidMessageContents ", "sent"]);
  expect(world.requests).toHaveLength(1);
});

test("an entry that the answer does not mention counts as not sent", async () => {
  const world = sending([{ unmentioned: ["0"] }]);
  world.send("q", "a", "b");
  await world.clock.runUntil(allSettled(world));
  expect(world.requests.map(({ bodies }) => bodies)).toEqual([["a", "b"], ["a"]]);
  expect(world.outcomes).toEqual(["sent", "sent"]);
});

test("a request that fails as a whole fails all that was in it, and nothing that was not", async () => {
  const world = sending([{ error: new Error("connection reset") }]);
  world.send("q", "a", "b");
  world.send("other", "c");
  await world.clock.runUntil(allSettled(world));
  expect(world.outcomes).toEqual(["connection reset", "connection reset", "sent"]);
});
