import type { Broker } from "./broker.ts";
import { invalidValue } from "./errors.ts";
import type { QueueAttributes, RedrivePolicy } from "./queue-attributes.ts";
import { queueArn } from "./queue-names.ts";

interface RedriveAllowPolicy {
  readonly redrivePermission: "allowAll" | "denyAll" | "byQueue";
  readonly sourceQueueArns?: readonly string[];
}

/**
 * Checks what a redrive policy says of other queues: the dead-letter queue must be there, be of the same type, and allow it.
 *
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
 *
 * @param name the queue that gets the policy
 * @param checked attributes in normal form
 * @throws SqsError InvalidParameterValue
 */
export function checkRedrive(broker: Broker, name: string, fifo: boolean, checked: QueueAttributes): void {
  const policy = checked["RedrivePolicy"];
  if (!policy) return;
  const { deadLetterTargetArn } = JSON.parse(policy) as RedrivePolicy;
  const target = broker.queueByArn(deadLetterTargetArn);
  const refuse = (reason: string) => invalidValue("RedrivePolicy", policy, reason);
  if (!target) throw refuse("Dead letter target does not exist.");
  if (target.fifo !== fifo) throw refuse("Dead-letter queue must be same type of queue as the source.");
  const allowed = JSON.parse(
    target.definition.attributes["RedriveAllowPolicy"] ?? "null",
  ) as RedriveAllowPolicy | null;
  if (!allowed || allowed.redrivePermission === "allowAll") return;
  const isListed =
    allowed.redrivePermission === "byQueue" && allowed.sourceQueueArns?.includes(queueArn(name));
  if (!isListed)
    throw refuse("The dead-letter queue's redrive allow policy does not permit this source queue.");
}
