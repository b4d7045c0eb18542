import type { Clock } from "../../../lib/clock.ts";
import type { Database } from "./database.ts";
import type { ObjectVersion } from "./object-version.ts";

export type CreationReason = "PutObject" | "CopyObject" | "CompleteMultipartUpload";

/**
 * One object event, shaped for EventBridge's "Object Created" detail; the caller turns it into what its target wants.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
 */
export interface ObjectCreated {
  bucket: string;
  key: string;
  /** Bytes. */
  size: number;
  /** Without quotes. */
  etag: string;
  /** Only where versioning has been on. */
  versionId?: string;
  /** Hexadecimal, of one length; orders the events of one key. */
  sequencer: string;
  reason: CreationReason;
  /** Milliseconds. */
  time: number;
}

export type Deliver = (event: ObjectCreated) => Promise<void>;

const MAX_DELIVERIES = 16;
const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 5_000;

/** The events of one key, which are delivered one after the other. */
interface Lane {
  key: string;
  events: { seq: number; event: ObjectCreated }[];
  failures: number;
}

/**
 * Delivers object events at least once: an event is recorded in the transaction of its object and struck off when the
 * consumer has accepted it. Events of one key arrive in order; an event that is refused is offered again with growing
 * pauses and holds up no other key.
 *
 * Without a consumer nothing is recorded: nobody would ever fetch it.
 */
export class Outbox {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #deliver: Deliver | undefined;
  readonly #lanes = new Map<string, Lane>();
  /** Lanes whose first event may be delivered now. */
  readonly #ready: Lane[] = [];
  readonly #pauses = new Set<() => void>();
  #running = 0;
  #pending = 0;
  #closed = false;

  /** Takes up what a former process left undelivered, once `start` is called. */
  constructor(database: Database, clock: Clock, deliver: Deliver | undefined) {
    this.#database = database;
    this.#clock = clock;
    this.#deliver = deliver;
  }

  start(): void {
    if (!this.#deliver) return;
    for (const row of this.#database.all<{ seq: number; body: string }>(
      "SELECT * FROM events ORDER BY seq",
    )) {
      this.#enqueue(row.seq, JSON.parse(row.body));
    }
    this.#pump();
  }

  /** Records the event of a version inside the running transaction. */
  record(version: ObjectVersion, reason: CreationReason, versioned: boolean): void {
    if (!this.#deliver) return;
    const event: ObjectCreated = {
      bucket: version.bucket,
      key: version.key,
      size: version.size,
      etag: version.etag,
      versionId: versioned ? version.versionId : undefined,
      sequencer: version.seq.toString(16).toUpperCase().padStart(16, "0"),
      reason,
      time: version.modified,
    };
    this.#database.run("INSERT INTO events (seq, body) VALUES (?, ?)", version.seq, JSON.stringify(event));
    this.#database.afterCommit(() => {
      this.#enqueue(version.seq, event);
      this.#pump();
    });
  }

  /** Events that no consumer has accepted yet. */
  pending(): number {
    return this.#pending;
  }

  /** Begins no further delivery. One that is under way is not waited for; it is repeated after the next start. */
  close(): void {
    this.#closed = true;
    for (const cancel of this.#pauses) cancel();
  }

  #enqueue(seq: number, event: ObjectCreated): void {
    this.#pending++;
    const key = JSON.stringify([event.bucket, event.key]);
    const lane = this.#lanes.get(key);
    if (lane) {
      lane.events.push({ seq, event });
      return;
    }
    const opened: Lane = { key, events: [{ seq, event }], failures: 0 };
    this.#lanes.set(key, opened);
    this.#ready.push(opened);
  }

  #pump(): void {
    while (!this.#closed && this.#running < MAX_DELIVERIES) {
      const lane = this.#ready.shift();
      if (!lane) return;
      this.#running++;
      void this.#deliverFirst(lane).finally(() => {
        this.#running--;
        this.#pump();
      });
    }
  }

  async #deliverFirst(lane: Lane): Promise<void> {
    const [first] = lane.events;
    if (!first || !this.#deliver) return;
    try {
      await this.#deliver(first.event);
      if (this.#closed) return;
      this.#database.run("DELETE FROM events WHERE seq = ?", first.seq);
    } catch {
      // The consumer has its own log. Whatever the reason, the event is still due.
      this.#retryLater(lane);
      return;
    }
    this.#pending--;
    lane.events.shift();
    lane.failures = 0;
    if (lane.events.length > 0) this.#ready.push(lane);
    else this.#lanes.delete(lane.key);
  }

  #retryLater(lane: Lane): void {
    if (this.#closed) return;
    const pause = Math.min(FIRST_RETRY_MS * 2 ** lane.failures, LONGEST_RETRY_MS);
    lane.failures++;
    const cancel = this.#clock.schedule(this.#clock.now() + pause, () => {
      this.#pauses.delete(cancel);
      this.#ready.push(lane);
      this.#pump();
    });
    this.#pauses.add(cancel);
  }
}
