import { expect, test } from "vitest";
import { aroundCluster } from "./around-cluster.ts";

/** Tokens that share a pod: one Job, and for each of them its own row, key, attempts and end. */

type World = ReturnType<typeof aroundCluster>;

const name = (id: string, attempt = 1): string => `mr-${id}-a${attempt}`;
const places = ({ held }: World): string[][] => [...held.values()].map((jobs) => [...jobs]);
const finish = { event: "finish", eventId: "1-finish-1", attempt: 1 } as const;
const run = { event: "run", eventId: "1-run", attempt: 1 } as const;

function expectNothingLeft(world: World): void {
  expect(world.messages).toEqual([]);
  expect([...world.around.jobs.keys()]).toEqual([]);
  expect(places(world).flat()).toEqual([]);
}

/** Time goes on, with a sweep each minute, until nothing is left. */
async function minutes(world: World, count: number): Promise<void> {
  for (let minute = 0; minute < count; minute += 1) {
    world.clock.advance(60_000);
    await world.deliverAll();
    await world.sweep();
  }
}

test("seven tokens, three to a Job: three Jobs, each with one place, named by one of its tokens", async () => {
  const world = aroundCluster({ batch: 3 });
  const ids = world.put(7);
  await world.deliver();
  const [a, b, c, d, e, f, g] = ids as [string, string, string, string, string, string, string];
  const { jobs } = world.around;
  expect([...jobs.keys()].sort()).toEqual([name(a), name(d), name(g)].sort());
  expect([a, d, g].map((id) => jobs.get(name(id))?.manifest.metadata.annotations)).toEqual([
    { "millrace/jobs": `${a} ${b} ${c}` },
    { "millrace/jobs": `${d} ${e} ${f}` },
    { "millrace/jobs": g },
  ]);
  expect(places(world).map((each) => each.sort())).toEqual([
    [name(a), name(d), name(g)].sort(),
    [name(a), name(d), name(g)].sort(),
  ]);
  expect(ids.map((id) => world.row(id).carrier)).toEqual([a, a, a, d, d, d, g]);
  expect(ids.map((id) => world.row(id).begun)).toEqual([1, 1, 1, 1, 1, 1, 1]);
});

test("the pod is told of each token, with its own key and folder; the program's environment names none", async () => {
  const world = aroundCluster({ batch: 2 });
  const ids = world.put(2);
  await world.deliver();
  const [job] = world.around.jobs.values();
  const { initContainers = [], containers } = job!.manifest.spec.template.spec;
  const [fetch, main] = initContainers;
  const told = fetch?.env?.find((each) => each.name === "MILLRACE_ATTEMPTS")?.value ?? "";
  expect(containers[0]?.env?.find((each) => each.name === "MILLRACE_ATTEMPTS")?.value).toBe(told);
  const attempts = JSON.parse(told) as { key: string; callback: { key: string } }[];
  expect(attempts).toEqual(
    ids.map((id, index) => ({
      job: id,
      attempt: 1,
      key: expect.stringContaining(`.scans.${id}.1.`),
      folder: `3ca20f7b-9b2d-5f6c-ba76-00000000000${index}`,
      callback: {
        url: `https://api.example/v1/jobs/${id}/events`,
        key: expect.stringContaining(".progress."),
      },
    })),
  );
  expect(attempts.every(({ key }) => key.includes(".work."))).toBe(true);
  expect(main?.env).toEqual([
    { name: "MILLRACE_IN", value: "/millrace/in" },
    { name: "MILLRACE_OUT", value: "/millrace/out" },
  ]);
});

test("the Job goes when the last of its tokens has ended, and not before", async () => {
  const world = aroundCluster({ batch: 3 });
  const ids = world.put(3);
  await world.deliver();
  for (const [index, id] of ids.entries()) {
    expect([...world.around.jobs.keys()], `before token ${index}`).toEqual([name(ids[0]!)]);
    world.leave(world.row(id), { page: index });
    await world.report(world.row(id), finish);
    await world.deliverAll();
    expect(world.row(id)).toMatchObject({ state: "FINISHED", settled: true, log: [{ message: "hello" }] });
  }
  expectNothingLeft(world);
  expect(world.sent.map(({ payload }) => payload)).toEqual([
    { data: { page: 0 }, objects: [] },
    { data: { page: 1 }, objects: [] },
    { data: { page: 2 }, objects: [] },
  ]);
});

