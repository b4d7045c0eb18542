import { expect, test } from "vitest";
import { seeds } from "../seeds.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { ServiceProcess } from "./service-process.ts";
import { CrashLoad } from "./sqs-crash-load.ts";
import { dice } from "./sqs-dice.ts";
import { Account, isExternal, sleep } from "./sqs-harness.ts";

const ROUNDS = 5;

async function drain(account: Account, queue: string): Promise<string[]> {
  const drained: string[] = [];
  for (;;) {
    const bodies = await account.bodies(queue, { VisibilityTimeout: 600 });
    if (bodies.length === 0) return drained;
    for (const body of bodies) drained.push(body ?? "");
  }
}

// An external service is not ours to kill.
test.skipIf(isExternal).for(seeds(1))(
  "killed at random points of a load, it keeps what it acknowledged, and nothing else (seed %i)",
  async (seed) => {
    const directory = temporaryFolder();
    const choices = dice(seed);
    const { below } = choices;
    const load = new CrashLoad(choices);
    let [queue, dead] = ["", ""];
    for (let round = 0; round < ROUNDS; round += 1) {
      await using service = await ServiceProcess.start("sqs-process.ts", directory);
      const account = new Account().connect(service.endpoint);
      if (round === 0) {
        ({ queue, dead } = await account.withDeadLetters(2));
      }
      const work = load.run(account, queue, dead);
      // The work settles by itself only if it fails.
      await Promise.race([load.progress(10 + below(60)), work]);
      // Then somewhere in the middle of the requests that are under way.
      await sleep(below(10));
      await service.kill();
      await work;
      account.client.destroy();
    }

    await using service = await ServiceProcess.start("sqs-process.ts", directory, "release-claims");
    const account = new Account().connect(service.endpoint);
    const waiting = await drain(account, queue);
    const givenUp = await drain(account, dead);
    const counts = [await account.counts(queue), await account.counts(dead)];

    const found = new Set([...waiting, ...givenUp]);
    const known = [...load.known];
    const lost = known.filter(
      ([body, one]) => one.isSendAcknowledged && !one.isDeleteAttempted && !found.has(body),
    );
    const resurrected = known.filter(([body, one]) => one.isDeleteAcknowledged && found.has(body));
    expect(lost).toEqual([]);
    expect(resurrected).toEqual([]);
    // In one of the two queues, once.
    expect(waiting.length + givenUp.length).toBe(found.size);
    expect(counts).toEqual([
      { visible: 0, inFlight: waiting.length, delayed: 0 },
      { visible: 0, inFlight: givenUp.length, delayed: 0 },
    ]);
    // The load was one.
    expect(known.filter(([, one]) => one.isDeleteAcknowledged).length).toBeGreaterThan(20);
    expect(givenUp.length).toBeGreaterThan(20);
  },
);
