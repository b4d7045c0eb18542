import type { Clock } from "../clock.ts";
import type { BatchingSender, Sender } from "./sender.ts";

/** What a straggler may cost its neighbours. */
const LINGER_MS = 250;

/**
 * Runs tasks side by side and lets what they send share requests: the sender waits until each of them has sent something
 * or has ended, and then sends everything at once. Ten tokens of a batch that end at about the same time cost one
 * request, however slow the machine is; a straggler holds the others up no longer than the sender lingers.
 */
export async function sendTogether<T>(
  sender: BatchingSender,
  clock: Clock,
  tasks: readonly ((sender: Sender) => Promise<T>)[],
): Promise<T[]> {
  let silent = tasks.length;
  const spoke = (): void => {
    silent -= 1;
    // Not at once: the task that spoke last may be in the middle of sending several.
    if (silent === 0) clock.schedule(clock.now(), sender.flush);
  };
  return Promise.all(
    tasks.map(async (task) => {
      let isSilent = true;
      const speak = (): void => {
        if (isSilent) spoke();
        isSilent = false;
      };
      const send: Sender["send"] = (queue, body) => {
        speak();
        return sender.send(queue, body, LINGER_MS);
      };
      return task({ send }).finally(speak);
    }),
  );
}
