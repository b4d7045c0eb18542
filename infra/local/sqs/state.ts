import { COOLDOWN, limits } from "./limits.ts";
import { Message, newDelivery } from "./message.ts";
import { Queue, type QueueDefinition } from "./queue.ts";
import { JOURNAL_VERSION, type JournalRecord, type MoveTask } from "./records.ts";

type RecordOf<Kind extends JournalRecord["do"]> = Extract<JournalRecord, { do: Kind }>;

/** The key under which a deduplication window knows a message. */
export const deduplicationKey = (queue: Queue, groupId: string, deduplicationId: string): string =>
  queue.settings.deduplicatesPerGroup ? `${groupId} ${deduplicationId}` : deduplicationId;

/**
 * All queues of the service. It changes in one way only, by applying records, whether they come from a request or from the
 * journal: so a replayed journal gives the state that was.
 */
export class SqsState {
  /** By name. */
  readonly queues = new Map<string, Queue>();
  /** By id, oldest first. */
  readonly tasks = new Map<string, MoveTask>();
  readonly #deletedAt = new Map<string, number>();
  #next = 1;

  /** The number that the next message or queue gets. */
  get nextNumber(): number {
    return this.#next;
  }

  wasDeletedRecently(name: string, now: number): boolean {
    return now - (this.#deletedAt.get(name) ?? Number.NEGATIVE_INFINITY) < COOLDOWN;
  }

  apply(record: JournalRecord): void {
    switch (record.do) {
      case "start":
        this.#start(record);
        break;
      case "queue":
        this.#define(record.definition, record.at);
        break;
      case "drop-queue":
        this.queues.delete(record.queue);
        this.#deletedAt.set(record.queue, record.at);
        break;
      case "task":
        this.#keepTask(record.task);
        break;
      default:
        this.#change(record);
    }
  }

  /** Makes all messages visible that are in flight. Not recorded: a snapshot must follow. */
  releaseClaims(now: number): void {
    for (const queue of this.queues.values()) {
      queue.advance(now);
      for (const message of [...queue.messages.values()])
        if (message.state === "IN_FLIGHT") queue.show(message);
    }
  }

  /** The records that lead to this very state. Moves that are due by `now` are made first. */
  *snapshot(now: number): Generator<JournalRecord> {
    yield { do: "start", at: now, version: JOURNAL_VERSION, next: this.#next };
    for (const [queue, at] of this.#deletedAt) if (now - at < COOLDOWN) yield { do: "drop-queue", at, queue };
    for (const queue of this.queues.values()) {
      queue.advance(now);
      yield { do: "queue", at: now, definition: queue.definition };
      for (const { content, delivery, state, wake } of queue.everything()) {
        if (state === "GONE") continue;
        yield { do: "restore", at: now, queue: queue.name, state, until: wake.at, content, delivery };
      }
      const entries = queue.deduplication.entries(now);
      if (entries.length > 0) yield { do: "remember", at: now, queue: queue.name, entries };
    }
    for (const task of this.tasks.values()) yield { do: "task", at: now, task };
  }

  #start({ version, next }: RecordOf<"start">): void {
    if (version !== JOURNAL_VERSION) {
      throw new Error(`the journal is of version ${version}; this program reads version ${JOURNAL_VERSION}`);
    }
    this.#next = next;
  }

  #define(definition: QueueDefinition, at: number): void {
    const existing = this.queues.get(definition.name);
    this.#countUp(definition.id);
    if (!existing) {
      this.queues.set(definition.name, new Queue(definition));
      return;
    }
    existing.advance(at);
    existing.redefine(definition);
  }

  #keepTask(task: MoveTask): void {
    this.tasks.set(task.id, task);
    const ofSource = [...this.tasks.values()].filter(({ source }) => source === task.source);
    const surplus = ofSource.slice(0, -limits.listedTasks.most);
    for (const { id } of surplus) this.tasks.delete(id);
  }

