import type { InputPlan, PipelinePlan, Plan, StagePlan, StageWork } from "./plan.ts";
import { times, total, type Usage } from "./prices.ts";

/**
 * What Millrace itself uses of AWS for one token: on arrival, and at each stage. The light figures are those that
 * `test/local/calls.test.ts` counts where the calls arrive. Retries, and the reads that follow them, are left out.
 */

/** Of our own work in one invocation: a write for each token side by side, then a send. The user's code comes on top. */
const OWN_SECONDS = 0.05;
/** The lines that Lambda writes for each invocation (START, END, REPORT). */
const LOG_BYTES = 400;
/** Tokens in one request of the API, as `millrace put` sends them. */
const TOKENS_PER_PUT = 100;
const MESSAGES_PER_SEND = 10;

export const CALL_ASSUMPTIONS = [
  "batches are full, and ten messages share one billed chunk of 64 KB",
  `a job's row has at most 1 KB (each further KB is one more write); Millrace's own work takes ${OWN_SECONDS * 1000} ms of an invocation, and ${LOG_BYTES} bytes of log`,
  `tokens that are put come ${TOKENS_PER_PUT} in a request`,
  "nothing fails: a retry costs a read, a write and a share of an invocation more",
] as const;

/** Counted: a test asserts the calls. Estimated: from the protocol's own list of calls. */
export type Basis = "counted" | "estimated";

const invocation = (memoryMb: number): Usage => ({
  invocation: 1,
  compute: (memoryMb / 1024) * OWN_SECONDS,
  logByte: LOG_BYTES,
});

/** A request of the API: API Gateway, and the function behind it. */
const apiRequest = (plan: Plan): Usage => total([{ apiRequest: 1 }, invocation(plan.api.memoryMb)]);

/** A token of a light stage: its share of a batch, and one write, history and outputs included. */
const lightHop = ({ function: fn, out }: StagePlan): Usage => {
  const { batchSize = 1, memoryMb = 0 } = fn ?? {};
  // A receive, a delete, and a send to each edge are shared by the batch.
  const shared = total([{ queueRequest: 2 + out.length }, invocation(memoryMb)]);
  return total([{ tableWrite: 1 }, times(shared, 1 / batchSize)]);
};

/**
 * A token that a pod works on: its claim is received, parked and deleted alone; the row is written when the job is
 * created, begun, committed and sent on; the pod asks for its inputs, for where to put its outputs, and calls back; its
 * list of outputs is written and read once.
 */
const heavyHop = ({ out }: StagePlan, plan: Plan): Usage =>
  total([
    { tableWrite: 4, queueRequest: 3 + out.length, objectWrite: 1, objectRead: 1 },
    invocation(plan.api.memoryMb),
    times(apiRequest(plan), 3),
  ]);

/** A token that waits for somebody else: the same without a pod; whoever works on it says when it begins and ends. */
const externalHop = ({ out }: StagePlan, plan: Plan): Usage =>
  total([
    { tableWrite: 4, queueRequest: 3 + out.length },
    invocation(plan.api.memoryMb),
    times(apiRequest(plan), 2),
  ]);

const HOPS: Record<
  StageWork["kind"] | "external",
  { basis: Basis; usage: (stage: StagePlan, plan: Plan) => Usage }
> = {
  handler: { basis: "counted", usage: lightHop },
  command: { basis: "counted", usage: lightHop },
  image: { basis: "estimated", usage: heavyHop },
  external: { basis: "estimated", usage: externalHop },
};

/** What one token costs at a stage, until it is in the queues behind it. */
export function hopUsage(stage: StagePlan, plan: Plan): { basis: Basis; usage: Usage } {
  const { basis, usage } = HOPS[stage.work.kind];
  return { basis, usage: usage(stage, plan) };
}

/** What one token costs until it is in the queue of its input: through the intake queue, by an upload or a put. */
export function arrivalUsage(input: InputPlan, pipeline: PipelinePlan, plan: Plan): Usage {
  const { batchSize, memoryMb } = pipeline.ingest;
  // EventBridge sends one message for each upload; whoever puts shares a send.
  const entering: Usage = input.s3
    ? { uploadEvent: 1, queueRequest: 1 }
    : total([times(apiRequest(plan), 1 / TOKENS_PER_PUT), { queueRequest: 1 / MESSAGES_PER_SEND }]);
  const shared = total([{ queueRequest: 3 }, invocation(memoryMb)]);
  return total([entering, { tableWrite: 1 }, times(shared, 1 / batchSize)]);
}
