import type { Mutant } from "./mutants.ts";

/** Planted bugs of jobs that outlast an invocation. */
export const LASTING_MUTANTS: readonly Mutant[] = [
  {
    name: "ended-before-sent",
    what: "a lasting job's message is ended before its outputs are sent",
    file: "lib/stage/settle.ts",
    find: "    return settle(await sendCommitted(",
    replace:
      "    if (row.receipt) await dependencies.acknowledge(row.receipt);\n  if (row.committed)\n    return settle(await sendCommitted(",
  },
  {
    name: "settled-before-sent",
    what: "a lasting job is noted as done with before its outputs are sent",
    file: "lib/stage/settle.ts",
    find: "  if (row.committed)\n",
    replace:
      "  if (row.committed && isNew) return sendCommitted(await settle(row, dependencies), row.committed, isNew, dependencies);\n  if (row.committed)\n",
  },
  {
    name: "no-fence",
    what: "a report of an attempt that is over counts for the next one",
    file: "lib/job/decide.ts",
    find: "if (call.attempt !== undefined && call.attempt < row.begun)",
    replace: "if (call.attempt !== undefined && call.attempt < 0)",
  },
  {
    name: "writes-without-condition",
    what: "a lasting job is written whatever others have written meanwhile",
    file: "lib/job/lasting-store.aws.ts",
    find: 'ConditionExpression: "#rev = :seen",',
    replace: 'ConditionExpression: "attribute_exists(#rev) OR #rev = :seen",',
  },
  {
    name: "duplicates-taken",
    what: "a report that is in the history is taken once more",
    file: "lib/job/lasting-store.aws.ts",
    find: "if (history.some((entry) => entry.eventId === eventId)) return true;",
    replace: "",
  },
  {
    name: "old-duplicates-taken",
    what: "a report that has left the row is taken once more",
    file: "lib/job/lasting-store.aws.ts",
    find: "if (moved === 0) return false;",
    replace: "if (moved >= 0) return false;",
  },
  {
    name: "history-dropped",
    what: "the row lets go of old entries before they are stored elsewhere",
    file: "lib/job/lasting-store.aws.ts",
    find: "await move(row, moving);",
    replace: "void move(row, moving).catch(() => {});",
  },
  {
    name: "not-adopted",
    what: "a message whose job has a row already is ended",
    file: "lib/stage/dispatch.ts",
    find: "return isDone(row) ? undefined : { delivery, received, row };",
    replace: "return isDone(row) || known.rev > 2 ? undefined : { delivery, received, row };",
  },
  {
    name: "no-deadline",
    what: "nobody ends an attempt that takes too long",
    file: "lib/stage/dispatch.ts",
    find: "clock.now() >= deadline",
    replace: "clock.now() < 0",
  },
  {
    name: "one-path-for-all-attempts",
    what: "all attempts of a lasting job store their outputs in one place",
    file: "lib/stage/lasting.ts",
    find: "attemptPrefix(pipeline, stage, token, String(attempt))",
    replace: 'attemptPrefix(pipeline, stage, token, attempt > 0 ? "1" : "")',
  },
];
