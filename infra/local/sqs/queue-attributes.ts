import { invalidParameter, invalidValue, SqsError } from "./errors.ts";
import { limits, type Range } from "./limits.ts";

/**
 * The attributes that callers set on a queue, in AWS's names and as strings, checked and in a normal form. Ranges and
 * defaults: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
 */
export type QueueAttributes = Readonly<Record<string, string>>;

export interface RedrivePolicy {
  readonly deadLetterTargetArn: string;
  readonly maxReceiveCount: number;
}

/** Turns a given value into the normal form or throws. */
type Rule = (value: string, name: string) => string;

export const unknownAttribute = (name: string): SqsError =>
  new SqsError("InvalidAttributeName", `Unknown Attribute ${name}.`);

const invalidAttribute = (name: string, reason?: string): SqsError =>
  new SqsError(
    "InvalidAttributeValue",
    `Invalid value for the parameter ${name}.${reason ? ` Reason: ${reason}` : ""}`,
  );

const integer =
  ({ least, most }: Range): Rule =>
  (value, name) => {
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < least || number > most) {
      throw invalidAttribute(name, `must be an integer from ${least} to ${most}, got '${value}'`);
    }
    return String(number);
  };

const oneOf =
  (...allowed: string[]): Rule =>
  (value, name) => {
    const found = allowed.find((one) => one.toLowerCase() === value.toLowerCase());
    if (!found) throw invalidAttribute(name, `must be one of ${allowed.join(", ")}, got '${value}'`);
    return found;
  };

const flag = oneOf("true", "false");

/** An empty value takes the attribute off the queue. */
const removable =
  (rule: Rule): Rule =>
  (value, name) =>
    value === "" ? "" : rule(value, name);

function jsonObject(value: string, name: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(value);
    if (typeof parsed === "object" && parsed !== null) return parsed as Record<string, unknown>;
  } catch {
    // Falls through to the refusal.
  }
  throw invalidValue(name, value, "Amazon SQS can't create the policy: it must be a JSON object.");
}

const json: Rule = (value, name) => {
  jsonObject(value, name);
  return value;
};

const redrivePolicy: Rule = (value, name) => {
  const { deadLetterTargetArn, maxReceiveCount } = jsonObject(value, name);
  if (deadLetterTargetArn === undefined) {
    throw invalidValue(
      name,
      value,
      "Redrive policy does not contain mandatory attribute: deadLetterTargetArn.",
    );
  }
  if (maxReceiveCount === undefined) {
    throw invalidValue(name, value, "Redrive policy does not contain mandatory attribute: maxReceiveCount.");
  }
  if (typeof deadLetterTargetArn !== "string" || !deadLetterTargetArn.startsWith("arn:aws:sqs:")) {
    throw invalidValue(name, value, "Invalid value for deadLetterTargetArn.");
  }
  const count = Number(maxReceiveCount);
  const { least, most } = limits.receiveCount;
  if (!Number.isInteger(count) || count < least || count > most) {
    const reason = `Invalid value for maxReceiveCount: ${maxReceiveCount}, valid values are from ${least} to ${most} both inclusive.`;
    throw invalidValue(name, value, reason);
  }
  return JSON.stringify({ deadLetterTargetArn, maxReceiveCount: count } satisfies RedrivePolicy);
};

const redriveAllowPolicy: Rule = (value, name) => {
  const { redrivePermission, sourceQueueArns } = jsonObject(value, name);
  const listed =
    Array.isArray(sourceQueueArns) && sourceQueueArns.length >= 1 && sourceQueueArns.length <= 10;
  const isValid =
    redrivePermission === "byQueue"
      ? listed
      : (redrivePermission === "allowAll" || redrivePermission === "denyAll") &&
        sourceQueueArns === undefined;
  if (!isValid) throw invalidValue(name, value, "Amazon SQS can't create the redrive allow policy.");
  return value;
};

