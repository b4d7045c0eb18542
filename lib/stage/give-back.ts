import type { Logger } from "../log.ts";
import type { Delivery } from "../queue/delivery.ts";
import type { Claims } from "../queue/sender.ts";

/** How a message that is not done with returns to its queue. */

const BACKOFF_MAX_SECONDS = 300;

/** 1 s, 2 s, 4 s … with up to half of it off, so that what failed together does not come back together. */
export function backoffSeconds(tries: number, random: number): number {
  const full = Math.min(BACKOFF_MAX_SECONDS, 2 ** Math.max(0, tries - 1));
  return Math.ceil(full * (1 - random / 2));
}

/** Gives the claim back early. If that fails, the claim runs out by itself: nothing depends on it. */
export async function release(
  delivery: Delivery,
  tries: number,
  { claims, random, log }: { claims: Claims; random: () => number; log: Logger },
): Promise<false> {
  const afterSeconds = tries === 0 ? 0 : backoffSeconds(tries, random());
  await claims.release(delivery.queue, delivery.receiptHandle, afterSeconds).catch((error: unknown) => {
    log("warn", `the claim was not given back: ${(error as Error).message}`, {
      messageId: delivery.messageId,
    });
  });
  return false;
}
