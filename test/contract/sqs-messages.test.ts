import { createHash } from "node:crypto";
import {
  BatchEntryIdsNotDistinct,
  BatchRequestTooLong,
  EmptyBatchRequest,
  InvalidBatchEntryId,
  InvalidMessageContents,
  type MessageAttributeValue,
  SendMessageBatchCommand,
  type SendMessageBatchRequestEntry,
  TooManyEntriesInBatchRequest,
} from "@aws-sdk/client-sqs";
import { describe, expect, test } from "vitest";
import { useAccount } from "./sqs-harness.ts";

const sqs = useAccount();
const MIB = 1_048_576;

const sendBatch = (queue: string, entries: SendMessageBatchRequestEntry[]) =>
  sqs.client.send(new SendMessageBatchCommand({ QueueUrl: queue, Entries: entries }));
const numbered = (count: number, body = "b"): SendMessageBatchRequestEntry[] =>
  Array.from({ length: count }, (_, index) => ({ Id: `m${index}`, MessageBody: body }));

describe("the body of a message", () => {
  test("arrives as it was sent, with its MD5 on both ends", async () => {
    const queue = await sqs.queue();
    const sent = await sqs.send(queue, "héllo");
    const received = await sqs.receiveOne(queue);
    expect(sent.MD5OfMessageBody).toBe("be50e8478cf24ff3595bc7307fb91b50");
    expect(received).toMatchObject({
      MessageId: sent.MessageId,
      Body: "héllo",
      MD5OfBody: "be50e8478cf24ff3595bc7307fb91b50",
    });
  });

  test("may hold characters beyond the basic plane, tabs and line breaks", async () => {
    const queue = await sqs.queue();
    await sqs.send(queue, "ok 😀\t\r\n done");
    expect(await sqs.bodies(queue)).toEqual(["ok 😀\t\r\n done"]);
  });

  test.for([
    ["NUL", "a\u0000b"],
    ["a control character", "\u0008"],
    ["U+FFFF", "\uFFFF"],
    ["half a surrogate pair", "\uD83D"],
  ] as const)("with %s it is refused", async ([, body]) => {
    await expect(sqs.send(await sqs.queue(), body)).rejects.toThrow(InvalidMessageContents);
  });

  test("must not be empty", async () => {
    await expect(sqs.send(await sqs.queue(), "")).rejects.toMatchObject({ name: "MissingParameter" });
  });

  test("may have 1 MiB, and not a byte more", async () => {
    const queue = await sqs.queue();
    await sqs.send(queue, "x".repeat(MIB));
    expect((await sqs.receiveOne(queue)).Body).toHaveLength(MIB);
    await expect(sqs.send(queue, "x".repeat(MIB + 1))).rejects.toMatchObject({
      name: "InvalidParameterValue",
      message: "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.",
    });
  });

  test("is measured together with names, types and values of the attributes, in bytes of UTF-8", async () => {
    const queue = await sqs.queue({ MaximumMessageSize: "1024" });
    // "näme" has 5 bytes, "String" 6, "välue" 6: 17 in all.
    const attributes = { näme: { DataType: "String", StringValue: "välue" } };
    await sqs.send(queue, "x".repeat(1_007), { MessageAttributes: attributes });
    const tooLong = sqs.send(queue, "x".repeat(1_008), { MessageAttributes: attributes });
    await expect(tooLong).rejects.toMatchObject({ name: "InvalidParameterValue" });
  });
});

