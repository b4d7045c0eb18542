import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Clock, sleep, systemClock } from "../../../lib/clock.ts";
import type { Emulator, OnCall } from "../emulator.ts";
import { Access } from "./access.ts";
import type { ResolveImage } from "./container-run.ts";
import { ControlPlane } from "./control-plane.ts";
import { Database } from "./database.ts";
import { type KubeFaults, noFaults } from "./faults.ts";
import { sendError } from "./http.ts";
import { Listings } from "./listing.ts";
import { type Service, serveRequest } from "./requests.ts";
import { KubeError } from "./status.ts";

export interface KubernetesOptions {
  /** Everything lives here; one service at a time. */
  directory: string;
  /** Which local program stands in for an image. */
  resolveImage: ResolveImage;
  /** What every container finds in its environment, as if its image had set it. The machine's PATH by default. */
  imageEnv?: Readonly<Record<string, string>>;
  /** Any free one by default. */
  port?: number;
  clock?: Clock;
  /** Called with the client's name of each operation: `createNamespacedJob`. */
  onCall?: OnCall;
  /** The administrator's. Random by default. */
  token?: string;
  /** Before the replacement of a Job's first failed pod; doubled with each failure. 10 seconds by default, as in a cluster. */
  retryDelayMs?: number;
  /** Test switches, all off by default. */
  faults?: Partial<KubeFaults>;
}

/** A running Kubernetes API. */
export interface Kubernetes extends Emulator {
  /** Bearer token with which everything is allowed. */
  readonly token: string;
  /** Sets the switches that are named; the others stay as they are. */
  setFaults(faults: Partial<KubeFaults>): void;
  /**
   * The node with everything that runs is lost: nothing is heard of it any more, and another node takes new pods. Its
   * programs die with it, or (`kill: false`) go on without anybody knowing.
   *
   * @returns its name
   */
  loseNode(options?: { kill?: boolean }): string;
  /** A lost node is taken out of the cluster: only now is it known that nothing runs there. */
  removeNode(name: string): void;
}

const RETRY_MS = 10_000;

/**
 * Starts a Kubernetes API on 127.0.0.1 (plain HTTP) that has namespaces, Jobs, pods, events, Secrets, ConfigMaps,
 * ResourceQuotas, service accounts and Roles, and runs pods as processes of this machine: see container-run.ts for what
 * becomes of images and mounts.ts for what becomes of paths. Field by field it accepts what Kubernetes 1.36 accepts; what
 * it cannot do it refuses.
 *
 * All objects survive the death of the process; what it ran does not, and the next process finds it on a node that is gone.
 *
 * @throws MillraceError KUBERNETES_DIRECTORY_IN_USE, KUBERNETES_VERSION; Node's error for a port that is taken
 */
export async function startKubernetes(options: KubernetesOptions): Promise<Kubernetes> {
  mkdirSync(options.directory, { recursive: true, mode: 0o700 });
  const database = new Database(options.directory);
  try {
    return await serve(database, options);
  } catch (error) {
    database.close();
    throw error;
  }
}

async function serve(database: Database, options: KubernetesOptions): Promise<Kubernetes> {
  const { directory, clock = systemClock, resolveImage, retryDelayMs = RETRY_MS, onCall } = options;
  const token = options.token ?? randomBytes(24).toString("base64url");
  let faults: KubeFaults = { ...noFaults, ...options.faults };
  const plane = new ControlPlane({
    database,
    directory,
    clock,
    resolveImage,
    imageEnv: options.imageEnv ?? { PATH: process.env["PATH"] ?? "" },
    retryDelayMs,
    faults: () => faults,
  });
  const service: Service = {
    plane,
    clock,
    access: new Access(plane.store, token),
    listings: new Listings(clock),
    onCall,
    faults: () => faults,
  };

  const running = new Set<Promise<void>>();
  const server = createServer({ requestTimeout: 0, keepAliveTimeout: 60_000 }, (incoming, outgoing) => {
    const done = answer(incoming, outgoing).finally(() => running.delete(done));
    running.add(done);
  });
  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    // The client went away, or a watch has ended that its change still reaches: there is nobody left to be told.
    outgoing.on("error", () => {});
    try {
      await serveRequest(service, incoming, outgoing);
    } catch (error) {
      // What is left of a refused body is read and dropped: otherwise its sending would fail before the answer is seen.
      if (!incoming.complete) incoming.resume();
      if (faults.delayMs > 0) await sleep(clock, faults.delayMs);
      sendError(outgoing, error);
    }
  };
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  plane.start();

  let closed: Promise<void> | undefined;
  const shutDown = async (): Promise<void> => {
    await new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
    await Promise.all(running);
    await plane.stop();
    database.close();
  };
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token,
    setFaults(changed) {
      faults = { ...faults, ...changed };
      plane.scheduler.again();
    },
    loseNode: ({ kill = true } = {}) => plane.loseNode(kill),
    removeNode(name) {
      if (name === plane.nodes.current) throw new KubeError("BadRequest", `${name} is not lost`);
      plane.nodes.remove(name);
    },
    close() {
      closed ??= shutDown();
      return closed;
    },
  };
}
