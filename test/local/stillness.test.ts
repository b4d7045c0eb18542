import { expect, test } from "vitest";
import { isStill } from "../../infra/local/stillness.ts";

/** Two queues, counted one after the other; something happens in between. */
function pipe({
  before = [0, 0],
  between = () => {},
}: {
  before?: number[];
  between?: (look: number) => void;
}) {
  let look = 0;
  const queues = [...before];
  return {
    queues,
    events: 0,
    done: 0,
    movement() {
      return {
        pendingEvents: () => this.events,
        writes: () => this.done,
        counts: async () => {
          const second = { waiting: queues[1] ?? 0, claimed: 0 };
          look += 1;
          between(look);
          return [second, { waiting: 0, claimed: queues[0] ?? 0 }];
        },
      };
    },
  };
}

test("empty queues and no events are stillness", async () => {
  expect(await isStill(pipe({}).movement())).toBe(true);
});

test.for([[[1, 0]], [[0, 1]]])("a token in a queue is none: %j", async ([before]) => {
  expect(await isStill(pipe({ before: before ?? [] }).movement())).toBe(false);
});

test("nor is an upload that no queue knows of", async () => {
  const waiting = pipe({});
  waiting.events = 1;
  expect(await isStill(waiting.movement())).toBe(false);
});

test("a token that passes behind the look's back is seen by the second one", async () => {
  const passing = pipe({
    before: [1, 0],
    between: () => {
      passing.queues.splice(0, 2, 0, 1);
    },
  });
  expect(await isStill(passing.movement())).toBe(false);
});

test("one that passes two queues so, behind the backs of two looks, has left a write", async () => {
  const passing = pipe({
    before: [1, 0],
    between: (look) => {
      // Sent on before the first queue is counted, and worked on before the second look.
      passing.queues.splice(0, 2, 0, 0);
      if (look === 1) passing.done += 2;
    },
  });
  expect(await isStill(passing.movement())).toBe(false);
});
