import { expect, test } from "vitest";
import { ClusterError } from "../../../lib/cluster/cluster.ts";
import { aroundCluster } from "./around-cluster.ts";

/**
 * Tokens that share a pod, when two dispatchers have them in hand, a request is carried out late, or the definition has
 * changed meanwhile: what rows say of a Job is then not what is in it.
 */

type World = ReturnType<typeof aroundCluster>;

const name = (id: string, attempt = 1): string => `mr-${id}-a${attempt}`;
const places = ({ held }: World): string[][] => [...held.values()].map((jobs) => [...jobs]);
const finish = { event: "finish", eventId: "1-finish-1", attempt: 1 } as const;
const run = { event: "run", eventId: "1-run", attempt: 1 } as const;

/** A request that nobody answered, and that the cluster may carry out later. */
function unanswered(): never {
  throw new ClusterError(0, "Unreachable", "the cluster does not answer");
}

/** The Job that two tokens would have been given, as a late request makes it. */
async function lateJob(world: World, carrier: string): Promise<void> {
  const other = aroundCluster({ batch: 2 });
  other.put(2);
  await other.deliver();
  world.around.jobs.set(name(carrier), other.around.jobs.get(name(carrier))!);
}

/** Only this token's message is there to be received. */
function bringBack(world: World, index: number): void {
  for (const message of world.messages)
    message.visibleAt = message.id === `m${index}` ? world.clock.now() : Number.POSITIVE_INFINITY;
}

test("a token whose message is there twice is in its Job once, and holds nobody up", async () => {
  const world = aroundCluster({ batch: 3 });
  const [first = "", second = ""] = world.put(2);
  world.messages.push({ ...world.messages[0]!, id: "copy" });
  await world.deliver();
  expect([...world.around.jobs.values()].map(({ manifest }) => manifest.metadata.annotations)).toEqual([
    { "millrace/jobs": `${first} ${second}` },
  ]);
  expect(world.row(first)).toMatchObject({ carrier: first, carried: [first, second] });
  expect(world.row(second).carrier).toBe(first);
});

test("who is in a Job is what the Job says, also when its carrier's row says less", async () => {
  const world = aroundCluster({ batch: 2, maxAttempts: 1 });
  const [first = "", second = ""] = world.put(2);
  world.around.answerWith(unanswered);
  await world.deliver();
  // The request is carried out while another dispatcher, which has only one of the two in hand, is about to make the Job.
  await lateJob(world, first);
  const late = world.around.jobs.get(name(first))!;
  world.around.jobs.clear();
  world.around.answerWith(() => void world.around.jobs.set(name(first), late));
  bringBack(world, 0);
  await world.deliver();
  expect(world.row(first).carried).toEqual([first]);

  world.leave(world.row(first));
  await world.report(world.row(first), finish);
  await world.deliverAll();
  await world.sweep();
  expect([...world.around.jobs.keys()]).toEqual([name(first)]);
  expect(places(world)).toEqual([[name(first)], [name(first)]]);
  expect(world.row(second).state).toBe("CREATED");
});

test("the end of a pod is charged to nobody if others were in it, also when the carrier's row knows of none", async () => {
  const world = aroundCluster({ batch: 2, maxAttempts: 1 });
  const [first = ""] = world.put(2);
  await world.deliver();
  world.jobs.rows.set(first, { ...world.row(first), carried: [first] });
  world.around.fail(name(first), 1, "out of order");
  await world.sweep();
  expect(world.row(first)).toMatchObject({ state: "CREATED", begun: 2, attemptsForgiven: 1 });
});

test("a token alone in its Job is charged with the end of its pod", async () => {
  const world = aroundCluster({ batch: 2, maxAttempts: 1 });
  const [only = ""] = world.put(1);
  await world.deliver();
  world.around.fail(name(only), 1, "out of order");
  await world.sweep();
  expect(world.row(only)).toMatchObject({ state: "FAILED", reason: "exit", attempt: 1 });
});

test("a token that runs in a Job which it was taken out of is not charged with the other's absence", async () => {
  const world = aroundCluster({ batch: 2, maxAttempts: 1 });
  const [first = "", second = ""] = world.put(2);
  world.around.answerWith(unanswered);
  await world.deliver();
  bringBack(world, 1);
  await world.deliver();
  expect(world.row(second).carrier).toBe(second);
  // Of the two requests the first is carried out, late, and the other never is.
  await lateJob(world, first);
  await world.report(world.row(second), run);
  await world.sweep();
  expect(world.row(second)).toMatchObject({ state: "CREATED", begun: 2, attemptsForgiven: 1 });
});

test("a stage whose tokens no longer share pods takes no second place for those that do", async () => {
  const world = aroundCluster({ batch: 2 });
  const [first = ""] = world.put(2);
  await world.deliver();
  const { work } = world.plan.pipelines[0]!.stages[0]! as { work: { batch?: number } };
  delete work.batch;
  bringBack(world, 1);
  await world.deliver();
  expect(places(world)).toEqual([[name(first)], [name(first)]]);
  expect([...world.around.jobs.keys()]).toEqual([name(first)]);
});

test.for(["reported", "found by the sweep"])(
  "a list that an agent has left counts, %s, though the stage is finishedBy callback by now",
  async (how) => {
    const world = aroundCluster({ finishedBy: "callback" });
    const [id = ""] = world.put(1);
    await world.deliver();
    world.leave(world.row(id), { page: "drawn" });
    world.around.succeed(name(id));
    if (how === "reported")
      await world.report(world.row(id), { ...finish, data: { pod: "pod-uid", files: 0, bytes: 0 } });
    else await world.sweep();
    expect(world.row(id).state).toBe("FINISHED");
    expect(world.sent.map(({ payload }) => payload)).toEqual([{ data: { page: "drawn" }, objects: [] }]);
  },
);

test("with room for one Job, tokens whose Job is gone do not wait for the place that they had in it", async () => {
  const world = aroundCluster({ batch: 3, concurrency: 1 });
  const ids = world.put(3);
  await world.deliver();
  // Only the carrier has been heard of when somebody deletes the Job.
  await world.report(world.row(ids[0]!), run);
  world.around.jobs.clear();
  for (let minute = 0; minute < 300 && world.messages.length > 0; minute += 1) {
    for (const { manifest } of [...world.around.jobs.values()]) {
      for (const id of manifest.metadata.annotations["millrace/jobs"].split(" ")) world.leave(world.row(id));
      world.around.succeed(manifest.metadata.name);
    }
    await world.sweep();
    world.clock.advance(60_000);
    await world.deliverAll();
  }
  expect(ids.map((id) => world.row(id))).toMatchObject([
    { state: "FINISHED", attempt: 2, attemptsForgiven: 1 },
    { state: "FINISHED", attempt: 1 },
    { state: "FINISHED", attempt: 1 },
  ]);
  expect(places(world)).toEqual([[], []]);
});
