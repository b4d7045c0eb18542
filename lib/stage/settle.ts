import { hasToken, type LastingJob, type Written } from "../job/lasting.ts";
import type { Commit } from "../job/record.ts";
import { pipelineOf } from "../plan/find.ts";
import { decodeEnvelope } from "../token/envelope.ts";
import { emit } from "./emission.ts";
import { backoffSeconds } from "./give-back.ts";
import type { LastingDependencies } from "./lasting.ts";

/**
 * What follows from a lasting job's row, and may have been left undone by whoever wrote it: outputs that were committed are
 * sent, and the message that waits for the end of the job is ended. In that order: a message that was ended first would
 * be nobody's reason to come back. It is done again by whoever comes next, as often as needed, to the same effect.
 *
 * @returns the row as it is then
 */
export async function followUp(
  row: LastingJob,
  dependencies: LastingDependencies,
  { isNew = false }: { isNew?: boolean } = {},
): Promise<LastingJob> {
  if (isBetweenAttempts(row)) await wake(row, dependencies);
  return seeThrough(row, dependencies, { isNew });
}

/** The same for whoever has the message in hand, and need not call for it. */
export async function seeThrough(
  row: LastingJob,
  dependencies: LastingDependencies,
  { isNew = false }: { isNew?: boolean } = {},
): Promise<LastingJob> {
  if (row.settled || !hasToken(row)) return row;
  if (row.committed)
    return settle(await sendCommitted(row, row.committed, isNew, dependencies), dependencies);
  return isOver(row) ? settle(row, dependencies) : row;
}

/** In the error bucket, given up, or called off: nobody works on its message any more. */
const isOver = ({ state, reason }: LastingJob): boolean => state === "CANCELLED" || reason !== undefined;

/** An attempt has failed, and the next one is to be dispatched. */
const isBetweenAttempts = ({ state, begun, history }: LastingJob): boolean =>
  state === "CREATED" && begun > 1 && history.at(-1)?.event === "retry";

async function sendCommitted(
  row: LastingJob,
  commit: Commit,
  isNew: boolean,
  dependencies: LastingDependencies,
): Promise<LastingJob> {
  const { plan, jobs, objects, sender, clock, hasTime, log } = dependencies;
  const { body = "", sent = 0 } = row;
  const { hops } = decodeEnvelope(body);
  let current = row;
  await emit({ job: row, commit, hops, resend: !isNew, sent }, pipelineOf(plan, row.pipeline), {
    objects,
    sender,
    now: () => clock.now(),
    hasTime,
    log,
    noteSent: async (_job, count) => {
      const written = await jobs.write(current, { set: { sent: count }, entries: [] });
      current = written.row ?? current;
    },
  });
  return current;
}

/** Notes that nothing is left to be done, then ends the message. When it comes back all the same, that note ends it. */
async function settle(row: LastingJob, { jobs, acknowledge }: LastingDependencies): Promise<LastingJob> {
  const { receipt } = row;
  let current: LastingJob | undefined = row;
  while (current && !current.settled) {
    // What lies in the error bucket keeps its message, so that it can be taken up again.
    const remove: (keyof LastingJob)[] = current.committed ? ["receipt", "body", "sent"] : ["receipt"];
    const written: Written = await jobs.write(current, { set: { settled: true }, remove, entries: [] });
    current = written.row;
  }
  if (receipt) await acknowledge(receipt);
  return current ?? row;
}

/** Lets the message be received again, soon: whoever receives it dispatches the next attempt. */
async function wake(
  { id, receipt, begun, attemptsForgiven = 0 }: LastingJob,
  { claims, random, log }: LastingDependencies,
): Promise<void> {
  if (!receipt) return;
  const seconds = backoffSeconds(begun - 1 - attemptsForgiven, random());
  await claims.release(receipt.queue, receipt.handle, seconds).catch((error: unknown) => {
    log("warn", `the claim was not given back: ${(error as Error).message}`, { job: id });
  });
}
