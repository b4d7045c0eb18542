import type { Surroundings } from "../../../lib/client/api-client.ts";
import { VirtualClock } from "../../virtual-clock.ts";

/** An API that answers what a test says, in turn. */

export interface Sent {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  readonly authorization: string | null;
  /** Milliseconds since the beginning. */
  readonly at: number;
}

type Given = { status?: number; body?: unknown; headers?: Record<string, string> } | Error;

/** @param answers in turn; the last one for ever */
export function answering(...answers: Given[]) {
  const clock = new VirtualClock();
  const begin = clock.now();
  const sent: Sent[] = [];
  let ids = 0;
  const surroundings: Surroundings & { newId(): string } = {
    clock,
    random: () => 0.5,
    newId: () => {
      ids += 1;
      return `id-${ids}`;
    },
    fetch: async (url, { method = "", body, headers }) => {
      sent.push({
        method,
        path: url.pathname + url.search,
        body: body === undefined || body === null ? undefined : JSON.parse(String(body)),
        authorization: new Headers(headers).get("authorization"),
        at: clock.now() - begin,
      });
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      if (answer instanceof Error) throw answer;
      const { status = 200, body: text, headers: more = {} } = answer ?? {};
      return new Response(typeof text === "string" ? text : JSON.stringify(text), { status, headers: more });
    },
  };
  return { clock, sent, surroundings };
}

/** Lets time pass until a promise has settled. */
export async function settled<T>(promise: PromiseLike<T>, clock: VirtualClock): Promise<T> {
  let isOver = false;
  const over = (): void => {
    isOver = true;
  };
  promise.then(over, over);
  await clock.runUntil(() => isOver);
  return promise;
}