describe("attributes of a message", () => {
  const attributes: Record<string, MessageAttributeValue> = {
    text: { DataType: "String", StringValue: "x" },
    number: { DataType: "Number", StringValue: "42" },
    bytes: { DataType: "Binary.png", BinaryValue: new Uint8Array([1, 2, 3]) },
  };

  test("text, number and bytes arrive, with the MD5 that AWS defines", async () => {
    const queue = await sqs.queue();
    const sent = await sqs.send(queue, "b", { MessageAttributes: attributes });
    const received = await sqs.receiveOne(queue);
    expect(received.MessageAttributes).toEqual(attributes);
    expect(sent.MD5OfMessageAttributes).toBe(digest(attributes, ["bytes", "number", "text"]));
    expect(received.MD5OfMessageAttributes).toBe(sent.MD5OfMessageAttributes);
  });

  test("known digest", async () => {
    const queue = await sqs.queue();
    const names = ["Help.Me", "Hello", "General"];
    const values = ["Me", "There", "Kenobi"];
    const three = names.map((name, index) => [name, { DataType: "String", StringValue: values[index] }]);
    const sent = await sqs.send(queue, "msg", { MessageAttributes: Object.fromEntries(three) });
    // Recorded on AWS.
    expect(sent.MD5OfMessageAttributes).toBe("4c360f3fdafd970e05fae2f149d997f5");
    const byPrefix = await sqs.receiveOne(queue, { MessageAttributeNames: ["Hel.*"] });
    expect(Object.keys(byPrefix.MessageAttributes ?? {}).sort()).toEqual(["Hello", "Help.Me"]);
    expect(byPrefix.MD5OfMessageAttributes).toBe("83fee93c1bcd8b9a5a923ffacdc636c7");
  });

  test("are shown only to a receiver who asks for them", async () => {
    const queue = await sqs.queue();
    await sqs.send(queue, "b", { MessageAttributes: attributes });
    const message = await sqs.receiveOne(queue, {
      MessageSystemAttributeNames: undefined,
      MessageAttributeNames: undefined,
    });
    expect(message).not.toHaveProperty("Attributes");
    expect(message).not.toHaveProperty("MessageAttributes");
    expect(message).not.toHaveProperty("MD5OfMessageAttributes");
  });

  test.for([
    ["a reserved name", "AWS.trace", { DataType: "String", StringValue: "x" }],
    ["a name that ends in a dot", "trace.", { DataType: "String", StringValue: "x" }],
    ["a name with a space", "a b", { DataType: "String", StringValue: "x" }],
    ["an unknown type", "a", { DataType: "Date", StringValue: "x" }],
    ["an empty value", "a", { DataType: "String", StringValue: "" }],
    ["a number that is none", "a", { DataType: "Number", StringValue: "x" }],
    ["a control character", "a", { DataType: "String", StringValue: "\u0008" }],
  ] as const)("%s is refused", async ([, name, value]) => {
    const send = sqs.send(await sqs.queue(), "b", { MessageAttributes: { [name]: value } });
    await expect(send).rejects.toMatchObject({ name: "InvalidParameterValue" });
  });

  test("there may be ten, not eleven", async () => {
    const queue = await sqs.queue();
    const many = (count: number) =>
      Object.fromEntries(
        Array.from({ length: count }, (_, i) => [`a${i}`, { DataType: "Number", StringValue: "1" }]),
      );
    await sqs.send(queue, "b", { MessageAttributes: many(10) });
    await expect(sqs.send(queue, "b", { MessageAttributes: many(11) })).rejects.toMatchObject({
      name: "InvalidParameterValue",
    });
  });

  test("the X-Ray header travels as a system attribute", async () => {
    const queue = await sqs.queue();
    const header = "Root=1-5759e988-bd862e3fe1be46a994272793";
    const AWSTraceHeader = { DataType: "String", StringValue: header };
    await sqs.send(queue, "b", { MessageSystemAttributes: { AWSTraceHeader } });
    expect((await sqs.receiveOne(queue)).Attributes?.AWSTraceHeader).toBe(header);
  });

  test("a standard queue takes a MessageGroupId along, but no deduplication id", async () => {
    const queue = await sqs.queue();
    await sqs.send(queue, "b", { MessageGroupId: "tenant-1" });
    expect((await sqs.receiveOne(queue)).Attributes?.MessageGroupId).toBe("tenant-1");
    await expect(sqs.send(queue, "b", { MessageDeduplicationId: "d" })).rejects.toMatchObject({
      name: "InvalidParameterValue",
    });
  });
});

