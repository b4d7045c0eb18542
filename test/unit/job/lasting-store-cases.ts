import { expect, test } from "vitest";
import { INLINE_ENTRIES, LATE_KEPT, type LastingJob, type LastingStore } from "../../../lib/job/lasting.ts";
import type { HistoryEntry } from "../../../lib/job/record.ts";
import { OUTSIDERS } from "./lasting-jobs.ts";

const update = (number: number): HistoryEntry => ({
  event: "update",
  at: "2026-01-01T00:00:01.000Z",
  attempt: 1,
  eventId: `update-${number}`,
  data: { number },
});

async function created(store: LastingStore, id: string): Promise<LastingJob> {
  expect(await store.create({ ...OUTSIDERS, id })).toBeUndefined();
  return got(store, id);
}

async function got(store: LastingStore, id: string): Promise<LastingJob> {
  const row = await store.get(OUTSIDERS.pipeline, id);
  if (!row) throw new Error(`there is no row ${id}`);
  return row;
}

async function updated(store: LastingStore, row: LastingJob, count: number): Promise<LastingJob> {
  let current = row;
  for (let number = 0; number < count; number += 1) {
    const written = await store.write(current, { set: {}, entries: [update(number)] });
    if (!written.isOurs || !written.row) throw new Error("nobody else writes here");
    current = written.row;
  }
  return current;
}

/** What every store of lasting jobs must do. @param newId a job's, different each time */
export function lastingStoreCases(made: () => Promise<LastingStore>, newId: () => string): void {
  test("a row is what it was, whatever JSON its parameters and its data are", async () => {
    const store = await made();
    const id = newId();
    const data = JSON.parse(
      '{"big": 1e300, "small": 1e-300, "": [[[[null]]]], "__proto__": {"x": 1}, "empty": ""}',
    );
    const row: LastingJob = { ...OUTSIDERS, id, parameters: data, history: [{ ...update(1), data }] };
    await store.create(row);
    const { by: _, ...stored } = await got(store, id);
    const { by: __, ...expected } = row;
    expect(stored).toEqual(expected);
    expect(JSON.stringify(stored.history[0]?.data)).toBe(JSON.stringify(data));
  });

  test("a job is made once; whoever comes second gets the first", async () => {
    const store = await made();
    const id = newId();
    const answers = await Promise.all(
      [1, 2, 3].map((number) => store.create({ ...OUTSIDERS, id, path: `/products/v2/${number}` })),
    );
    expect(answers.filter((answer) => answer === undefined)).toHaveLength(1);
    const { path } = await got(store, id);
    expect(answers.flatMap((answer) => answer?.path ?? [])).toEqual([path, path]);
  });

  test("of two writes on one reading, one is made", async () => {
    const store = await made();
    const row = await created(store, newId());
    const written = await Promise.all(
      [1, 2].map((n) => store.write(row, { set: { begunAt: `${n}` }, entries: [update(n)] })),
    );
    expect(written.filter(({ isOurs }) => isOurs)).toHaveLength(1);
    const current = await got(store, row.id);
    expect(current.rev).toBe(row.rev + 1);
    expect(current.history).toHaveLength(2);
    expect(written.map((each) => each.row?.begunAt)).toEqual([current.begunAt, current.begunAt]);
  });

  test("fields are set and removed, and nothing else", async () => {
    const store = await made();
    const row = await created(store, newId());
    const one = await store.write(row, {
      set: { state: "RUNNING", deadline: 5, begunAt: "now" },
      entries: [],
    });
    const two = await store.write(one.row ?? row, {
      set: { state: "FAILED" },
      remove: ["deadline", "error"],
      entries: [],
    });
    expect(two.row).toEqual(await got(store, row.id));
    expect(two.row).toMatchObject({ state: "FAILED", begunAt: "now", path: row.path });
    expect(two.row).not.toHaveProperty("deadline");
  });

  test("however long a history gets, the row does not, and all of it is kept in order", async () => {
    const store = await made();
    const row = await updated(store, await created(store, newId()), 60);
    const current = await got(store, row.id);
    expect(current.history.length).toBeLessThanOrEqual(INLINE_ENTRIES);
    expect(current.moved + current.history.length).toBe(61);
    const all = await store.history(current, 0, 1000);
    expect(all.map(({ eventId = "create" }) => eventId)).toEqual([
      "create",
      ...Array.from({ length: 60 }, (_, number) => `update-${number}`),
    ]);
    expect(all.at(7)?.data).toEqual({ number: 6 });
    const part = await store.history(current, 40, 5);
    expect(part.map(({ eventId }) => eventId)).toEqual([
      "update-39",
      "update-40",
      "update-41",
      "update-42",
      "update-43",
    ]);
    expect(await store.history(current, 58, 10)).toHaveLength(3);
    expect(await store.history(current, 61, 10)).toEqual([]);
  });

  test("an event is known, however long ago it was", async () => {
    const store = await made();
    const row = await updated(store, await created(store, newId()), 40);
    for (const number of [0, 5, 20, 39]) expect(await store.knows(row, `update-${number}`)).toBe(true);
    expect(await store.knows(row, "update-40")).toBe(false);
    expect(await store.knows(row, "create")).toBe(false);
  });

  test("fifty writers at once: every entry is there once, in the order in which the writes were made", async () => {
    const store = await made();
    const { id } = await created(store, newId());
    const order: number[] = [];
    const write = async (number: number): Promise<void> => {
      for (;;) {
        const { isOurs, row } = await store.write(await got(store, id), {
          set: {},
          entries: [update(number)],
        });
        if (isOurs && row) order[row.rev] = number;
        if (isOurs) return;
      }
    };
    await Promise.all(Array.from({ length: 50 }, (_, number) => write(number)));
    const all = await store.history(await got(store, id), 0, 1000);
    expect(all.slice(1).map(({ data }) => data)).toEqual(
      order.filter((number) => number !== undefined).map((number) => ({ number })),
    );
    expect(new Set(order.filter((number) => number !== undefined)).size).toBe(50);
  });

  test("what came too late is kept apart, each once, and not without end", async () => {
    const store = await made();
    const row = await created(store, newId());
    await store.noteLate(row, update(1));
    await store.noteLate(row, update(1));
    expect(await store.late(row)).toEqual([update(1)]);
    for (let number = 2; number < LATE_KEPT + 10; number += 1) await store.noteLate(row, update(number));
    expect(await store.late(row)).toHaveLength(LATE_KEPT);
    expect((await got(store, row.id)).rev).toBe(row.rev);
  });

  test("a job is deleted with all that belongs to it, unless somebody wrote meanwhile", async () => {
    const store = await made();
    const before = await created(store, newId());
    const row = await updated(store, before, 30);
    await store.noteLate(row, update(99));
    expect(await store.remove(before)).toBe(false);
    expect((await got(store, row.id)).rev).toBe(row.rev);
    expect(await store.remove(row)).toBe(true);
    expect(await store.get(row.pipeline, row.id)).toBeUndefined();
    await created(store, row.id);
    expect(await store.late(await got(store, row.id))).toEqual([]);
  });
}
