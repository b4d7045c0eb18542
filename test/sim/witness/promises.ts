import { strayJobOf } from "./messages.ts";
import type { Truth } from "./truth.ts";

/** What the world outside has been promised, and what it has put where it does not belong. */
export interface Promises {
  /** A put was answered with 202. */
  accepted(token: string): void;
  /** A message was put into a queue that is no token. */
  stray(queue: string, messageId: string, body: string): void;
}

export const promisesTo = (truth: Truth): Promises => ({
  accepted: (token) => truth.promised.add(token),
  stray: (queue, messageId, body) => truth.strays.set(strayJobOf(queue, messageId), body),
});
