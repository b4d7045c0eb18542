import { describe, expect, test } from "vitest";
import { changeVisibility, deleteByHandle } from "../../infra/local/sqs/claims.ts";
import { SqsError } from "../../infra/local/sqs/errors.ts";
import type { Queue } from "../../infra/local/sqs/queue.ts";
import { queueArn } from "../../infra/local/sqs/queue-names.ts";
import type { JournalRecord } from "../../infra/local/sqs/records.ts";
import { seeds } from "../seeds.ts";
import { Core, replayed, written } from "./sqs-core.ts";
import { dice } from "./sqs-dice.ts";
import { isExternal } from "./sqs-harness.ts";

const STEPS = 500;

/** Does random things to two queues of each type and their dead-letter queues, and lets random times pass. */
function randomWork(seed: number): Core {
  const core = new Core();
  const { below, pick, chance } = dice(seed);
  const queues = [false, true].flatMap((fifo) => {
    const suffix = fifo ? ".fifo" : "";
    const type: Record<string, string> = fifo ? { FifoQueue: "true" } : {};
    const dead = core.queue(`dead${suffix}`, { ...type, MessageRetentionPeriod: "300" });
    const policy = { deadLetterTargetArn: queueArn(dead.name), maxReceiveCount: 2 };
    const attributes = { ...type, MessageRetentionPeriod: "120", RedrivePolicy: JSON.stringify(policy) };
    return [dead, core.queue(`work${suffix}`, attributes)];
  });
  const handles: { queue: Queue; handle: string }[] = [];

  const steps: (() => void)[] = [
    () => {
      const queue = pick(queues);
      const fifo = { MessageGroupId: `g${below(3)}`, MessageDeduplicationId: `d${below(40)}` };
      const standard = { DelaySeconds: chance(0.3) ? below(20) : 0 };
      core.send(queue, { MessageBody: `${below(1_000)}`, ...(queue.fifo ? fifo : standard) });
    },
    () => {
      const queue = pick(queues);
      for (const handle of core.receive(queue, 1 + below(4), below(30) * 1_000))
        handles.push({ queue, handle });
    },
    () => {
      if (handles.length === 0) return;
      const { queue, handle } = pick(handles);
      deleteByHandle(core.broker, queue, handle);
    },
    () => {
      if (handles.length === 0) return;
      const { queue, handle } = pick(handles);
      changeVisibility(core.broker, queue, handle, below(20));
    },
    () => core.clock.advance(below(5_000)),
    () => {
      // Looking leaves no record, and must not matter.
      for (const queue of queues) queue.advance(core.clock.now());
    },
    () => {
      if (!chance(0.1)) return;
      const { definition } = pick(queues);
      const attributes = { ...definition.attributes, MessageRetentionPeriod: `${60 + below(240)}` };
      core.broker.commit({ do: "queue", at: core.clock.now(), definition: { ...definition, attributes } });
    },
    () => {
      if (!chance(0.1)) return;
      const [dead, work] = pick([queues.slice(0, 2), queues.slice(2)]);
      const [message] = dead!.deliverable();
      if (message) core.redrive(dead!, work!, message);
    },
    () => {
      if (chance(0.05)) core.broker.commit({ do: "purge", at: core.clock.now(), queue: pick(queues).name });
    },
  ];
  for (let step = 0; step < STEPS; step += 1) {
    try {
      pick(steps)();
    } catch (error) {
      // A handle may have expired by now.
      if (!(error instanceof SqsError)) throw error;
    }
  }
  return core;
}

// Looks behind the wire.
describe.skipIf(isExternal)("a journal", () => {
  test.for(seeds(20))("replayed, gives the state that was (seed %i)", (seed) => {
    const core = randomWork(seed);
    const now = core.clock.now();
    const expected = written(core.state, now);
    expect(expected.length).toBeGreaterThan(5);
    expect(written(replayed(core.records), now)).toEqual(expected);
  });

  test.for(seeds(20))("compacted, gives the state that was, now and later (seed %i)", (seed) => {
    const core = randomWork(seed);
    const now = core.clock.now();
    const snapshot = written(core.state, now).map((line) => JSON.parse(line) as JournalRecord);
    const compacted = replayed(snapshot);
    expect(written(compacted, now)).toEqual(snapshot.map((record) => JSON.stringify(record)));
    const later = now + 15_000;
    expect(written(compacted, later)).toEqual(written(core.state, later));
  });

  test.for(seeds(20))("compacted, leads to the same deliveries and refusals (seed %i)", (seed) => {
    const core = randomWork(seed);
    const now = core.clock.now();
    const compacted = replayed(written(core.state, now).map((line) => JSON.parse(line) as JournalRecord));
    for (const [name, queue] of core.state.queues) {
      const numbers = (one: Queue | undefined) =>
        [...(one?.deliverable() ?? [])].map(({ content }) => content.number);
      expect(numbers(compacted.queues.get(name))).toEqual(numbers(queue));
      const remembered = compacted.queues.get(name)?.deduplication.entries(now);
      expect(remembered).toEqual(queue.deduplication.entries(now));
      for (const state of ["VISIBLE", "IN_FLIGHT", "DELAYED"] as const) {
        const counted = [...queue.messages.values()].filter((message) => message.state === state).length;
        expect(queue.count(state)).toBe(counted);
      }
    }
  });
});

// In group a, the retention of the first message ends after 60 s. The claim of b1 ends just before or just after that.
test.skipIf(isExternal).for([
  { claim: 49_500, order: ["b1", "a2"] },
  { claim: 50_500, order: ["a2", "b1"] },
])(
  "what is due at $claim ms happens in its order, whether or not one looks in between",
  ({ claim, order }) => {
    for (const looks of [true, false]) {
      const core = new Core();
      const queue = core.queue("q.fifo", {
        FifoQueue: "true",
        ContentBasedDeduplication: "true",
        MessageRetentionPeriod: "60",
      });
      const send = (body: string) =>
        core.send(queue, { MessageBody: body, MessageGroupId: body.slice(0, 1) });
      send("a1");
      core.clock.advance(10_000);
      send("b1");
      const [a1] = core.receive(queue, 2, claim);
      changeVisibility(core.broker, queue, a1!, 0);
      send("a2");
      for (let ms = 0; ms < 52_000; ms += 100) {
        core.clock.advance(100);
        if (looks) queue.advance(core.clock.now());
      }
      queue.advance(core.clock.now());
      expect([...queue.deliverable()].map(({ content }) => content.body)).toEqual(order);
    }
  },
);

test.skipIf(isExternal)("120,000 messages can be in flight, and no more", () => {
  const core = new Core({ records: false });
  const queue = core.queue("deep");
  for (let index = 0; index < 120_001; index += 1) core.send(queue, { MessageBody: "x" });
  for (let index = 0; index < 11_999; index += 1) core.broker.receive(queue, 10, 60_000);
  expect(core.broker.isFull(queue)).toBe(false);
  expect(core.broker.receive(queue, 10, 60_000)).toHaveLength(10);
  expect(core.broker.isFull(queue)).toBe(true);
  expect(core.broker.receive(queue, 10, 60_000)).toEqual([]);
  core.clock.advance(60_000);
  expect(core.broker.isFull(queue)).toBe(false);
  expect(queue.count("VISIBLE")).toBe(120_001);
});
