import { readKey } from "../../../lib/job/callback-key.ts";
import { isLasting } from "../../../lib/job/lasting.ts";
import type { ApiAnswer } from "../scenario/traffic.ts";
import type { Probe, Probes } from "./probes.ts";
import { short, type Truth } from "./truth.ts";

interface Taken {
  readonly applied?: boolean;
  readonly reason?: string;
}

const PROBE_OF: Readonly<Record<string, Probe>> = {
  duplicate: "report-duplicate",
  "stale-attempt": "report-stale",
  finished: "report-after-end",
  failed: "report-after-end",
};

/** Sees what reports of lasting jobs are answered: an answer is a promise. */
export class ReportWitness {
  readonly #truth: Truth;
  readonly #probes: Probes;

  constructor(truth: Truth, probes: Probes) {
    this.#truth = truth;
    this.#probes = probes;
  }

  answered(id: string, key: string, event: string, { status, body }: ApiAnswer): void {
    const { row } = this.#truth.job(id);
    if (!row || !isLasting(row)) return;
    const { applied = false, reason } = body as Taken;
    const attempt = readKey(key)?.attempt ?? 0;
    const what = `a report "${event}" of attempt ${attempt} of job ${short(id)}`;
    const probe = status === 200 && !applied && PROBE_OF[reason ?? ""];
    if (probe) this.#probes.reach(probe);
    this.#probes.reachIf(status === 403, "report-forbidden");
    this.#probes.reachIf(status === 422, "report-refused");
    // The row as it is now is that of the answer, or a later one.
    if (!applied || event !== "finish") return;
    if (row.committed?.attempt !== String(attempt))
      this.#truth.violate(
        `${what} was taken, and the job is ${row.state} by attempt ${row.committed?.attempt}`,
      );
  }
}
