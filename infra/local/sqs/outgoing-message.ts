import { hash } from "node:crypto";
import { invalidParameter, invalidValue, missingParameter, notForThisQueueType, SqsError } from "./errors.ts";
import { type Input, objectMap, optionalInteger, optionalText, requiredText } from "./input.ts";
import { limits } from "./limits.ts";
import {
  type MessageAttribute,
  type MessageAttributes,
  md5,
  md5OfAttributes,
  messageBytes,
} from "./message-attributes.ts";
import type { Queue } from "./queue.ts";

/** A message as a sender wants it, checked. */
export interface OutgoingMessage {
  readonly body: string;
  readonly bodyMd5: string;
  readonly attributes?: MessageAttributes;
  readonly attributesMd5?: string;
  readonly systemAttributes?: MessageAttributes;
  readonly groupId?: string;
  /** FIFO queues: always there, made of the body if the sender gave none. */
  readonly deduplicationId?: string;
  /** Milliseconds. */
  readonly delay: number;
}

// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html, MessageBody
const FORBIDDEN_CHARACTER = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/u;

// The same page, MessageGroupId and MessageDeduplicationId.
const FIFO_ID = /^[\w!"#$%&'()*+,\-./:;<=>?@[\\\]^`{|}~]{1,128}$/;

// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
const ATTRIBUTE_NAME = /^(?!\.)(?!(?:aws|amazon)\.)[\p{L}\p{N}_.-]{1,256}(?<!\.)$/iu;
const ATTRIBUTE_TYPE = /^(String|Number|Binary)(\..+)?$/s;
const LONGEST_TYPE = 256;

const TRACE_HEADER = "AWSTraceHeader";

const textOrNothing = (value: unknown): string => (typeof value === "string" ? value : "");

/** Bytes of a message as it was given, before any check. System attributes do not count. */
export function givenBytes(input: Input): number {
  const attributes = Object.entries(objectMap(input, "MessageAttributes")).map(
    ([name, { DataType, StringValue, BinaryValue }]): [string, MessageAttribute] => {
      const value = BinaryValue
        ? { BinaryValue: textOrNothing(BinaryValue) }
        : { StringValue: textOrNothing(StringValue) };
      return [name, { DataType: textOrNothing(DataType), ...value }];
    },
  );
  return messageBytes(textOrNothing(input["MessageBody"]), Object.fromEntries(attributes));
}

/**
 * Checks one message of SendMessage or SendMessageBatch.
 *
 * @throws SqsError
 */
export function outgoingMessage(queue: Queue, input: Input): OutgoingMessage {
  const body = requiredText(input, "MessageBody");
  if (FORBIDDEN_CHARACTER.test(body)) {
    const allowed = "#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF";
    throw new SqsError(
      "InvalidMessageContents",
      `Invalid characters found. Valid unicode characters are ${allowed}`,
    );
  }
  const attributes = userAttributes(input);
  const most = queue.settings.maximumMessageBytes;
  if (messageBytes(body, attributes) > most) {
    throw invalidParameter(
      `One or more parameters are invalid. Reason: Message must be shorter than ${most} bytes.`,
    );
  }
  return {
    body,
    bodyMd5: md5(body),
    attributes,
    attributesMd5: md5OfAttributes(attributes),
    systemAttributes: systemAttributes(input),
    groupId: groupId(queue, input),
    deduplicationId: deduplicationId(queue, input, body),
    delay: delay(queue, input),
  };
}

/** The X-Ray header among the system attributes. */
export const traceHeader = ({ systemAttributes }: OutgoingMessage): string | undefined =>
  systemAttributes?.[TRACE_HEADER]?.StringValue;

/**
 * What a FIFO queue refuses a whole SendMessageBatch for.
 *
 * @throws SqsError InvalidParameterValue
 */
export function refuseUnlessFit(queue: Queue, entries: readonly Input[]): void {
  if (!queue.fifo) return;
  for (const { MessageGroupId, MessageDeduplicationId } of entries) {
    if (MessageGroupId === undefined) throw invalidParameter(missingParameter("MessageGroupId").message);
    if (MessageDeduplicationId === undefined && !queue.settings.contentBasedDeduplication)
      throw noDeduplicationId();
  }
}

const noDeduplicationId = (): SqsError =>
  invalidParameter(
    "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
  );

function groupId(queue: Queue, input: Input): string | undefined {
  const id = optionalText(input, "MessageGroupId");
  if (id === undefined && queue.fifo) throw missingParameter("MessageGroupId");
  return checkedFifoId("MessageGroupId", id);
}

function deduplicationId(queue: Queue, input: Input, body: string): string | undefined {
  const id = optionalText(input, "MessageDeduplicationId");
  if (!queue.fifo) {
    if (id !== undefined) throw invalidValue("MessageDeduplicationId", id, notForThisQueueType);
    return undefined;
  }
  if (id !== undefined) return checkedFifoId("MessageDeduplicationId", id);
  if (queue.settings.contentBasedDeduplication) return hash("sha256", body, "hex");
  throw noDeduplicationId();
}

function checkedFifoId(name: string, id: string | undefined): string | undefined {
  if (id === undefined || FIFO_ID.test(id)) return id;
  const reason = `${name} can only include alphanumeric and punctuation characters. 1 to 128 in length.`;
  throw invalidValue(name, id, reason);
}

/** In milliseconds. On a FIFO queue the delay is the queue's. */
function delay(queue: Queue, input: Input): number {
  const seconds = optionalInteger(input, "DelaySeconds", limits.delaySeconds);
  if (!queue.fifo) return seconds === undefined ? queue.settings.delay : seconds * 1_000;
  if (seconds) throw invalidValue("DelaySeconds", seconds, notForThisQueueType);
  return queue.settings.delay;
}

function userAttributes(input: Input): MessageAttributes | undefined {
  const entries = Object.entries(objectMap(input, "MessageAttributes"));
  if (entries.length === 0) return undefined;
  if (entries.length > limits.messageAttributes) {
    throw invalidParameter(
      `Number of message attributes [${entries.length}] exceeds the allowed maximum [${limits.messageAttributes}].`,
    );
  }
  return Object.fromEntries(entries.map(([name, value]) => [name, userAttribute(name, value)]));
}

function userAttribute(name: string, value: Input): MessageAttribute {
  const subject = `Message (user) attribute '${name}'`;
  if (!ATTRIBUTE_NAME.test(name) || name.includes("..")) {
    throw invalidParameter(
      `${subject} has a name that is not valid: letters, digits, '_', '-' and '.', up to 256, no '.' at an end or twice in a row, and neither 'AWS.' nor 'Amazon.' in front.`,
    );
  }
  const type = requiredText(value, "DataType");
  const [, kind] = ATTRIBUTE_TYPE.exec(type) ?? [];
  if (!kind || type.length > LONGEST_TYPE) {
    throw invalidParameter(
      `${subject} has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.`,
    );
  }
  const text = optionalText(value, kind === "Binary" ? "BinaryValue" : "StringValue");
  if (!text) throw invalidParameter(`${subject} must contain a non-empty value of type '${kind}'.`);
  if (kind === "Binary") return { DataType: type, BinaryValue: text };
  if (FORBIDDEN_CHARACTER.test(text))
    throw invalidParameter(`${subject} has a value with invalid characters.`);
  if (kind === "Number" && Number.isNaN(Number(text))) {
    throw invalidParameter(`Can't cast the value of message (user) attribute '${name}' to a number.`);
  }
  return { DataType: type, StringValue: text };
}

function systemAttributes(input: Input): MessageAttributes | undefined {
  const given = objectMap(input, "MessageSystemAttributes");
  const names = Object.keys(given);
  if (names.length === 0) return undefined;
  const other = names.find((name) => name !== TRACE_HEADER);
  if (other) throw invalidParameter(`Message system attribute name '${other}' is not supported.`);
  const header = given[TRACE_HEADER] ?? {};
  const value = requiredText(header, "StringValue");
  if (header["DataType"] !== "String") {
    throw invalidParameter(`Message (system) attribute '${TRACE_HEADER}' must be of type 'String'.`);
  }
  return { [TRACE_HEADER]: { DataType: "String", StringValue: value } };
}
