import { type Clock, isoTime } from "../clock.ts";
import type { Logger } from "../log.ts";
import type { EdgePlan, PipelinePlan } from "../plan/plan.ts";
import { excerpt, type StageFailure } from "../stage/failure.ts";
import { jobId, strayTokenId } from "../token/ids.ts";
import type { JobStore } from "./record.ts";

/** A row ends at 400 KB, a message at 1 MiB; what is no token can only be looked at, and this much is enough for that. */
const KEPT_BODY = 100_000;

/**
 * A message that is no token: it becomes a job in the error bucket of its edge, with what was received, and no user code
 * sees it. It is a run of its own.
 */
export async function parkStray(
  message: { readonly messageId: string; readonly body: string },
  failure: StageFailure,
  { pipeline, edge }: { pipeline: PipelinePlan; edge: EdgePlan },
  {
    jobs,
    clock,
    log,
  }: {
    jobs: JobStore;
    clock: Clock;
    log: Logger;
  },
): Promise<void> {
  const token = strayTokenId(edge.id, message.messageId);
  const at = isoTime(clock.now());
  const job = {
    id: jobId(pipeline.id, edge.to, token),
    pipeline: pipeline.id,
    stage: edge.to,
    edge: edge.id,
    token,
    run: token,
  };
  log("error", failure.message, { job: job.id, token, reason: failure.reason });
  await jobs.park(
    job,
    {
      attempt: 1,
      reason: failure.reason,
      error: { message: failure.message, stack: "" },
      history: [{ event: "fail", at, attempt: 1, data: failure.reason }],
      log: [],
      body: excerpt(message.body, KEPT_BODY),
    },
    at,
  );
}