describe("a batch", () => {
  test("may have ten entries; those that are refused do not hinder the others", async () => {
    const queue = await sqs.queue({ MaximumMessageSize: "1024" });
    const entries = numbered(10);
    entries[3]!.MessageBody = "x".repeat(1_025);
    entries[5]!.MessageBody = "\u0001";
    const { Successful = [], Failed = [] } = await sendBatch(queue, entries);
    expect(Successful.map(({ Id }) => Id)).toEqual(["m0", "m1", "m2", "m4", "m6", "m7", "m8", "m9"]);
    expect(Failed).toMatchObject([
      { Id: "m3", Code: "InvalidParameterValue", SenderFault: true },
      { Id: "m5", Code: "InvalidMessageContents", SenderFault: true },
    ]);
    expect((await sqs.counts(queue)).visible).toBe(8);
  });

  test.for([
    ["eleven entries", numbered(11), TooManyEntriesInBatchRequest],
    ["no entry", [], EmptyBatchRequest],
    ["two entries of one id", [...numbered(1), ...numbered(1)], BatchEntryIdsNotDistinct],
    ["an id with a space", [{ Id: "a b", MessageBody: "b" }], InvalidBatchEntryId],
    ["an id of 81 characters", [{ Id: "x".repeat(81), MessageBody: "b" }], InvalidBatchEntryId],
    ["more than 1 MiB in all", numbered(3, "x".repeat(400_000)), BatchRequestTooLong],
  ] as const)("with %s it is refused as a whole", async ([, entries, refusal]) => {
    const queue = await sqs.queue();
    await expect(sendBatch(queue, [...entries])).rejects.toThrow(refusal);
    expect((await sqs.counts(queue)).visible).toBe(0);
  });

  test("its attributes count towards the 1 MiB", async () => {
    const queue = await sqs.queue();
    const [first, second] = numbered(2, "x".repeat(MIB / 2 - 10));
    // Name 1, type 6, value 13 bytes: the batch has exactly 1 MiB.
    first!.MessageAttributes = { a: { DataType: "String", StringValue: "x".repeat(13) } };
    expect((await sendBatch(queue, [first!, second!])).Successful).toHaveLength(2);
    first!.MessageAttributes = { a: { DataType: "String", StringValue: "x".repeat(14) } };
    await expect(sendBatch(queue, [first!, second!])).rejects.toThrow(BatchRequestTooLong);
  });
});

test("every message of a deep queue is delivered once", async () => {
  const queue = await sqs.queue();
  const batches = Array.from({ length: 100 }, (_, batch) =>
    numbered(10).map(({ Id }) => ({ Id, MessageBody: `${batch}-${Id}` })),
  );
  for (let start = 0; start < 100; start += 10) {
    await Promise.all(batches.slice(start, start + 10).map((entries) => sendBatch(queue, entries)));
  }
  const received = new Set<string | undefined>();
  let deliveries = 0;
  for (let empty = 0; empty < 3; ) {
    const lanes = await Promise.all(Array.from({ length: 10 }, () => sqs.bodies(queue)));
    const bodies = lanes.flat();
    deliveries += bodies.length;
    for (const body of bodies) received.add(body);
    empty = bodies.length === 0 ? empty + 1 : 0;
  }
  expect(received.size).toBe(1_000);
  expect(deliveries).toBe(1_000);
  expect(await sqs.counts(queue)).toEqual({ visible: 0, inFlight: 1_000, delayed: 0 });
});

/** The definition in the developer guide, written out once more. `names`: sorted. */
function digest(attributes: Record<string, MessageAttributeValue>, names: string[]): string {
  const md5 = createHash("md5");
  const part = (value: string | Uint8Array) => {
    const bytes = Buffer.from(value as Uint8Array);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    md5.update(length).update(bytes);
  };
  for (const name of names) {
    const { DataType = "", StringValue, BinaryValue } = attributes[name] ?? {};
    part(name);
    part(DataType);
    md5.update(Buffer.from([BinaryValue ? 2 : 1]));
    part(BinaryValue ?? StringValue ?? "");
  }
  return md5.digest("hex");
}
