import { hasToken, type LastingJob, receiptsOf, type Written } from "../job/lasting.ts";
import type { Commit } from "../job/record.ts";
import { pipelineOf, stageOf } from "../plan/find.ts";
import { decodeEnvelope } from "../token/envelope.ts";
import { emit } from "./emission.ts";
import { backoffSeconds } from "./give-back.ts";
import type { ClearedUp, LastingDependencies } from "./lasting.ts";

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

/** Runs in a cluster: its Job is to be deleted before its message is ended, or nobody would have a reason to. */
const isInCluster = (row: LastingJob, { plan }: LastingDependencies): boolean =>
  stageOf(pipelineOf(plan, row.pipeline), row.stage).work.kind === "image";

/** In the error bucket, given up, or called off: nobody works on its message any more. */
const isOver = ({ state, reason }: LastingJob): boolean => state === "CANCELLED" || reason !== undefined;

/** An attempt has failed, or was cleared away, and the next one is to be dispatched. */
const isBetweenAttempts = ({ state, history }: LastingJob): boolean => {
  const last = history.at(-1)?.event;
  return state === "CREATED" && (last === "retry" || last === "ready");
};

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

/**
 * Notes that nothing is left to be done, then ends the message. When it comes back all the same, that note ends it. Who has
 * no way to the cluster wakes the message instead: whoever receives it has one.
 */
async function settle(row: LastingJob, dependencies: LastingDependencies): Promise<LastingJob> {
  const { jobs, acknowledge, clearUp } = dependencies;
  let found: ClearedUp = {};
  if (isInCluster(row, dependencies)) {
    if (!clearUp) return handOver(row, dependencies);
    found = await clearUp(row);
  }
  let current = row;
  let waiting = receiptsOf(row);
  while (!current.settled) {
    // Somebody has taken it out of the error bucket meanwhile: there is something left to do after all.
    if (!current.committed && !isOver(current)) return current;
    waiting = receiptsOf(current);
    // What lies in the error bucket keeps its message, so that it can be taken up again; what is done with leaves the
    // bucket, where a retry that died may have left it.
    const remove: (keyof LastingJob)[] = current.committed
      ? ["receipt", "copies", "body", "sent", "dead", "deadAt"]
      : ["receipt", "copies"];
    const set = { settled: true as const, ...found };
    const written: Written = await jobs.write(current, { set, remove, entries: [] });
    if (!written.row) return current;
    current = written.row;
  }
  await Promise.all(waiting.map(acknowledge));
  return current;
}

async function handOver(row: LastingJob, dependencies: LastingDependencies): Promise<LastingJob> {
  const count = row.committed?.count ?? 0;
  let current = row;
  // Whoever receives the message need not send again what has been sent.
  if ((row.sent ?? 0) < count) {
    const written = await dependencies.jobs.write(row, { set: { sent: count }, entries: [] });
    current = written.row ?? row;
  }
  await release(current, 0, dependencies);
  return current;
}

/** Lets the message be received again, soon: whoever receives it dispatches the next attempt. */
async function wake(row: LastingJob, dependencies: LastingDependencies): Promise<void> {
  const { begun, attemptsForgiven = 0 } = row;
  await release(row, backoffSeconds(begun - 1 - attemptsForgiven, dependencies.random()), dependencies);
}

/** If it fails, the claim runs out by itself: nothing depends on it. */
async function release(
  row: LastingJob,
  seconds: number,
  { claims, log }: LastingDependencies,
): Promise<void> {
  await Promise.all(
    receiptsOf(row).map(({ queue, handle }) =>
      claims.release(queue, handle, seconds).catch((error: unknown) => {
        log("warn", `the claim was not given back: ${(error as Error).message}`, { job: row.id });
      }),
    ),
  );
}
