import { Readable } from "node:stream";
import { expect, test } from "vitest";
import type { FileEntry } from "../../../lib/archive/file-index.ts";
import {
  type ArchiveDependencies,
  dueChanges,
  isForArchive,
  onStateChanged,
} from "../../../lib/archive/state-changed.ts";
import type { Clock } from "../../../lib/clock.ts";
import { changeBetween, type StateChanged } from "../../../lib/job/announce.ts";
import type { LastingJob } from "../../../lib/job/lasting.ts";
import type { Plan } from "../../../lib/plan/plan.ts";
import { happen, type LastingDependencies } from "../../../lib/stage/lasting.ts";
import { NEW_YEAR } from "../../virtual-clock.ts";
import { after, call, JOB, OUTSIDERS } from "../job/lasting-jobs.ts";
import { memoryLastingStore } from "../job/memory-lasting-store.ts";

const HASH = "0123456789abcdef0123456789abcdef";
const PATH = `/products/v2/${HASH}/${HASH}/${HASH}`;
const MADE: LastingJob = { ...OUTSIDERS, path: PATH };
const FINISHED = after(MADE, call("run"), call("finish"));

/** Whoever waits on it has waited long enough. */
const impatient: Clock = {
  now: () => NEW_YEAR,
  schedule: (_, task) => {
    const soon = setImmediate(task);
    return () => clearImmediate(soon);
  },
};

