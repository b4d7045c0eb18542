import type { JobRecord } from "../../../lib/job/record.ts";
import { isDeadQueue } from "../../../lib/plan/names.ts";
import { deliveriesOf } from "../../../lib/queue/delivery.ts";
import type { MessagesEvent } from "../world/event-source.ts";
import type { ApiCall } from "../world/functions.ts";
import type { InvocationObserver } from "../world/lambda.ts";
import type { World } from "../world/world.ts";
import type { CrashCharges } from "./crash-charges.ts";
import type { CrashPoints } from "./crash-points.ts";
import { isIntake, jobOfMessage } from "./messages.ts";
import { isSettled, type Truth } from "./truth.ts";

/** Sees the invocations of functions that work on messages. They answer for each message, and never fail as a whole. */
export const batchWitness = (
  { probes }: World,
  truth: Truth,
  crashPoints: CrashPoints,
  charges: CrashCharges,
): InvocationObserver<MessagesEvent> => ({
  began(sandbox, event) {
    const deliveries = deliveriesOf(event);
    const held = deliveries.map(({ messageId: id, body, queue }) => ({ id, body, queue }));
    crashPoints.began(sandbox, held);
    charges.began(
      sandbox,
      held.map(({ id }) => id),
    );
    for (const { messageId: id, body, queue, receiveCount } of deliveries) {
      if (isIntake(queue)) continue;
      const job = truth.job(jobOfMessage(queue, { id, body }));
      probes.reachIf(receiveCount === 1 && isSettled(job), "duplicate-of-done");
      if (!isDeadQueue(queue)) {
        probes.reachIf(receiveCount > 1 && isOthers(job.row, id), "left-to-another-copy");
        continue;
      }
      job.wasRedriven = true;
      probes.reachIf(job.children !== undefined && !isSettled(job), "redriven-unemitted");
    }
  },
  ended(sandbox, ending) {
    if (ending.kind === "died") {
      crashPoints.died(sandbox, ending.cause);
      charges.lost(sandbox);
    }
    charges.ended(sandbox);
    if (ending.kind === "failed") truth.violate(`${sandbox.name} failed: ${ending.error.message}`);
  },
  overdue(sandbox) {
    charges.lost(sandbox);
  },
});

/** An attempt was begun on another message of the same token, and is not over. */
const isOthers = (row: JobRecord | undefined, messageId: string): boolean =>
  row?.begun !== undefined && row.begun > row.attempt && row.begunFor !== messageId;

/** Sees the invocations of the API. */
export const apiWitness = (truth: Truth, crashPoints: CrashPoints): InvocationObserver<ApiCall> => ({
  began(sandbox) {
    crashPoints.began(sandbox, []);
  },
  ended(sandbox, ending) {
    if (ending.kind === "died") crashPoints.died(sandbox, ending.cause);
    if (ending.kind === "failed") truth.violate(`${sandbox.name} failed: ${ending.error.message}`);
  },
});
