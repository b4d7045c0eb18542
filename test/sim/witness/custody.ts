import { edgeOf } from "../../../lib/plan/find.ts";
import { PIPELINE } from "../scenario/pipeline.ts";
import type { QueueModel } from "../services/queues.ts";
import { jobOfMessage } from "./messages.ts";
import { isSettled, short, type Truth } from "./truth.ts";

/**
 * At every moment, a job with something left to do must be in somebody's hands that no crash can open: a message in one
 * of its queues, or a place in the error bucket. What only a running function knows is as good as lost, even when it goes
 * well this time.
 */
export class Custody {
  readonly #truth: Truth;
  readonly #queues: QueueModel;

  constructor(truth: Truth, queues: QueueModel) {
    this.#truth = truth;
    this.#queues = queues;
  }

  /** To be called after everything that may take a job out of somebody's hands. */
  check(id: string): void {
    const job = this.#truth.job(id);
    const { row } = job;
    if (!row || isSettled(job) || (row.dead !== undefined && row.body !== undefined)) return;
    const { queue } = edgeOf(PIPELINE, row.edge);
    const isOurs = (message: { id: string; body: string }) => jobOfMessage(queue.name, message) === id;
    if (this.#queues.some(queue.name, isOurs) || this.#queues.some(queue.dead.name, isOurs)) return;
    this.#truth.violate(
      `job ${short(id)} (${row.stage}) is ${row.state} and not done with, and lies in no queue and not in the error bucket`,
    );
  }
}