test("a pod that breaks is charged to nobody; the next attempts have pods for themselves, and show who it was", async () => {
  const world = aroundCluster({ batch: 3, maxAttempts: 1 });
  const [good = "", bad = "", other = ""] = world.put(3);
  await world.deliver();
  world.around.run(name(good));
  world.around.fail(name(good), 1, "out of order");
  await world.sweep();
  expect([good, bad, other].map((id) => world.row(id))).toMatchObject([
    { state: "CREATED", begun: 2, attempt: 1, attemptsForgiven: 1 },
    { state: "CREATED", begun: 2, attempt: 1, attemptsForgiven: 1 },
    { state: "CREATED", begun: 2, attempt: 1, attemptsForgiven: 1 },
  ]);
  await minutes(world, 1);
  expect(world.around.made.slice(1).sort()).toEqual([name(good, 2), name(bad, 2), name(other, 2)].sort());
  for (const id of [good, other]) {
    world.leave(world.row(id));
    world.around.succeed(name(id, 2));
  }
  world.around.fail(name(bad, 2), 1, "out of order");
  await minutes(world, 3);
  expect([good, bad, other].map((id) => world.row(id))).toMatchObject([
    { state: "FINISHED", committed: { attempt: "2" } },
    { state: "FAILED", reason: "exit", attempt: 2 },
    { state: "FINISHED", committed: { attempt: "2" } },
  ]);
  expectNothingLeft(world);
});

test("what is told of one token is charged to that one, and the others go on", async () => {
  const world = aroundCluster({ batch: 2, maxAttempts: 2 });
  const [bad = "", good = ""] = world.put(2);
  await world.deliver();
  await world.report(world.row(bad), {
    event: "fail",
    eventId: "1-fail",
    attempt: 1,
    failure: { reason: "output-missing", message: "nothing there" },
  });
  expect(world.row(bad)).toMatchObject({ begun: 2, attempt: 1 });
  expect(world.row(bad).attemptsForgiven).toBeUndefined();
  // The second attempt must not take the pod away from under the other.
  await minutes(world, 2);
  expect([...world.around.jobs.keys()]).toEqual([name(bad), name(bad, 2)]);
  expect(places(world)[0]).toEqual([name(bad), name(bad, 2)]);
  world.leave(world.row(good));
  await world.report(world.row(good), finish);
  await minutes(world, 1);
  expect(world.row(good)).toMatchObject({ state: "FINISHED", committed: { attempt: "1" } });
  expect([...world.around.jobs.keys()]).toEqual([name(bad, 2)]);
});

test("of a Job that was made for others, a token is none: it is given to another", async () => {
  const world = aroundCluster({ batch: 2 });
  const [first = "", second = ""] = world.put(2);
  // Somebody else was quicker, and had only one of the two.
  const alone = aroundCluster({ batch: 2 });
  alone.put(1);
  await alone.deliver();
  world.around.jobs.set(name(first), alone.around.jobs.get(name(first))!);
  await world.deliver();
  expect(world.row(second).carrier).toBe(first);
  await minutes(world, 1);
  expect([...world.around.jobs.keys()]).toEqual([name(first), name(second)]);
  expect(world.row(second)).toMatchObject({ carrier: second, begun: 1, attempt: 0 });
});

test("whoever dies before the Job is made leaves nothing that is waited for", async () => {
  const quiet = aroundCluster({ batch: 2 });
  const ids = quiet.put(2);
  await quiet.deliver();
  const total = quiet.number();
  expect(total).toBeGreaterThan(10);
  for (let at = 1; at <= total; at += 1) {
    for (const after of [false, true]) {
      const each = aroundCluster({ batch: 2 });
      each.put(2);
      each.dieAt({ call: at, after });
      await minutes(each, 6);
      const where = `died ${after ? "after" : "before"} call ${at} of ${total}`;
      const running = [...each.around.jobs.values()].flatMap(({ manifest }) =>
        manifest.metadata.annotations["millrace/jobs"].split(" "),
      );
      expect(running.toSorted(), where).toEqual(ids.toSorted());
      for (const id of ids) {
        each.leave(each.row(id));
        await each.report(each.row(id), finish);
      }
      await minutes(each, 12);
      expect(
        ids.map((id) => each.row(id).state),
        where,
      ).toEqual(["FINISHED", "FINISHED"]);
      expectNothingLeft(each);
    }
  }
});

