import { LIMITS } from "./limits.ts";
import { deadQueueName } from "./names.ts";
import type { FunctionPlan, QueuePlan } from "./plan.ts";

/**
 * AWS: set the visibility to six times the function's timeout, so that a throttled batch can be tried again, and to what a
 * batch is waited for.
 */
const visibilityOf = ({ timeoutSeconds, batchSeconds = 0 }: Fed): number =>
  Math.min(LIMITS.visibility.value, timeoutSeconds * LIMITS.visibilityTimeouts.value + batchSeconds);

type Fed = Pick<FunctionPlan, "timeoutSeconds" | "batchSeconds">;

/**
 * The queue of an edge, or of a pipeline's inputs.
 *
 * @param fed the function that it feeds
 * @param receives after so many, a message goes to the dead-letter queue
 */
export function queuePlan(name: string, fed: Fed, receives: number): QueuePlan {
  const visibilitySeconds = visibilityOf(fed);
  return {
    name,
    visibilitySeconds,
    // Less than the dead-letter queue's: a moved message keeps the time at which it was first sent.
    retentionSeconds: LIMITS.queueRetention.value - 4 * 86_400,
    maxReceiveCount: Math.min(LIMITS.maxReceiveCount.value, receives),
    dead: { name: deadQueueName(name), visibilitySeconds, retentionSeconds: LIMITS.queueRetention.value },
  };
}
