import type { Broker } from "./broker.ts";
import type { FaultInjector } from "./faults.ts";
import { type Input, requiredText } from "./input.ts";
import type { MoveTasks } from "./move-tasks.ts";
import type { Queue } from "./queue.ts";
import { queueNameOfUrl } from "./queue-names.ts";
import type { ReceiveAttempts } from "./receive-attempts.ts";
import type { Receivers } from "./receivers.ts";

/** What the operations work with. */
export interface Service {
  readonly broker: Broker;
  readonly receivers: Receivers;
  readonly tasks: MoveTasks;
  readonly faults: FaultInjector;
  readonly attempts: ReceiveAttempts;
  /** Whether the 60 seconds after a purge or a deletion are enforced. */
  readonly cooldowns: boolean;
  queueUrl(name: string): string;
}

/** The connection that a request came on. */
export interface Caller {
  /** Whether it is known to be closed. */
  isGone(): boolean;
  /** Calls back when it closes before the answer is out. */
  onGone(left: () => void): void;
}

/**
 * One operation of the API: the JSON object of the request to that of the answer.
 *
 * @throws SqsError if the request is refused
 */
export type Operation = (service: Service, input: Input, caller: Caller) => object | Promise<object>;

/** The queue that a request is about. */
export const queueOf = ({ broker }: Service, input: Input): Queue =>
  broker.queue(queueNameOfUrl(requiredText(input, "QueueUrl")));