test("a Job that is gone while its tokens run is found to be, for each of them", async () => {
  const world = aroundCluster({ batch: 3 });
  const ids = world.put(3);
  await world.deliver();
  for (const id of ids) await world.report(world.row(id), run);
  // The carrier has ended: the others are found all the same.
  world.leave(world.row(ids[0]!));
  await world.report(world.row(ids[0]!), finish);
  world.around.jobs.clear();
  expect(await world.sweep()).toMatchObject({ vanished: 1 });
  expect(ids.map((id) => world.row(id))).toMatchObject([
    { state: "FINISHED" },
    { state: "CREATED", begun: 2, attemptsForgiven: 1 },
    { state: "CREATED", begun: 2, attemptsForgiven: 1 },
  ]);
});

test("a token that is reset leaves the others their pod", async () => {
  const world = aroundCluster({ batch: 2 });
  const [reset = "", other = ""] = world.put(2);
  await world.deliver();
  for (const id of [reset, other]) await world.report(world.row(id), run);
  await world.report(world.row(reset), { event: "reset", eventId: "reset-1" });
  await world.sweep();
  expect([...world.around.jobs.keys()]).toEqual([name(reset)]);
  await world.report(world.row(reset), { event: "ready", eventId: "ready-1" });
  await minutes(world, 1);
  expect([...world.around.jobs.keys()]).toEqual([name(reset), name(reset, 2)]);
  world.leave(world.row(other));
  await world.report(world.row(other), finish);
  await minutes(world, 1);
  expect([...world.around.jobs.keys()]).toEqual([name(reset, 2)]);
});

test("a hundred tokens, four to a Job, with room for three: never more than three at once, all done", async () => {
  const world = aroundCluster({ batch: 4, concurrency: 3 });
  const ids = world.put(100);
  const most = { jobs: 0, tokens: 0 };
  for (let second = 0; second < 4 * 3600 && world.messages.length > 0; second += 10) {
    await world.deliverAll();
    const jobs = [...world.around.jobs.values()];
    most.jobs = Math.max(most.jobs, jobs.length);
    for (const { manifest, createdAt } of jobs.filter((job) => world.clock.now() - job.createdAt >= 60_000)) {
      const inJob = manifest.metadata.annotations["millrace/jobs"].split(" ");
      most.tokens = Math.max(most.tokens, inJob.length);
      expect(createdAt).toBeGreaterThan(0);
      for (const id of inJob) world.leave(world.row(id));
      world.around.succeed(manifest.metadata.name);
    }
    if (second % 60 === 0) await world.sweep();
    world.clock.advance(10_000);
  }
  expect(new Set(ids.map((id) => world.row(id).state))).toEqual(new Set(["FINISHED"]));
  expect(most).toEqual({ jobs: 3, tokens: 4 });
  // Full Jobs would be 25; who waits for a place comes back when it will.
  expect(world.around.made.length).toBeLessThan(50);
  expectNothingLeft(world);
});

test("what the cluster refuses, it refuses for all that were to share it", async () => {
  const world = aroundCluster({ batch: 2 });
  const ids = world.put(2);
  world.around.answerWith(() => ({ kind: "made", warnings: ['would violate PodSecurity "restricted"'] }));
  await world.deliverAll();
  expect(ids.map((id) => world.row(id))).toMatchObject([
    { state: "FAILED", reason: "refused", settled: true },
    { state: "FAILED", reason: "refused", settled: true },
  ]);
  expectNothingLeft(world);
});

test("a program that reports its own end has the key for it, and no agent behind it", async () => {
  const world = aroundCluster({ finishedBy: "callback" });
  const [id = ""] = world.put(1);
  await world.deliver();
  const { initContainers, containers } = [...world.around.jobs.values()][0]!.manifest.spec.template.spec;
  expect(initContainers?.map((each) => each.name)).toEqual(["fetch"]);
  expect(containers.map((each) => each.name)).toEqual(["main"]);
  const key = containers[0]?.env?.find((each) => each.name === "MILLRACE_KEY")?.value;
  expect(key).toContain(`.scans.${id}.1.`);
  expect(key).toContain(".work.");
  // It has ended well, and said nothing: the attempt has failed.
  world.around.succeed(name(id));
  await world.sweep();
  expect(world.row(id)).toMatchObject({ begun: 2, error: { message: expect.stringContaining("report") } });
});
