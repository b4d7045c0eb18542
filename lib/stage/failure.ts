import { inspect } from "node:util";

/**
 * Why a token failed: the closed list of reasons under which tokens lie in the error bucket. `retry` says whether
 * another attempt can help.
 */
export const REASONS = {
  error: { retry: true, what: "the stage threw an error" },
  timeout: { retry: true, what: "the stage took longer than its timeout" },
  exit: { retry: true, what: "the command ended with an exit code that is not accepted" },
  "output-missing": { retry: true, what: "the command succeeded without writing its output" },
  "output-invalid": { retry: true, what: "an output does not meet the stage's schema, or is not JSON" },
  "input-invalid": { retry: false, what: "the token does not meet the stage's schema" },
  rejected: { retry: false, what: "the stage refused the token for good" },
  "object-missing": { retry: false, what: "an object that the token refers to is not there" },
  reported: { retry: true, what: "the system that does the work reported a failure" },
  malformed: { retry: false, what: "the message is not a token" },
  crash: {
    retry: false,
    what: "the function died, or ran out of time or memory, whenever it held the token",
  },
  oom: { retry: true, what: "the container ran out of memory" },
  image: { retry: true, what: "the container's image cannot be had" },
  "container-config": {
    retry: false,
    what: "the container cannot be made: a secret is missing, or the like",
  },
  unschedulable: { retry: true, what: "no machine of the cluster has room for the pod" },
  quota: { retry: true, what: "the cluster's quota has no room for the pod" },
  refused: { retry: false, what: "the cluster refuses the pod" },
  evicted: { retry: true, what: "the cluster took the pod away" },
  "node-lost": { retry: true, what: "the machine that the pod was on is gone" },
  vanished: { retry: true, what: "the pod is gone, and left no result" },
  agent: { retry: true, what: "the pod's input could not be fetched, or its output not stored" },
} as const satisfies Record<string, { retry: boolean; what: string }>;

export type Reason = keyof typeof REASONS;

/** Characters of an error's message and of its stack that are worth keeping: a job's row ends at 400 KB. */
const MESSAGE_LENGTH = 4000;
const STACK_LENGTH = 2000;

/** The beginning of a text, as it can be stored: a cut, or whoever wrote the text, may have left half of a character. */
export const excerpt = (text: string, length: number): string => text.slice(0, length).toWellFormed();

/** A failure of the work itself, as opposed to a failure of the services around it. */
export class StageFailure extends Error {
  override readonly name = "StageFailure";
  readonly reason: Reason;

  constructor(reason: Reason, message: string, options?: { cause?: unknown }) {
    super(excerpt(message, MESSAGE_LENGTH), options);
    this.reason = reason;
  }
}

/** Thrown by user code: the token goes to the error bucket at once, without further attempts. */
export class RejectError extends Error {
  override readonly name = "RejectError";
}

/** Any error that came out of a stage, with its reason. */
export function failureOf(thrown: unknown): StageFailure {
  if (thrown instanceof StageFailure) return thrown;
  if (thrown instanceof Error && thrown.name === "RejectError") {
    return new StageFailure("rejected", thrown.message, { cause: thrown });
  }
  const message = thrown instanceof Error ? String(thrown.message) : `threw ${inspect(thrown)}`;
  return new StageFailure("error", message, { cause: thrown });
}

export function stackOf(failure: StageFailure): string {
  const { cause } = failure;
  const stack = cause instanceof Error ? cause.stack : failure.stack;
  return excerpt(String(stack ?? ""), STACK_LENGTH);
}
