import type { FirstSend } from "./deduplication.ts";
import type { Delivery, MessageContent, MessageState } from "./message.ts";
import type { QueueDefinition } from "./queue.ts";

export type MoveTaskStatus = "RUNNING" | "COMPLETED" | "CANCELLED" | "FAILED";

/** A message move task: the messages of a dead-letter queue on their way back. */
export interface MoveTask {
  readonly id: string;
  /** Name of the dead-letter queue. */
  readonly source: string;
  /** ARN; absent: each message goes to the queue that gave it up. */
  readonly destination?: string;
  readonly messagesPerSecond?: number;
  readonly startedAt: number;
  readonly toMove: number;
  readonly moved: number;
  readonly status: MoveTaskStatus;
  readonly failureReason?: string;
}

/**
 * Every change of the service's state is one of these; the journal is a list of them, one JSON line each. `at`: when it
 * happened, in milliseconds since 1970. What happens by itself (a visibility timeout ends) is not written: it follows from
 * the instants in the records. A change that must not be seen by halves is one record.
 */
export type JournalRecord =
  /** Head of a journal. Numbers of messages and queues go on from `next`. */
  | { do: "start"; at: number; version: number; next: number }
  /** Creates the queue or gives it a new definition. */
  | { do: "queue"; at: number; definition: QueueDefinition }
  | { do: "drop-queue"; at: number; queue: string }
  | { do: "purge"; at: number; queue: string }
  | { do: "send"; at: number; queue: string; visibleAt: number; content: MessageContent; delivery: Delivery }
  /** A message as it was, in a snapshot; or the second copy that a fault switch makes. */
  | {
      do: "restore";
      at: number;
      queue: string;
      state: Exclude<MessageState, "GONE">;
      until: number;
      content: MessageContent;
      delivery: Delivery;
    }
  /** A receive. */
  | { do: "take"; at: number; queue: string; until: number; numbers: number[] }
  /** A change of visibility; an instant that has passed makes the message visible. */
  | { do: "hide"; at: number; queue: string; until: number; number: number }
  | { do: "delete"; at: number; queue: string; number: number }
  /** From `queue` to its dead-letter queue `to`. `source`: ARN of `queue`. */
  | { do: "dead-letter"; at: number; queue: string; to: string; source: string; number: number }
  /** From the dead-letter queue `queue` to `to`, by a move task, as a new message. */
  | { do: "redrive"; at: number; queue: string; to: string; number: number; task: string; newId: string }
  | { do: "remember"; at: number; queue: string; entries: [key: string, first: FirstSend][] }
  | { do: "task"; at: number; task: MoveTask };

export type RecordOf<Kind extends JournalRecord["do"]> = Extract<JournalRecord, { do: Kind }>;

export const JOURNAL_VERSION = 1;
