import { expect, test } from "vitest";
import { ClusterError } from "../../../lib/cluster/cluster.ts";
import { aroundCluster } from "./around-cluster.ts";

const HOUR = 3_600_000;
const name = (id: string, attempt = 1): string => `mr-${id}-a${attempt}`;
const finish = { event: "finish", eventId: "1-finish-1", attempt: 1 } as const;

/** What is left when a token is done with: nothing but its row, and one message to the next stage for each output. */
function expectNothingLeft({ messages, around, held }: ReturnType<typeof aroundCluster>): void {
  expect(messages).toEqual([]);
  expect([...around.jobs.keys()]).toEqual([]);
  expect([...held.values()].flatMap((jobs) => [...jobs])).toEqual([]);
}

test("a token becomes a Job, its message waits for the attempt's time, and its callback ends it", async () => {
  const world = aroundCluster();
  const [id = ""] = world.put(1);
  await world.deliver();
  expect(world.around.made).toEqual([name(id)]);
  expect(world.row(id)).toMatchObject({ state: "CREATED", begun: 1, attempt: 0 });
  // The stage's hour, ten minutes for the pod's own needs, two for the cluster to end it, and five seconds.
  expect(world.messages[0]!.visibleAt - world.clock.now()).toBe((3600 + 600 + 120 + 5) * 1000);

  world.leave(world.row(id));
  expect(await world.report(world.row(id), finish)).toMatchObject({
    kind: "applied",
    row: { state: "FINISHED" },
  });
  expect(world.sent.map(({ edge, payload }) => [edge, payload])).toEqual([
    ["ocr_bind", { data: { attempt: 1 }, objects: [] }],
  ]);
  // A callback has no way to the cluster: it calls for who has.
  expect([...world.around.jobs.keys()]).toEqual([name(id)]);
  await world.deliverAll();
  expectNothingLeft(world);
  expect(world.sent).toHaveLength(1);
  expect(world.row(id)).toMatchObject({ settled: true, log: [{ message: "hello" }] });
  expect(world.events(id)).toEqual(["create", "run 1", "finish 1"]);
});

test("a callback that was lost is made good by the sweep", async () => {
  const world = aroundCluster();
  const [id = ""] = world.put(1);
  await world.deliver();
  world.leave(world.row(id));
  world.around.succeed(name(id));
  await world.sweep();
  expectNothingLeft(world);
  expect(world.sent).toHaveLength(1);
  expect(world.row(id)).toMatchObject({ state: "FINISHED", settled: true });
});

test("without any sweep the message comes back, and whoever receives it finds what was done", async () => {
  const world = aroundCluster();
  const [id = ""] = world.put(1);
  await world.deliver();
  world.leave(world.row(id));
  world.around.succeed(name(id));
  world.clock.advance(2 * HOUR);
  await world.deliverAll();
  expectNothingLeft(world);
  expect(world.row(id).state).toBe("FINISHED");
});

test("a failed attempt is followed by the next; a callback of the first is stale from then on", async () => {
  const world = aroundCluster();
  const [id = ""] = world.put(1);
  await world.deliver();
  world.around.run(name(id));
  world.around.fail(name(id), 42, "no text");
  await world.sweep();
  world.clock.advance(10_000);
  await world.deliverAll();
  expect(world.around.made).toEqual([name(id), name(id, 2)]);
  expect([...world.around.jobs.keys()]).toEqual([name(id, 2)]);
  expect(world.row(id)).toMatchObject({ state: "CREATED", begun: 2, attempt: 1 });

  const before = JSON.stringify(world.row(id));
  world.leave(world.row(id), { from: "the dead" }, 1);
  expect(await world.report(world.row(id), finish)).toMatchObject({
    kind: "ignored",
    reason: "stale-attempt",
  });
  expect(JSON.stringify(world.row(id))).toBe(before);
  expect(world.sent).toEqual([]);

  world.leave(world.row(id));
  world.around.succeed(name(id, 2));
  await world.sweep();
  expectNothingLeft(world);
  expect(world.sent.map(({ payload }) => payload)).toEqual([{ data: { attempt: 2 }, objects: [] }]);
  expect(world.row(id).history[1]).toMatchObject({
    event: "retry",
    attempt: 1,
    data: {
      reason: "exit",
      message: "the container ended with exit code 42: no text",
      exitCode: 42,
      node: "node-1",
      container: "main",
    },
  });
});

test("after the last attempt the token lies in the error bucket, with its reason", async () => {
  const world = aroundCluster({ maxAttempts: 1 });
  const [id = ""] = world.put(1);
  await world.deliver();
  world.around.fail(name(id), 1);
  await world.sweep();
  expectNothingLeft(world);
  expect(world.row(id)).toMatchObject({ state: "FAILED", reason: "exit", dead: "scans", settled: true });
  expect(world.sent).toEqual([]);
});

test("a manifest counts, however its Job ended afterwards", async () => {
  const world = aroundCluster();
  const [id = ""] = world.put(1);
  await world.deliver();
  world.leave(world.row(id));
  world.around.fail(name(id), 137);
  await world.sweep();
  expect(world.row(id).state).toBe("FINISHED");
  expect(world.sent).toHaveLength(1);
});