const rules: Readonly<Record<string, Rule>> = {
  ContentBasedDeduplication: flag,
  DeduplicationScope: oneOf("queue", "messageGroup"),
  DelaySeconds: integer(limits.delaySeconds),
  FifoQueue: flag,
  FifoThroughputLimit: oneOf("perQueue", "perMessageGroupId"),
  KmsDataKeyReusePeriodSeconds: integer({ least: 60, most: 86_400 }),
  KmsMasterKeyId: (value) => value,
  MaximumMessageSize: integer(limits.maximumMessageBytes),
  MessageRetentionPeriod: integer(limits.retentionSeconds),
  Policy: removable(json),
  ReceiveMessageWaitTimeSeconds: integer(limits.waitSeconds),
  RedriveAllowPolicy: removable(redriveAllowPolicy),
  RedrivePolicy: removable(redrivePolicy),
  SqsManagedSseEnabled: flag,
  VisibilityTimeout: integer(limits.visibilitySeconds),
};

export const isSettable = (name: string): boolean => Object.hasOwn(rules, name);

const defaults: QueueAttributes = {
  DelaySeconds: "0",
  MaximumMessageSize: "1048576",
  MessageRetentionPeriod: "345600",
  ReceiveMessageWaitTimeSeconds: "0",
  SqsManagedSseEnabled: "true",
  VisibilityTimeout: "30",
};

const fifoDefaults: QueueAttributes = {
  ...defaults,
  ContentBasedDeduplication: "false",
  DeduplicationScope: "queue",
  FifoQueue: "true",
  FifoThroughputLimit: "perQueue",
};

const fifoOnly: Readonly<Record<string, string>> = {
  ContentBasedDeduplication: "Unknown Attribute ContentBasedDeduplication.",
  DeduplicationScope: "You can specify the DeduplicationScope only when FifoQueue is set to true.",
  FifoQueue: "Unknown Attribute FifoQueue.",
  FifoThroughputLimit: "You can specify the FifoThroughputLimit only when FifoQueue is set to true.",
};

const QUEUE_NAME = /^[\w-]{1,80}$/;
const FIFO_QUEUE_NAME = /^[\w-]{1,75}\.fifo$/;

/** @throws SqsError if the name is none that AWS takes, or does not go with the type of queue */
export function checkQueueName(name: string, fifo: boolean): void {
  if (fifo && !FIFO_QUEUE_NAME.test(name)) {
    throw invalidParameter(
      "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length.",
    );
  }
  if (!fifo && !QUEUE_NAME.test(name)) {
    throw invalidParameter(
      "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
    );
  }
}

/** Whether a queue created with these attributes is a FIFO queue. */
export const isFifo = (given: QueueAttributes): boolean => given["FifoQueue"]?.toLowerCase() === "true";

/**
 * The given attributes in normal form; nothing is added.
 *
 * @throws SqsError for the first that is unknown, out of range or not for this type of queue
 */
export function checkAttributes(given: QueueAttributes, fifo: boolean): QueueAttributes {
  const checked: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    const rule = isSettable(name) ? rules[name] : undefined;
    if (!rule) throw unknownAttribute(name);
    const refusal = fifo ? undefined : fifoOnly[name];
    if (refusal) throw new SqsError("InvalidAttributeName", refusal);
    checked[name] = rule(value, name);
  }
  if (fifo && checked["FifoQueue"] === "false") {
    throw invalidAttribute("FifoQueue", "Modifying queue type is not supported.");
  }
  return checked;
}

/** The attributes of a new queue: what was given over the defaults of its type. */
export const newQueueAttributes = (checked: QueueAttributes, fifo: boolean): QueueAttributes =>
  changedAttributes(fifo ? fifoDefaults : defaults, checked);

/** `current` with the changes on top; an empty value removes the attribute. */
export function changedAttributes(current: QueueAttributes, checked: QueueAttributes): QueueAttributes {
  const changed = { ...current, ...checked };
  if (changed["KmsMasterKeyId"] && checked["KmsMasterKeyId"]) changed["SqsManagedSseEnabled"] = "false";
  return Object.fromEntries(Object.entries(changed).filter(([, value]) => value !== ""));
}

/** The first attribute in which a repeated CreateQueue differs from the queue that is there, or undefined. */
export const firstDifference = (existing: QueueAttributes, checked: QueueAttributes): string | undefined =>
  Object.keys(checked).find((name) => (existing[name] ?? "") !== checked[name]);
