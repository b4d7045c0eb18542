import { type AttemptRules, begin } from "./decide.ts";
import type { ErrorBucketStore } from "./error-bucket.ts";
import { isLasting, type LastingChange, type LastingJob, type LastingStore } from "./lasting.ts";
import type { JobRecord } from "./record.ts";

/** The error bucket for jobs of either kind: rows of lasting jobs are written under their revision, like all that writes them. */
export function errorBucket(
  light: ErrorBucketStore,
  lasting: LastingStore,
  rulesOf: (row: LastingJob) => AttemptRules,
): ErrorBucketStore {
  /** @returns false when the row is no longer what the change is for */
  const change = async (
    row: JobRecord,
    isWanted: (current: LastingJob) => boolean,
    make: (current: LastingJob) => LastingChange,
  ): Promise<boolean> => {
    let current = await lasting.get(row.pipeline, row.id);
    while (current && isWanted(current)) {
      const { isOurs, row: now } = await lasting.write(current, make(current));
      if (isOurs) return true;
      current = now;
    }
    return false;
  };
  const isSame = (row: JobRecord) => (current: LastingJob) =>
    current.state === "FAILED" && current.reason !== undefined && current.attempt === row.attempt;
  return {
    reopen: async (row, at) => {
      if (!isLasting(row)) return light.reopen(row, at);
      return change(row, isSame(row), (current) => ({
        set: {
          ...begin(current, current.attempt + 1, rulesOf(current), Date.parse(at)),
          state: "CREATED",
          attemptsForgiven: current.attempt,
          retries: (current.retries ?? 0) + 1,
        },
        remove: ["reason", "settled", "begunAt"],
        entries: [{ event: "reopen", at }],
      }));
    },
    leaveBucket: async (row, opening) => {
      if (!isLasting(row)) return light.leaveBucket(row, opening);
      await change(
        row,
        ({ reason, retries, dead }) => reason === undefined && retries === opening && dead !== undefined,
        () => ({ set: {}, remove: ["dead", "deadAt"], entries: [] }),
      );
    },
    retire: async (row, at) => {
      if (!isLasting(row)) return light.retire(row, at);
      return change(row, isSame(row), () => ({
        set: { state: "RETIRED" },
        remove: ["dead", "deadAt"],
        entries: [{ event: "retire", at }],
      }));
    },
  };
}
