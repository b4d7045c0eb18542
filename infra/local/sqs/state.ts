import { COOLDOWN, limits } from "./limits.ts";
import { Queue, type QueueDefinition } from "./queue.ts";
import { giveUp, hide, redrive, remove, restore, send, take } from "./queue-changes.ts";
import { JOURNAL_VERSION, type JournalRecord, type MoveTask, type RecordOf } from "./records.ts";

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
      const claimed = [...queue.messages.values()].filter(({ state }) => state === "IN_FLIGHT");
      for (const message of claimed) queue.show(message);
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
        this.#countUp(record.content.number);
        send(queue, record);
        break;
      case "restore":
        this.#countUp(record.content.number);
        restore(queue, record);
        break;
      case "take":
        take(queue, record);
        break;
      case "hide":
        hide(queue, record);
        break;
      case "delete":
        remove(queue, record);
        break;
      case "dead-letter":
        giveUp(queue, this.queues.get(record.to), record);
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

  #redrive(queue: Queue, record: RecordOf<"redrive">): void {
    const number = this.#next;
    if (!redrive(queue, this.queues.get(record.to), record, number)) return;
    this.#countUp(number);
    const task = this.tasks.get(record.task);
    if (task) this.tasks.set(task.id, { ...task, moved: task.moved + 1 });
  }

  #countUp(used: number): void {
    if (used >= this.#next) this.#next = used + 1;
  }
}