test("a Job that ended well and left nothing has failed", async () => {
  const world = aroundCluster({ maxAttempts: 1 });
  const [id = ""] = world.put(1);
  await world.deliver();
  world.around.succeed(name(id));
  await world.sweep();
  expect(world.row(id)).toMatchObject({ state: "FAILED", reason: "output-missing" });
});

test("a Job that vanished before its pod spoke is made again; afterwards its attempt has failed", async () => {
  const world = aroundCluster();
  const [id = ""] = world.put(1);
  await world.deliver();
  world.around.jobs.clear();
  world.clock.advance(2 * HOUR);
  await world.deliverAll();
  expect(world.around.made).toEqual([name(id), name(id)]);
  await world.report(world.row(id), { event: "run", eventId: "run-1", attempt: 1 });
  world.around.jobs.clear();
  await world.sweep();
  expect(world.row(id)).toMatchObject({
    begun: 2,
    error: { message: "the Job is gone, and has left no manifest" },
  });
});

test("a stuck pod is reported once, within the first sweep, and ended when patience is", async () => {
  const world = aroundCluster({ maxAttempts: 1 });
  const [id = ""] = world.put(1);
  await world.deliver();
  world.around.wait(name(id), "ImagePullBackOff");
  world.clock.advance(60_000);
  await world.sweep();
  await world.sweep();
  expect(world.events(id)).toEqual(["create", "update 1"]);
  expect(world.row(id).history[1]?.data).toMatchObject({ stuck: "image", message: "main: ImagePullBackOff" });
  world.clock.advance(240_000);
  await world.sweep();
  expect(world.row(id)).toMatchObject({ state: "FAILED", reason: "image", settled: true });
  expectNothingLeft(world);
});

test("a job that runs thirteen hours keeps its claim, and finishes once", async () => {
  const world = aroundCluster({ timeout: "20h" });
  const [id = ""] = world.put(1);
  await world.deliver();
  await world.report(world.row(id), { event: "run", eventId: "run-1", attempt: 1 });
  world.around.run(name(id));
  for (let minute = 0; minute < 13 * 60; minute += 1) {
    world.clock.advance(60_000);
    await world.sweep();
    await world.deliverAll();
  }
  // Once for the twelve hours that a claim lasts at most.
  expect(world.messages[0]!.receives).toBe(2);
  expect(world.around.made).toEqual([name(id)]);
  expect(world.row(id).state).toBe("RUNNING");
  world.leave(world.row(id));
  await world.report(world.row(id), finish);
  world.around.succeed(name(id));
  await world.deliverAll();
  expectNothingLeft(world);
  expect(world.sent).toHaveLength(1);
});

test("a thousand tokens with room for twenty: never more than twenty at once, and all are done", async () => {
  const world = aroundCluster();
  const ids = world.put(1000);
  for (let second = 0; world.messages.length > 0; second += 1) {
    if (second > 3600) throw new Error(`${world.messages.length} tokens are left`);
    await world.deliverAll();
    for (const job of [...world.around.jobs.values()]) {
      const id = job.manifest.metadata.labels["millrace/job-id"] ?? "";
      if (world.row(id).state !== "CREATED") continue;
      world.leave(world.row(id));
      await world.report(world.row(id), finish);
    }
    world.clock.advance(1000);
  }
  expect(world.around.most()).toBe(20);
  expect(world.around.made).toHaveLength(1000);
  expect(ids.filter((id) => world.row(id).state !== "FINISHED")).toEqual([]);
  expect(new Set(world.sent.map((envelope) => envelope.id)).size).toBe(1000);
  expectNothingLeft(world);
  process.stdout.write(`1000 tokens, 20 at once: ${JSON.stringify(world.calls)}\n`);
});

test("a quota, or a cluster that does not answer, costs no attempt", async () => {
  const world = aroundCluster();
  const [id = ""] = world.put(1);
  let refusals = 3;
  world.around.answerWith(() => {
    refusals -= 1;
    if (refusals === 2) throw new ClusterError(403, "Forbidden", "exceeded quota: jobs");
    if (refusals >= 0) throw new ClusterError(0, "Unreachable", "the cluster does not answer");
    return undefined;
  });
  for (let round = 0; round < 4; round += 1) {
    await world.deliverAll();
    world.clock.advance(60_000);
  }
  expect(world.around.made).toEqual([name(id)]);
  expect(world.row(id)).toMatchObject({ begun: 1, attempt: 0 });
});

test.for([
  [
    { kind: "made", warnings: ['would violate PodSecurity "restricted:latest"'] },
    'would violate PodSecurity "restricted:latest"',
  ],
  [
    { kind: "foreign", job: { name: "x", uid: "u", labels: {}, jobs: [], createdAt: 0, conditions: [] } },
    "there is a Job",
  ],
] as const)(
  "what the cluster will never run is in the error bucket at once: %j",
  async ([answer, message]) => {
    const world = aroundCluster({ maxAttempts: 5 });
    const [id = ""] = world.put(1);
    world.around.answerWith(() => answer);
    await world.deliverAll();
    expect(world.row(id)).toMatchObject({ state: "FAILED", reason: "refused", settled: true });
    expect(world.row(id).error?.message).toContain(message);
    expect(world.messages).toEqual([]);
  },
);