  #change(record: Exclude<JournalRecord, { do: "start" | "queue" | "drop-queue" | "task" }>): void {
    const queue = this.queues.get(record.queue);
    if (!queue) return;
    queue.advance(record.at);
    switch (record.do) {
      case "purge":
        queue.clear();
        queue.redefine({ ...queue.definition, purgedAt: record.at });
        break;
      case "send":
        this.#send(queue, record);
        break;
      case "restore":
        this.#restore(queue, record);
        break;
      case "take":
        take(queue, record);
        break;
      case "hide":
        hide(queue, record);
        break;
      case "delete":
        withMessage(queue, record.number, (message) => queue.leave(message));
        break;
      case "dead-letter":
        this.#deadLetter(queue, record);
        break;
      case "redrive":
        this.#redrive(queue, record);
        break;
      case "remember":
        for (const [key, first] of record.entries) queue.deduplication.remember(key, first);
        break;
      default:
        throw new Error(
          `the journal has a record of an unknown kind: ${JSON.stringify(record satisfies never)}`,
        );
    }
  }

  #send(queue: Queue, { at, visibleAt, content, delivery }: RecordOf<"send">): void {
    this.#countUp(content.number);
    queue.join(new Message(content, delivery), visibleAt > at ? "DELAYED" : "VISIBLE", visibleAt);
    if (delivery.deduplicationId === undefined) return;
    const key = deduplicationKey(queue, content.groupId ?? "", delivery.deduplicationId);
    queue.deduplication.remember(key, { at, messageId: content.id, number: content.number });
  }

  #restore(queue: Queue, { state, until, content, delivery }: RecordOf<"restore">): void {
    this.#countUp(content.number);
    queue.join(new Message(content, delivery), state, until);
  }

  #deadLetter(queue: Queue, { at, to, source, number }: RecordOf<"dead-letter">): void {
    const target = this.queues.get(to);
    if (!target) return;
    target.advance(at);
    withMessage(queue, number, (message) => {
      queue.leave(message);
      const { content, delivery } = message;
      delivery.deadLetterSource = source;
      delivery.receivesElsewhere = delivery.receives;
      if (target.fifo) {
        // Two messages of one deduplication id must both find a place in the dead-letter queue.
        delivery.deduplicationId = content.id;
        delivery.enqueuedAt = at;
      }
      target.join(message, "VISIBLE", 0);
    });
  }

  #redrive(queue: Queue, { at, to, number, task, newId }: RecordOf<"redrive">): void {
    const target = this.queues.get(to);
    if (!target) return;
    target.advance(at);
    withMessage(queue, number, (message) => {
      const { content, delivery } = message;
      queue.leave(message);
      const redriven = { ...content, id: newId, number: this.#next };
      this.#countUp(redriven.number);
      target.join(new Message(redriven, newDelivery(at, delivery.deduplicationId)), "VISIBLE", 0);
      const running = this.tasks.get(task);
      if (running) this.tasks.set(task, { ...running, moved: running.moved + 1 });
    });
  }

  #countUp(used: number): void {
    if (used >= this.#next) this.#next = used + 1;
  }
}

function withMessage(queue: Queue, number: number, change: (message: Message) => void): void {
  const message = queue.messages.get(number);
  if (message) change(message);
}

function take(queue: Queue, { at, until, numbers }: RecordOf<"take">): void {
  for (const number of numbers) {
    withMessage(queue, number, (message) => {
      const { delivery } = message;
      delivery.receives += 1;
      delivery.receivedAt = at;
      delivery.firstReceivedAt ||= at;
      queue.hide(message, until);
    });
  }
  queue.advance(at);
}

function hide(queue: Queue, { at, until, number }: RecordOf<"hide">): void {
  withMessage(queue, number, (message) => {
    if (until > at) queue.hide(message, until);
    else queue.show(message);
  });
}