/** An archive, as far as the function is concerned that hears of changes of state. */
async function archive(
  row: LastingJob,
  { names = ["a.csv", "b.json", "c.txt"], turns = Number.POSITIVE_INFINITY, asks = true } = {},
) {
  const jobs = memoryLastingStore();
  await jobs.create(row);
  const announced: StateChanged[] = [];
  const entries = new Map<string, FileEntry>();
  const levels = [
    { level: "1", patterns: ["*.csv"] },
    { level: "2", patterns: ["*.json"] },
  ];
  const plan = { pipelines: [{ id: "scans", ...(asks && { archive: levels }) }] } as unknown as Plan;
  const announce = async (change: StateChanged): Promise<void> => void announced.push(change);
  const lasting = {
    plan,
    jobs,
    announce,
    clock: impatient,
    random: () => 0,
  } as unknown as LastingDependencies;
  let left = turns;
  const dependencies: ArchiveDependencies = {
    plan,
    jobs,
    announce,
    log: () => {},
    happen: (each, one) => happen(each, one, lasting),
    hasTime: () => left-- > 0,
    archive: {
      list: async function* (prefix) {
        for (const name of names)
          yield { key: prefix + name, size: name.length, etag: `"${name}"`, modified: "" };
      },
      open: async ({ key }) => ({ body: Readable.from([Buffer.from(key)]) }),
      remove: async () => {},
    },
    files: {
      list: async function* () {
        yield* [...entries.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
      },
      put: async (_, entry) => void entries.set(entry.name, entry),
      remove: async (_, name) => void entries.delete(name),
    },
  };
  const current = async (): Promise<LastingJob> => (await jobs.get("scans", JOB)) ?? row;
  return {
    announced,
    entries,
    current,
    moreTime: () => {
      left = Number.POSITIVE_INFINITY;
    },
    /** What the bus has been told is delivered, and what follows from that, until nothing more does. */
    deliver: async (first: StateChanged | undefined): Promise<void> => {
      if (first && isForArchive({ "detail-type": "job.state-changed", detail: first }))
        await onStateChanged(first, dependencies);
    },
    events: async () => (await current()).history.map(({ event }) => event),
  };
}

const finished = changeBetween(MADE, FINISHED);

test("when a job has finished, its index is asked for, made and reported", async () => {
  const { deliver, announced, entries, events, current } = await archive(FINISHED);
  await deliver(finished);
  expect(announced.map(({ to, event }) => [to, event])).toEqual([["INDEXING", "index"]]);
  await deliver(announced[0]);
  expect(await events()).toEqual(["create", "run", "finish", "index", "indexed"]);
  expect([...entries.values()].map(({ name, level, generatedBy }) => [name, level, generatedBy])).toEqual([
    ["a.csv", "1", "scans"],
    ["b.json", "2", "scans"],
  ]);
  const row = await current();
  expect([row.state, row.history.at(-1)?.data]).toEqual([
    "FINISHED",
    { files: 2, bytes: 11, levels: { "1": 1, "2": 1 } },
  ]);
  // That it has finished once more, by being indexed, is no reason to do it again.
  await deliver(announced[1]);
  expect(await events()).toHaveLength(5);
});

test("what is announced twice, or to two at once, happens once", async () => {
  const { deliver, announced, events } = await archive(FINISHED);
  await Promise.all([deliver(finished), deliver(finished)]);
  await Promise.all([deliver(announced[0]), deliver(announced[0]), deliver(announced[0])]);
  await deliver(finished);
  expect(await events()).toEqual(["create", "run", "finish", "index", "indexed"]);
});

test("asked for again, it is made again", async () => {
  const indexed = after(FINISHED, call("index"), call("indexed"));
  const again = after(indexed, call("index", { eventId: "index-2" }));
  const { deliver, events } = await archive(again);
  await deliver(changeBetween(indexed, again));
  expect((await events()).slice(-2)).toEqual(["index", "indexed"]);
  // Also while it is under way, or was and died: the state stays, and is announced all the same.
  const twice = after(again, call("index", { eventId: "index-3" }));
  expect(changeBetween(again, twice)).toMatchObject({ from: "INDEXING", to: "INDEXING", event: "index" });
});

test("an index that takes longer than an invocation is gone on with in the next", async () => {
  const { deliver, announced, events, entries, moreTime } = await archive(after(FINISHED, call("index")), {
    turns: 1,
  });
  const change = changeBetween(FINISHED, after(FINISHED, call("index")));
  await deliver(change);
  expect([...entries.keys()]).toEqual(["a.csv"]);
  expect((await events()).at(-1)).toBe("index");
  expect(announced).toEqual([change]);
  moreTime();
  await deliver(announced[0]);
  expect((await events()).at(-1)).toBe("indexed");
});

test("a pipeline that does not ask has nothing indexed; a person who does has everything", async () => {
  const { deliver, events, announced } = await archive(FINISHED, { asks: false });
  await deliver(finished);
  expect([await events(), announced]).toEqual([["create", "run", "finish"], []]);
  const asked = after(FINISHED, call("index"));
  const { deliver: tell, current, entries } = await archive(asked, { asks: false });
  await tell(changeBetween(FINISHED, asked));
  expect((await current()).history.at(-1)?.data).toMatchObject({ files: 3, levels: { "-": 3 } });
  expect([...entries.keys()]).toEqual(["a.csv", "b.json", "c.txt"]);
});

test("what is announced late finds the job as it is by then", async () => {
  const { deliver, events } = await archive(after(FINISHED, call("retire")));
  await deliver(finished);
  expect(await events()).toEqual(["create", "run", "finish", "retire"]);
  const gone = await archive(FINISHED);
  await gone.deliver(finished && { ...finished, job: "00000000-0000-5000-8000-000000000000" });
  expect(await gone.events()).toHaveLength(3);
});

test("what nobody may be at work on any more is told again", () => {
  const asked = after(FINISHED, call("index"));
  const rows = [
    MADE,
    FINISHED,
    asked,
    after(asked, call("update")),
    after(asked, call("indexed")),
    after(MADE, call("fail")),
  ];
  const light = { ...FINISHED, rev: undefined } as unknown as LastingJob;
  expect(dueChanges([...rows, light]).map(({ to, event }) => [to, event])).toEqual([
    ["FINISHED", "finish"],
    ["INDEXING", "index"],
    ["INDEXING", "update"],
  ]);
});

test.for([
  ["job.state-changed", "FINISHED", true],
  ["job.state-changed", "INDEXING", true],
  ["job.state-changed", "RUNNING", false],
  ["something-else", "FINISHED", false],
] as const)("%s to %s is for the archive: %s", ([type, to, isFor]) => {
  expect(isForArchive({ "detail-type": type, detail: { to } })).toBe(isFor);
});
