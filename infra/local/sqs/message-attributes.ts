import { createHash, hash } from "node:crypto";

/** As it travels in the JSON protocol: binary values are base64. */
export interface MessageAttribute {
  readonly DataType: string;
  readonly StringValue?: string;
  readonly BinaryValue?: string;
}

export type MessageAttributes = Readonly<Record<string, MessageAttribute>>;

export const md5 = (text: string): string => hash("md5", text, "hex");

const STRING_VALUE = Buffer.from([1]);
const BINARY_VALUE = Buffer.from([2]);

function prefixed(value: Buffer): Buffer[] {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(value.length);
  return [length, value];
}

/**
 * The digest that a sender compares to know that all attributes arrived, or undefined if there are none.
 *
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html#sqs-attributes-md5-message-digest-calculation
 */
export function md5OfAttributes(attributes: MessageAttributes | undefined): string | undefined {
  const entries = Object.entries(attributes ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  if (entries.length === 0) return undefined;
  const digest = createHash("md5");
  for (const [name, { DataType, StringValue, BinaryValue }] of entries) {
    const parts =
      BinaryValue === undefined
        ? [STRING_VALUE, ...prefixed(Buffer.from(StringValue ?? ""))]
        : [BINARY_VALUE, ...prefixed(Buffer.from(BinaryValue, "base64"))];
    for (const part of [...prefixed(Buffer.from(name)), ...prefixed(Buffer.from(DataType)), ...parts]) {
      digest.update(part);
    }
  }
  return digest.digest("hex");
}

/** What counts towards the size limit: body, and of each attribute its name, type and value. In bytes. */
export function messageBytes(body: string, attributes: MessageAttributes | undefined): number {
  let bytes = Buffer.byteLength(body);
  for (const [name, { DataType, StringValue, BinaryValue }] of Object.entries(attributes ?? {})) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(DataType);
    bytes += BinaryValue === undefined ? Buffer.byteLength(StringValue ?? "") : base64Bytes(BinaryValue);
  }
  return bytes;
}

const base64Bytes = (text: string): number => Buffer.byteLength(text, "base64");

const EVERYTHING: ReadonlySet<string> = new Set(["All", ".*", "*"]);

/**
 * Those attributes that a receiver asked for: by name, by prefix (`bar.*`), or all of them (`All`, `.*`, `*`).
 *
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html, MessageAttributeNames
 */
export function selectAttributes(
  attributes: MessageAttributes | undefined,
  wanted: readonly string[],
): MessageAttributes | undefined {
  if (!attributes || wanted.length === 0) return undefined;
  if (wanted.some((want) => EVERYTHING.has(want))) return attributes;
  const chosen = Object.entries(attributes).filter(([name]) =>
    wanted.some((want) => want === name || (want.endsWith(".*") && name.startsWith(want.slice(0, -2)))),
  );
  return chosen.length > 0 ? Object.fromEntries(chosen) : undefined;
}
