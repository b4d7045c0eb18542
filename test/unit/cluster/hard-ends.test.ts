import { expect, test } from "vitest";
import { manifestKey } from "../../../lib/agent/manifest-file.ts";
import { ClusterError } from "../../../lib/cluster/cluster.ts";
import { aroundCluster } from "./around-cluster.ts";

/** Ends of attempts that nobody meant, each of which once left a token, a place or a Job behind for ever. */

const HOUR = 3_600_000;
const name = (id: string, attempt = 1): string => `mr-${id}-a${attempt}`;
const places = ({ held }: ReturnType<typeof aroundCluster>): string[] =>
  [...held.values()].flatMap((jobs) => [...jobs]);

test("a manifest that cannot be passed on fails its attempt, whoever finds it", async () => {
  for (const who of ["sweep", "dispatch"] as const) {
    const world = aroundCluster();
    const [id = ""] = world.put(1);
    await world.deliver();
    for (const attempt of [1, 2]) {
      world.bucket.set(manifestKey(world.row(id).path), Buffer.from('{"v":2}'));
      world.around.succeed(name(id, attempt));
      if (who === "sweep") await world.sweep();
      world.clock.advance(2 * HOUR);
      await world.deliverAll();
    }
    expect(world.row(id), who).toMatchObject({ state: "FAILED", reason: "output-invalid", settled: true });
    expect(world.row(id).error?.message).toContain("the attempt's manifest is wrong");
    expect(world.sent).toEqual([]);
    expect(world.messages).toEqual([]);
    expect(places(world)).toEqual([]);
  }
});

test("a log that cannot be read, on a machine that is gone, does not hold up the next attempt", async () => {
  const world = aroundCluster();
  const [id = ""] = world.put(1);
  await world.deliver();
  world.around.run(name(id));
  world.around.fail(name(id), 137);
  world.around.cluster.logTail = async () => {
    throw new ClusterError(500, "InternalError", "dial tcp 10.0.0.1:10250: i/o timeout");
  };
  await world.sweep();
  world.clock.advance(10_000);
  await world.deliverAll();
  expect(world.around.made).toEqual([name(id), name(id, 2)]);
  world.leave(world.row(id));
  world.around.succeed(name(id, 2));
  await world.sweep();
  expect(world.row(id)).toMatchObject({ state: "FINISHED", settled: true });
  expect([...world.around.jobs.keys()]).toEqual([]);
  expect(places(world)).toEqual([]);
});

test("input that is gone fails the token, and gives its place back", async () => {
  const world = aroundCluster();
  const [id = ""] = world.put(1, { key: "gone", size: 1, sha256: "0".repeat(64), etag: '"e"' });
  await world.deliver();
  expect(world.row(id)).toMatchObject({ state: "FAILED", reason: "object-missing", settled: true });
  expect(places(world)).toEqual([]);
});

test.for([
  [new ClusterError(400, "BadRequest", 'strict decoding error: unknown field "spec.x"'), "unknown field"],
  [
    new ClusterError(403, "Forbidden", 'admission webhook "policy.example" denied the request: no'),
    "denied the request",
  ],
] as const)(
  "what the cluster will never take is in the error bucket at once: %s",
  async ([error, message]) => {
    const world = aroundCluster();
    const [id = ""] = world.put(1);
    world.around.answerWith(() => {
      throw error;
    });
    await world.deliver();
    expect(world.row(id)).toMatchObject({ state: "FAILED", reason: "refused", settled: true });
    expect(world.row(id).error?.message).toContain(message);
    expect(places(world)).toEqual([]);
  },
);

test("a function that may not make Jobs keeps no place from those that may", async () => {
  const world = aroundCluster();
  const [id = ""] = world.put(1);
  world.around.answerWith(() => {
    throw new ClusterError(403, "Forbidden", "jobs.batch is forbidden: User cannot create resource");
  });
  await world.deliver();
  expect(world.row(id)).toMatchObject({ state: "CREATED", attempt: 0 });
  expect(places(world)).toEqual([]);
  expect(world.messages).toHaveLength(1);
});

test("a job that is reset loses its Job and its places, and gets others when it is ready", async () => {
  const world = aroundCluster();
  const [id = ""] = world.put(1);
  await world.deliver();
  world.around.run(name(id));
  await world.report(world.row(id), { event: "run", eventId: "run-1", attempt: 1 });
  await world.report(world.row(id), { event: "reset", eventId: "reset-1" });
  await world.sweep();
  expect([...world.around.jobs.keys()]).toEqual([]);
  expect(places(world)).toEqual([]);
  await world.report(world.row(id), { event: "ready", eventId: "ready-1" });
  await world.deliverAll();
  world.clock.advance(10_000);
  await world.deliverAll();
  expect([...world.around.jobs.keys()]).toEqual([name(id, 2)]);
});

test("a Job that never stops ending is given up when the attempt's time is over", async () => {
  const world = aroundCluster();
  const [id = ""] = world.put(1);
  await world.deliver();
  const { getJob } = world.around.cluster;
  world.around.cluster.getJob = async (wanted) => {
    const job = await getJob(wanted);
    return job && wanted === name(id) ? { ...job, deletingAt: 1 } : job;
  };
  world.clock.advance(2 * HOUR);
  await world.deliverAll();
  world.clock.advance(10_000);
  await world.deliverAll();
  expect(world.around.made).toEqual([name(id), name(id, 2)]);
});

test("one job that cannot be looked at does not keep the sweep from the others", async () => {
  const world = aroundCluster({ maxAttempts: 1 });
  const ids = world.put(2);
  await world.deliver();
  for (const id of ids) await world.report(world.row(id), { event: "run", eventId: "run-1", attempt: 1 });
  world.around.jobs.clear();
  const { getJob } = world.around.cluster;
  world.around.cluster.getJob = async (wanted) => {
    if (wanted === name(ids[0] ?? "")) throw new ClusterError(500, "InternalError", "no");
    return getJob(wanted);
  };
  expect(await world.sweep()).toMatchObject({ error: 1, vanished: 1 });
  expect(world.row(ids[1] ?? "")).toMatchObject({ state: "FAILED", reason: "vanished" });
});

test("a retry that died before it sent the message keeps no place that came to it late", async () => {
  const world = aroundCluster();
  const [id = ""] = world.put(1);
  world.around.answerWith(() => {
    throw new ClusterError(400, "BadRequest", "no");
  });
  await world.deliver();
  const { isOurs } = await world.jobs.write(world.row(id), {
    set: { state: "CREATED", begun: 2 },
    remove: ["settled", "reason"],
    entries: [{ event: "reopen", at: new Date(world.clock.now()).toISOString() }],
  });
  expect(isOurs).toBe(true);
  for (const jobs of world.held.values()) jobs.add(name(id, 2));
  // Its message may still be on the way.
  await world.sweep();
  expect(places(world)).toEqual([name(id, 2), name(id, 2)]);
  world.clock.advance(10 * 60_000);
  await world.sweep();
  expect(places(world)).toEqual([]);
});
