/** Puts messages into queues. A promise that resolves means: the queue has it. */
export interface Sender {
  /** @param queue its physical name */
  send(queue: string, body: string): Promise<void>;
}

/** A sender that lets messages which are sent at about the same time share requests. */
export interface BatchingSender extends Sender {
  /** @param lingerMs how long it may wait for company; otherwise hardly at all */
  send(queue: string, body: string, lingerMs?: number): Promise<void>;
  /** Sends everything that is waiting for company. */
  flush(): void;
}

/** What a function may do to a message that it was given, besides ending it. */
export interface Claims {
  /** Lets the message become visible again after so many seconds. */
  release(queue: string, receiptHandle: string, afterSeconds: number): Promise<void>;
}

/**
 * Ends a message that was received some time ago. With a handle that is no longer the newest it does nothing, and says
 * nothing: the message comes back, and whoever receives it finds that it is done with.
 */
export type Acknowledge = (receipt: { readonly queue: string; readonly handle: string }) => Promise<void>;
