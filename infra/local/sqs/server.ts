import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type Clock, systemClock } from "../../../lib/clock.ts";
import type { Emulator, OnCall } from "../emulator.ts";
import { Broker } from "./broker.ts";
import { EndOfTurn } from "./end-of-turn.ts";
import { FaultInjector, type SqsFaults } from "./faults.ts";
import { Journal, noJournal, type RecordLog } from "./journal.ts";
import { limits } from "./limits.ts";
import { MoveTasks } from "./move-tasks.ts";
import type { Service } from "./operation.ts";
import type { Queue } from "./queue.ts";
import { ACCOUNT } from "./queue-names.ts";
import { ReceiveAttempts } from "./receive-attempts.ts";
import { Receivers } from "./receivers.ts";
import { SqsState } from "./state.ts";
import { requestListener } from "./wire.ts";

export interface SqsOptions {
  /** Where the journal lives; absent: memory only. */
  directory?: string;
  /** Default: any free one. */
  port?: number;
  /** Default: the system's. */
  clock?: Clock;
  onCall?: OnCall;
  /** Makes every message that was in flight visible at start: whoever held it ran in the process that died. Default false. */
  releaseClaims?: boolean;
  /** Test switches, all off by default. */
  faults?: Partial<SqsFaults>;
  /** Messages in flight that a queue can have. AWS raises it on request. Default 120,000. */
  inFlightLimit?: number;
  /**
   * Whether a queue cannot be purged for 60 seconds after a purge, nor created for 60 seconds after one of its name was
   * deleted, as on AWS. Default true.
   */
  cooldowns?: boolean;
}

export interface Sqs extends Emulator {
  /** Sets the switches that are named; the others stay as they are. */
  setFaults(faults: Partial<SqsFaults>): void;
}

/**
 * Serves Amazon SQS on 127.0.0.1: the JSON protocol, standard and FIFO queues, with every limit that AWS enforces. With a
 * directory, a request is answered only when its effects are in the journal there.
 *
 * @throws Error if the port is taken or the journal damaged
 */
export async function startSqs(options: SqsOptions = {}): Promise<Sqs> {
  const clock = options.clock ?? systemClock;
  const faults = new FaultInjector();
  faults.set(options.faults ?? {});

  const state = new SqsState();
  const endOfTurn = new EndOfTurn(() => {
    receivers.serve();
    journal.write();
    journal.compactIfGrown(() => state.snapshot(clock.now()));
  });
  const receivers = new Receivers(clock, endOfTurn.request);
  const journal = openJournal(options, state, clock, endOfTurn);
  const broker = new Broker({
    state,
    journal,
    clock,
    faults,
    inFlightLimit: options.inFlightLimit ?? limits.inFlight,
    changed: (queue: Queue) => receivers.changed(queue),
  });
  const tasks = new MoveTasks(broker, clock);
  const service: Service = {
    broker,
    receivers,
    tasks,
    faults,
    attempts: new ReceiveAttempts(),
    cooldowns: options.cooldowns ?? true,
    queueUrl: (name) => `${endpoint}/${ACCOUNT}/${name}`,
  };

  const server = createServer(requestListener(service, journal, options.onCall));
  // Clients keep connections; one that is closed under a client's hands costs it a failed request.
  server.keepAliveTimeout = 0;
  const endpoint = `http://127.0.0.1:${await listen(server, options.port ?? 0)}`;
  tasks.resume();

  const shutDown = async () => {
    tasks.stop();
    receivers.end();
    // Lets the receives that have just ended send their answers.
    await new Promise((resolve) => setImmediate(resolve));
    await closeServer(server);
    journal.close();
  };
  let closed: Promise<void> | undefined;
  return {
    endpoint,
    setFaults: (changed) => faults.set(changed),
    close() {
      closed ??= shutDown();
      return closed;
    },
  };
}

function openJournal(
  { directory, releaseClaims }: SqsOptions,
  state: SqsState,
  clock: Clock,
  endOfTurn: EndOfTurn,
): RecordLog {
  if (directory === undefined) return noJournal;
  const snapshot = () => {
    if (releaseClaims) state.releaseClaims(clock.now());
    return state.snapshot(clock.now());
  };
  return Journal.open(directory, (record) => state.apply(record), snapshot, endOfTurn.request);
}

/** @returns the port */
async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return (server.address() as AddressInfo).port;
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await closed;
}
