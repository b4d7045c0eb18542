import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import { describe, expect, test } from "vitest";
import { isExternal, sleep, useAccount } from "./sqs-harness.ts";

const sqs = useAccount();

/** Milliseconds that the work took, and what came out. */
async function timed<T>(work: Promise<T>): Promise<{ result: T; ms: number }> {
  const start = performance.now();
  const result = await work;
  return { result, ms: performance.now() - start };
}

// Upper bounds leave room for a very busy machine: a poll that is not answered when it should be takes twenty seconds.
describe.concurrent("a long poll", () => {
  test("waits its whole time when nothing comes", async () => {
    const queue = await sqs.queue();
    const { result, ms } = await timed(sqs.receive(queue, { WaitTimeSeconds: 1 }));
    expect(result).toEqual([]);
    expect(ms).toBeGreaterThan(950);
    expect(ms).toBeLessThan(15_000);
  });

  test("waits as long as the queue says if the receive does not say", async () => {
    const queue = await sqs.queue({ ReceiveMessageWaitTimeSeconds: "1" });
    const { ms } = await timed(sqs.receive(queue));
    expect(ms).toBeGreaterThan(950);
  });

  test("is answered when a message is sent", async () => {
    const queue = await sqs.queue();
    const poll = timed(sqs.bodies(queue, { WaitTimeSeconds: 20 }));
    await sleep(100);
    await sqs.send(queue, "x");
    const { result, ms } = await poll;
    expect(result).toEqual(["x"]);
    expect(ms).toBeLessThan(15_000);
  });

  test("is answered when a visibility timeout ends", async () => {
    const queue = await sqs.queue({ VisibilityTimeout: "1" });
    await sqs.send(queue, "x");
    await sqs.receiveOne(queue);
    const { result, ms } = await timed(sqs.bodies(queue, { WaitTimeSeconds: 20 }));
    expect(result).toEqual(["x"]);
    expect(ms).toBeLessThan(15_000);
  });

  test("is answered when a claim is given up", async () => {
    const queue = await sqs.queue();
    await sqs.send(queue, "x");
    const claim = await sqs.receiveOne(queue);
    const poll = timed(sqs.bodies(queue, { WaitTimeSeconds: 20 }));
    await sleep(100);
    await sqs.changeVisibility(queue, claim, 0);
    const { result, ms } = await poll;
    expect(result).toEqual(["x"]);
    expect(ms).toBeLessThan(15_000);
  });

  test("is answered when a delay ends, also of a message sent while it waits", async () => {
    const queue = await sqs.queue();
    const poll = timed(sqs.bodies(queue, { WaitTimeSeconds: 20 }));
    await sleep(100);
    await sqs.send(queue, "x", { DelaySeconds: 1 });
    const { result, ms } = await poll;
    expect(result).toEqual(["x"]);
    expect(ms).toBeGreaterThan(1_000);
    expect(ms).toBeLessThan(15_000);
  });

  test("one of five gets the message, the other four wait on", async () => {
    const queue = await sqs.queue();
    const polls = Array.from({ length: 5 }, () => timed(sqs.bodies(queue, { WaitTimeSeconds: 4 })));
    await sleep(200);
    await sqs.send(queue, "x");
    const answers = await Promise.all(polls);
    expect(answers.map(({ result }) => result.length).sort()).toEqual([0, 0, 0, 0, 1]);
    for (const { result, ms } of answers) if (result.length === 0) expect(ms).toBeGreaterThan(3_800);
  });

  test("five messages answer five polls", async () => {
    const queue = await sqs.queue();
    const polls = Array.from({ length: 5 }, () =>
      sqs.bodies(queue, { WaitTimeSeconds: 20, MaxNumberOfMessages: 1 }),
    );
    await sleep(200);
    for (const body of ["1", "2", "3", "4", "5"]) await sqs.send(queue, body);
    expect((await Promise.all(polls)).flat().sort()).toEqual(["1", "2", "3", "4", "5"]);
  });

  test("waits on twenty queues at once with one client", async () => {
    const queues = await Promise.all(Array.from({ length: 20 }, () => sqs.queue()));
    const polls = Promise.all(queues.map((queue) => sqs.receive(queue, { WaitTimeSeconds: 1 })));
    expect((await timed(polls)).ms).toBeLessThan(15_000);
  });

  test("that its client has given up does not swallow a message", async () => {
    const queue = await sqs.queue();
    for (let round = 0; round < 10; round += 1) {
      const abort = new AbortController();
      const receive = new ReceiveMessageCommand({ QueueUrl: queue, WaitTimeSeconds: 20 });
      const poll = sqs.client.send(receive, { abortSignal: abort.signal });
      await sleep(50);
      abort.abort();
      await expect(poll).rejects.toMatchObject({ name: "AbortError" });
      // Sent at once: the service has to notice the closed connection before it hands the message out.
      await sqs.send(queue, `round ${round}`);
      const message = await sqs.receiveOne(queue, { WaitTimeSeconds: 10 });
      expect(message.Attributes?.ApproximateReceiveCount).toBe("1");
      await sqs.delete(queue, message);
    }
  });
});

// Sends no signature, which another service would refuse.
describe.skipIf(isExternal)("a client that hangs up right after its request", () => {
  /** A connection on which a receive has just been sent. */
  const receiving = async (queue: string, WaitTimeSeconds: number): Promise<Socket> => {
    const { hostname, port } = await sqs.client.config.endpoint!();
    const body = JSON.stringify({ QueueUrl: queue, WaitTimeSeconds });
    const socket = connect(port ?? 0, hostname);
    await once(socket, "connect");
    const head = `POST / HTTP/1.1\r\nHost: ${hostname}\r\nX-Amz-Target: AmazonSQS.ReceiveMessage\r\n`;
    socket.write(`${head}Content-Length: ${body.length}\r\n\r\n${body}`);
    return socket;
  };

  test.for(["before", "after"])("gets no message that was sent %s it", async (when) => {
    const queue = await sqs.queue();
    const waiting = await receiving(queue, 0);
    const [answer] = await once(waiting, "data");
    waiting.destroy();
    // The same request, when nobody hangs up, is a receive.
    expect(String(answer)).toMatch(/^HTTP\/1.1 200 /);
    for (let round = 0; round < 20; round += 1) {
      if (when === "before") await sqs.send(queue, "x");
      (await receiving(queue, 20)).destroy();
      if (when === "after") await sqs.send(queue, "x");
      const message = await sqs.receiveOne(queue, { WaitTimeSeconds: 10 });
      expect(message.Attributes?.ApproximateReceiveCount).toBe("1");
      await sqs.delete(queue, message);
    }
  });
});
