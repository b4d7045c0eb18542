import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Clock, systemClock } from "../../../lib/clock.ts";
import type { Emulator, OnCall } from "../emulator.ts";
import { openDatabase } from "./database.ts";
import { requestListener } from "./http.ts";
import { createService } from "./service.ts";

export interface DynamoDbOptions {
  /** Where the tables are kept, in one SQLite file. Absent: in memory, gone with the service. */
  directory?: string;
  /** Absent: a free one. */
  port?: number;
  /** Decides when items expire and how long a client token is remembered. */
  clock?: Clock;
  onCall?: OnCall;
  /** How often expired items are looked for, in milliseconds; 5000 by default (AWS: within days). */
  ttlSweepMs?: number;
}

/** Calls `sweep` every `intervalMs`, and again at once as long as it says that there is more to do. */
function sweepRegularly(clock: Clock, intervalMs: number, sweep: (now: number) => boolean): () => void {
  let cancel: () => void;
  const plan = (delayMs: number): void => {
    cancel = clock.schedule(clock.now() + delayMs, () => plan(sweep(clock.now()) ? 0 : intervalMs));
  };
  plan(intervalMs);
  return () => cancel();
}

/**
 * A DynamoDB on the loopback interface: tables, items, secondary indexes, expressions, transactions, time to live.
 * What it refuses or does differently: no streams, no PartiQL, no backups, no capacity limits; reads of an index are
 * never late; time to live takes seconds.
 *
 * @throws MillraceError DYNAMODB_DIRECTORY_IN_USE, DYNAMODB_VERSION; Node's error for a port that is taken
 */
export async function startDynamoDb(options: DynamoDbOptions = {}): Promise<Emulator> {
  const { clock = systemClock, ttlSweepMs = 5000 } = options;
  const database = openDatabase(options.directory);
  const service = createService(database, clock);
  const server = createServer(requestListener(service, options.onCall));
  // Clients keep their connections: closing an idle one would meet a request that is just being sent on it.
  server.keepAliveTimeout = 0;
  try {
    server.listen(options.port ?? 0, "127.0.0.1");
    await once(server, "listening");
  } catch (error) {
    database.close();
    throw error;
  }
  const stopSweeping = sweepRegularly(clock, ttlSweepMs, (now) => {
    try {
      return service.sweep(now);
    } catch {
      // The disk may be full: requests say so, and this is tried again. Thrown from here it would end the process.
      return false;
    }
  });
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      stopSweeping();
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
      database.close();
    },
  };
}