test("a manifest that the cluster finds wrong is in the error bucket at once", async () => {
  const world = aroundCluster({ maxAttempts: 5 });
  const [id = ""] = world.put(1);
  world.around.answerWith(() => {
    throw new ClusterError(422, "Invalid", "spec.template: invalid");
  });
  await world.deliverAll();
  expect(world.row(id)).toMatchObject({
    state: "FAILED",
    reason: "refused",
    error: { message: "spec.template: invalid" },
  });
});

test("Jobs of rows that are gone, and of attempts that are over, are deleted; young ones are left alone", async () => {
  const world = aroundCluster();
  const [id = ""] = world.put(1);
  await world.deliver();
  const [job] = world.around.jobs.values();
  if (!job) throw new Error("no Job was made");
  const annotations = { "millrace/jobs": "0f8fad5b-d9cb-469f-a165-70867728950e" };
  const orphan = {
    ...job,
    uid: "o",
    manifest: { ...job.manifest, metadata: { ...job.manifest.metadata, name: "orphan", annotations } },
  };
  world.around.jobs.set("orphan", orphan);
  expect(await world.sweep()).toEqual({ waiting: 1, unknown: 1 });
  world.clock.advance(600_000);
  expect(await world.sweep()).toEqual({ waiting: 1, orphan: 1 });
  await world.report(world.row(id), { event: "fail", eventId: "f", attempt: 1 });
  expect(await world.sweep()).toEqual({ stale: 1, freed: 1 });
  expect([...world.around.jobs.keys()]).toEqual([]);
});

test("what is cancelled has no pod any more", async () => {
  const world = aroundCluster();
  const [id = ""] = world.put(1);
  await world.deliver();
  expect(await world.report(world.row(id), { event: "cancel", eventId: "c" })).toMatchObject({
    kind: "applied",
  });
  await world.deliverAll();
  expectNothingLeft(world);
  expect(world.row(id)).toMatchObject({ state: "CANCELLED", settled: true });
});

/** One token from its message to its end, with an attempt that fails. Time goes on until nothing is left of it. */
async function life(world: ReturnType<typeof aroundCluster>): Promise<string> {
  const [id = ""] = world.put(1);
  for (let minute = 0; minute < 24 * 60 && world.messages.length > 0; minute += 1) {
    await world.deliverAll();
    const row = world.jobs.rows.get(id);
    if (row && world.around.jobs.has(name(id, row.begun)) && row.state === "CREATED") {
      if (row.begun === 1) world.around.fail(name(id), 1);
      else {
        world.leave(row);
        await world.report(row, {
          event: "finish",
          eventId: `${row.begun}-finish-${row.begun}`,
          attempt: row.begun,
        });
        world.around.succeed(name(id, row.begun));
      }
    }
    await world.sweep();
    world.clock.advance(60_000);
  }
  // What a dead sweep left behind.
  for (let round = 0; round < 12; round += 1) {
    world.clock.advance(60_000);
    await world.sweep();
  }
  return id;
}

test("whoever dies, at whichever call, before or after it: one end, one message, nothing left", async () => {
  const quiet = aroundCluster();
  await life(quiet);
  const total = quiet.number();
  expect(total).toBeGreaterThan(30);
  for (let at = 1; at <= total; at += 1) {
    for (const after of [false, true]) {
      const world = aroundCluster();
      world.dieAt({ call: at, after });
      const id = await life(world);
      const where = `died ${after ? "after" : "before"} call ${at} of ${total}`;
      expect(world.row(id), where).toMatchObject({
        state: "FINISHED",
        settled: true,
        committed: { attempt: "2" },
      });
      expect(new Set(world.sent.map((envelope) => envelope.id)).size, where).toBe(1);
      expect(
        world.sent.map(({ payload }) => payload),
        where,
      ).toEqual(world.sent.map(() => ({ data: { attempt: 2 }, objects: [] })));
      expect(world.messages, where).toEqual([]);
      expect([...world.around.jobs.keys()], where).toEqual([]);
      expect(
        [...world.held.values()].flatMap((jobs) => [...jobs]),
        where,
      ).toEqual([]);
    }
  }
});

test("a token that was sent twice waits twice, and both messages are ended with its job", async () => {
  const world = aroundCluster();
  const [id = ""] = world.put(1);
  await world.deliver();
  const [first] = world.messages;
  world.messages.push({ ...first!, id: "copy", receives: 0, handle: "", visibleAt: world.clock.now() });
  await world.deliver();
  expect(world.around.made).toEqual([name(id)]);
  expect(world.messages.map(({ visibleAt }) => visibleAt > world.clock.now())).toEqual([true, true]);
  world.leave(world.row(id));
  world.around.succeed(name(id));
  await world.sweep();
  expectNothingLeft(world);
  expect(world.sent).toHaveLength(1);
});
