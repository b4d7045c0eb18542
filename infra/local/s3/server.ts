import { mkdirSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type Clock, systemClock } from "../../../lib/clock.ts";
import type { Emulator, OnCall } from "../emulator.ts";
import { isLoopbackHost } from "../loopback.ts";
import { BlobStore } from "./blob-store.ts";
import { BucketStore } from "./bucket-store.ts";
import { Database } from "./database.ts";
import { S3Error } from "./errors.ts";
import { checkExpectedOwner, checkHeadersKnown } from "./headers.ts";
import { respond } from "./http.ts";
import { checkKey } from "./limits.ts";
import { ObjectStore } from "./object-store.ts";
import { type Deliver, Outbox } from "./outbox.ts";
import { type Credentials, checkPresigned, isPresigned, withoutSignature } from "./presigned.ts";
import type { S3Request } from "./request.ts";
import { findOperation } from "./routes.ts";
import type { S3Response, Service } from "./service.ts";
import { UploadStore } from "./upload-store.ts";

export type { ObjectCreated } from "./outbox.ts";

export interface S3Options {
  /** Everything lives here; one service at a time. */
  directory: string;
  /** Any free one by default. */
  port?: number;
  clock?: Clock;
  onCall?: OnCall;
  /** Whose presigned URLs are accepted: secrets by access key id. `local` with the secret `local` by default. */
  credentials?: Credentials;
  /**
   * Called with every object created in a bucket that has EventBridge notification on: at least once, in order per
   * key, again with back-off until it resolves. Without it no events are kept.
   */
  onObjectCreated?: Deliver;
}

/** A running S3 service. */
export interface S3Service extends Emulator {
  /** Events that have not been accepted yet. */
  pendingEvents(): number;
}

/**
 * Starts a local S3 on 127.0.0.1, path style.
 *
 * A request with an `Authorization` header is accepted, whatever the header holds: SigV4 is the larger part of a call's
 * cost, and a client may leave it out by sending any constant. Presigned URLs are verified, signature and expiry.
 * Requests with neither are refused. Access policies, encryption at rest and storage classes have no effect. What the
 * service does not know it refuses with 501.
 *
 * An answered write survives the death of the process; it may not survive a loss of power.
 *
 * @throws MillraceError S3_DIRECTORY_IN_USE, S3_VERSION; Node's error for a port that is taken
 */
export async function startS3(options: S3Options): Promise<S3Service> {
  mkdirSync(options.directory, { recursive: true });
  const database = new Database(options.directory);
  try {
    return await serve(database, options);
  } catch (error) {
    database.close();
    throw error;
  }
}

async function serve(database: Database, options: S3Options): Promise<S3Service> {
  const { clock = systemClock, credentials = { local: "local" }, onCall } = options;
  const outbox = new Outbox(database, clock, options.onObjectCreated);
  const service = openService(options.directory, database, outbox, clock);

  const running = new Set<Promise<void>>();
  const server = createServer({ requestTimeout: 0, keepAliveTimeout: 60_000 }, (incoming, outgoing) => {
    const done = respond(incoming, outgoing, (request) =>
      answer(service, request, credentials, onCall),
    ).finally(() => running.delete(done));
    running.add(done);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  outbox.start();

  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    pendingEvents: () => outbox.pending(),
    async close() {
      outbox.close();
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
      await Promise.all(running);
      await service.blobs.settle();
      database.close();
    },
  };
}

function openService(directory: string, database: Database, outbox: Outbox, clock: Clock): Service {
  const blobs = new BlobStore(join(directory, "blobs"), database);
  const buckets = new BucketStore(database, blobs);
  const objects = new ObjectStore(database, blobs, buckets, outbox);
  const uploads = new UploadStore(database, blobs, buckets, objects);
  uploads.forgetCompleted(clock.now());
  return { clock, blobs, buckets, objects, uploads };
}

/** Decides whether a request is allowed and what it asks for, and does it. */
async function answer(
  service: Service,
  request: S3Request,
  credentials: Credentials,
  onCall: OnCall | undefined,
): Promise<S3Response> {
  checkHost(request.headers.get("host"));
  const meant = authenticated(request, credentials, service.clock.now());
  const operation = findOperation(meant);
  onCall?.(operation.name);
  checkHeadersKnown(meant.headers);
  checkExpectedOwner(meant.headers);
  checkKey(meant.key);
  return operation.handle(service, meant);
}

/** The request without what signs it. A signature in the `Authorization` header is taken on trust. */
function authenticated(request: S3Request, credentials: Credentials, now: number): S3Request {
  if (isPresigned(request.query)) {
    checkPresigned(request, credentials, now);
    return withoutSignature(request);
  }
  if (request.headers.has("authorization")) return request;
  throw new S3Error("AccessDenied", "Access Denied: the request is not signed.");
}

/**
 * Only path style is understood: with the bucket in the host name, a key's first segment would be taken for the
 * bucket. It also keeps web pages out that point a name of their own at the loopback address.
 */
function checkHost(host: string | undefined): void {
  if (isLoopbackHost(host)) return;
  throw new S3Error(
    "AccessDenied",
    `Access Denied: address this service as 127.0.0.1, in path style, not as ${host}.`,
  );
}
