import type { Message } from "./message.ts";
import type { Queue } from "./queue.ts";

/** What a receipt handle says. It names one receive of one message; nothing has to be remembered to understand it. */
export interface Receipt {
  readonly queue: number;
  readonly message: number;
  /** Which receive it was. A later one makes this handle stale. */
  readonly receives: number;
  readonly receivedAt: number;
}

const RADIX = 36;
const FORM = /^([0-9a-z]+)\.([0-9a-z]+)\.([0-9a-z]+)\.([0-9a-z]+)$/;

/** The handle of the latest receive of the message. Since it is made of what the journal keeps, it outlives a restart. */
export function receiptHandle(queue: Queue, message: Message): string {
  const { receives, receivedAt } = message.delivery;
  const parts = [queue.id, message.content.number, receives, receivedAt];
  return parts.map((part) => part.toString(RADIX)).join(".");
}

/** The meaning of a handle, or undefined if this service cannot have given it out. */
export function parseReceipt(handle: string): Receipt | undefined {
  const parts = FORM.exec(handle);
  if (!parts) return undefined;
  const [queue = 0, message = 0, receives = 0, receivedAt = 0] = parts
    .slice(1)
    .map((part) => Number.parseInt(part, RADIX));
  return { queue, message, receives, receivedAt };
}
