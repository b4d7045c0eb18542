import type { EdgePlan, PipelinePlan } from "../plan/plan.ts";
import type { Settled, Tally } from "./tally.ts";

/** How many messages a queue holds, by what they wait for. SQS calls its counts approximate; at rest they are exact. */
export interface QueueCounts {
  readonly waiting: number;
  readonly claimed: number;
}

export interface EdgeBoard extends Settled, QueueCounts {
  /** Held back behind a gate. */
  readonly parked: number;
}

/** Where a pipeline's tokens are. On each edge, what came in is what waits, is claimed, is parked, failed or is done. */
export interface Board {
  readonly pipeline: string;
  readonly put: number;
  readonly done: number;
  readonly error: number;
  readonly skipped: number;
  readonly outstanding: number;
  /** What has arrived and is not yet on record; `put` does not count it. */
  readonly intake: QueueCounts;
  readonly stages: Readonly<Record<string, Settled>>;
  readonly edges: Readonly<Record<string, EdgeBoard>>;
  /** The lists of each edge by the names that KDP gives them. */
  readonly queues: Readonly<Record<string, EdgePlan["views"]>>;
}

const NOTHING: Settled = { done: 0, error: 0, skipped: 0 };
const EMPTY: QueueCounts = { waiting: 0, claimed: 0 };

/** @param counts by physical queue */
export function makeBoard(
  pipeline: PipelinePlan,
  { runs, edges, stages }: Tally,
  counts: ReadonlyMap<string, QueueCounts>,
): Board {
  const countsOf = ({ name, dead }: PipelinePlan["intake"]): QueueCounts => {
    const [queue, transit] = [counts.get(name) ?? EMPTY, counts.get(dead.name) ?? EMPTY];
    return { waiting: queue.waiting + transit.waiting, claimed: queue.claimed + transit.claimed };
  };
  return {
    pipeline: pipeline.id,
    put: runs.put,
    done: runs.done,
    error: runs.error,
    skipped: runs.skipped,
    outstanding: runs.outstanding,
    intake: countsOf(pipeline.intake),
    stages: Object.fromEntries(pipeline.stages.map(({ name }) => [name, stages.get(name) ?? NOTHING])),
    edges: Object.fromEntries(
      pipeline.edges.map(({ id, name, queue }) => [
        name,
        edgeBoard(countsOf(queue), edges.get(id) ?? NOTHING),
      ]),
    ),
    queues: Object.fromEntries(pipeline.edges.map(({ name, views }) => [name, views])),
  };
}

const edgeBoard = ({ waiting, claimed }: QueueCounts, { error, skipped, done }: Settled): EdgeBoard => ({
  waiting,
  claimed,
  parked: 0,
  error,
  skipped,
  done,
});
