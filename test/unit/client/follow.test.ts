import { expect, test } from "vitest";
import { follow } from "../../../lib/client/follow.ts";
import type { ShownEntry } from "../../../lib/client/job-calls.ts";
import { VirtualClock } from "../../virtual-clock.ts";
import { settled } from "./answers.ts";

/** A job's life, entry by entry, each with the second at which it happens. */
const LIFE = [
  [0, "CREATED", "create"],
  [0, "RUNNING", "run"],
  [60, "RUNNING", "update"],
  [61, "FINISHED", "finish"],
  [65, "INDEXING", "index"],
  [70, "FINISHED", "indexed"],
  [71, "FINISHED", "finish"],
  [80, "FAILED", "fail"],
] as const;

function watched(until: number, isIndexed: boolean) {
  const clock = new VirtualClock();
  const begin = clock.now();
  const looks: number[] = [];
  const look = async (from: number) => {
    const seconds = (clock.now() - begin) / 1000;
    looks.push(seconds);
    const past = LIFE.slice(0, until).filter(([at]) => at <= seconds);
    const history: ShownEntry[] = past.slice(from).map(([, , event]) => ({ event, at: "" }));
    return { state: past.at(-1)?.[1] ?? "", history };
  };
  const told: string[] = [];
  const end = async (): Promise<string[]> => {
    for await (const { state, entries } of follow(look, isIndexed, clock))
      told.push(`${entries.map(({ event }) => event).join("+")} → ${state}`);
    return told;
  };
  return { looks, told: settled(end(), clock) };
}

test("what happens is told once, in order, until the job has finished", async () => {
  const { told } = watched(4, false);
  expect(await told).toEqual(["create+run → RUNNING", "update+finish → FINISHED"]);
});

test("a job that is indexed has not ended when it finished", async () => {
  const { told } = watched(7, true);
  expect((await told).slice(1)).toEqual([
    "update+finish → FINISHED",
    "index → INDEXING",
    "indexed+finish → FINISHED",
  ]);
});

test("a job that has failed has ended", async () => {
  const clock = new VirtualClock();
  const seen: string[] = [];
  for await (const { state } of follow(
    async () => ({ state: "FAILED", history: [{ event: "fail", at: "" }] }),
    true,
    clock,
  ))
    seen.push(state);
  expect(seen).toEqual(["FAILED"]);
  expect(clock.waiting).toBe(0);
});

test("while nothing happens it looks less and less often, but every four seconds at least", async () => {
  const { looks, told } = watched(4, false);
  await told;
  expect(looks.slice(0, 8)).toEqual([0, 0.25, 0.75, 1.75, 3.75, 7.75, 11.75, 15.75]);
});
