import { batchEntries, eachEntry } from "./batch.ts";
import { changeVisibility, deleteByHandle } from "./claims.ts";
import { SqsError } from "./errors.ts";
import { type Input, requiredInteger, requiredText } from "./input.ts";
import { limits } from "./limits.ts";
import { md5OfAttributes } from "./message-attributes.ts";
import { type Operation, queueOf, type Service } from "./operation.ts";
import { givenBytes, type OutgoingMessage, outgoingMessage, refuseUnlessFit } from "./outgoing-message.ts";
import type { Queue } from "./queue.ts";
import { receiveMessage } from "./receive-operation.ts";
import { sequenceNumber } from "./received-message.ts";

const sendMessage: Operation = (service, input) => {
  const queue = queueOf(service, input);
  return send(service, queue, outgoingMessage(queue, input));
};

const sendMessageBatch: Operation = (service, input) => {
  const queue = queueOf(service, input);
  const entries = batchEntries(input);
  refuseIfTooLong(entries);
  refuseUnlessFit(queue, entries);
  return eachEntry(entries, service.faults, (entry) => send(service, queue, outgoingMessage(queue, entry)));
};

function send({ broker }: Service, queue: Queue, outgoing: OutgoingMessage): object {
  const { number, id } = broker.send(queue, outgoing);
  return {
    MessageId: id,
    MD5OfMessageBody: outgoing.bodyMd5,
    MD5OfMessageAttributes: outgoing.attributesMd5,
    MD5OfMessageSystemAttributes: md5OfAttributes(outgoing.systemAttributes),
    SequenceNumber: queue.fifo ? sequenceNumber(number) : undefined,
  };
}

function refuseIfTooLong(entries: readonly Input[]): void {
  const most = limits.batchBytes;
  const bytes = entries.reduce((sum, entry) => sum + givenBytes(entry), 0);
  if (bytes <= most) return;
  const message = `Batch requests cannot be longer than ${most} bytes. You have sent ${bytes} bytes.`;
  throw new SqsError("BatchRequestTooLong", message);
}

const deleteMessage: Operation = (service, input) => {
  deleteByHandle(service.broker, queueOf(service, input), requiredText(input, "ReceiptHandle"));
  return {};
};

const deleteMessageBatch: Operation = (service, input) => {
  const queue = queueOf(service, input);
  return eachEntry(batchEntries(input), service.faults, (entry) => {
    deleteByHandle(service.broker, queue, requiredText(entry, "ReceiptHandle"));
    return {};
  });
};

const changeMessageVisibility: Operation = (service, input) => {
  changeOne(service, queueOf(service, input), input);
  return {};
};

const changeMessageVisibilityBatch: Operation = (service, input) => {
  const queue = queueOf(service, input);
  return eachEntry(batchEntries(input), service.faults, (entry) => {
    changeOne(service, queue, entry);
    return {};
  });
};

function changeOne({ broker }: Service, queue: Queue, input: Input): void {
  const handle = requiredText(input, "ReceiptHandle");
  const seconds = requiredInteger(input, "VisibilityTimeout", limits.visibilitySeconds);
  changeVisibility(broker, queue, handle, seconds);
}

export const messageOperations = {
  ChangeMessageVisibility: changeMessageVisibility,
  ChangeMessageVisibilityBatch: changeMessageVisibilityBatch,
  DeleteMessage: deleteMessage,
  DeleteMessageBatch: deleteMessageBatch,
  ReceiveMessage: receiveMessage,
  SendMessage: sendMessage,
  SendMessageBatch: sendMessageBatch,
} satisfies Record<string, Operation>;
