import {
  BatchEntryIdsNotDistinct,
  BatchRequestTooLong,
  type BatchResultErrorEntry,
  ChangeMessageVisibilityCommand,
  type ChangeMessageVisibilityCommandInput,
  DeleteMessageCommand,
  MessageNotInflight,
  QueueDoesNotExist,
  SendMessageBatchCommand,
  type SendMessageBatchCommandInput,
  type SendMessageBatchCommandOutput,
  type SendMessageBatchResultEntry,
  SQSServiceException,
  TooManyEntriesInBatchRequest,
} from "@aws-sdk/client-sqs";
import type { QueueClient } from "../../../lib/queue/sqs.aws.ts";
import { clientOf } from "../world/client.ts";
import type { Sandbox } from "../world/sandbox.ts";
import type { Call } from "../world/transport.ts";
import type { World } from "../world/world.ts";
import type { QueueModel } from "./queues.ts";

/** What comes before a queue's name in its URL. */
export const QUEUE_BASE = "https://sqs.us-east-1.amazonaws.com/000000000000/";

const MAX_ENTRIES = 10;
const MAX_BYTES = 1_048_576;
const $metadata = { httpStatusCode: 400 };

/** The SDK's client for SQS, as far as it is used. */
export const queueClient = (model: QueueModel, sandbox: Sandbox, world: World): QueueClient =>
  clientOf(sandbox, world, (command): Call<unknown> => {
    if (command instanceof SendMessageBatchCommand) {
      const { input } = command;
      const queue = queueOf(input.QueueUrl);
      const about = `${input.Entries?.length} to ${queue}`;
      return {
        service: "sqs",
        operation: "send",
        about,
        execute: () => sendBatch(model, queue, input, world),
      };
    }
    if (command instanceof ChangeMessageVisibilityCommand) {
      const { input } = command;
      const queue = queueOf(input.QueueUrl);
      const execute = () => changeVisibility(model, queue, input, world);
      return { service: "sqs", operation: "release", about: queue, execute };
    }
    if (command instanceof DeleteMessageCommand) {
      const { QueueUrl, ReceiptHandle = "" } = command.input;
      const queue = queueOf(QueueUrl);
      const execute = () => {
        model.delete(queue, ReceiptHandle);
        return {};
      };
      return { service: "sqs", operation: "delete", about: queue, execute };
    }
    throw new Error(`the model of SQS does not know ${(command as object).constructor.name}`);
  });

function queueOf(url: string | undefined): string {
  if (!url?.startsWith(QUEUE_BASE)) throw new Error(`not a queue of this world: ${url}`);
  return url.slice(QUEUE_BASE.length);
}

function sendBatch(
  model: QueueModel,
  queue: string,
  { Entries = [] }: SendMessageBatchCommandInput,
  { faults, probes }: World,
): Omit<SendMessageBatchCommandOutput, "$metadata"> {
  if (!model.has(queue)) throw new QueueDoesNotExist({ message: queue, $metadata });
  if (Entries.length < 1 || Entries.length > MAX_ENTRIES)
    throw new TooManyEntriesInBatchRequest({ message: String(Entries.length), $metadata });
  if (new Set(Entries.map(({ Id }) => Id)).size < Entries.length)
    throw new BatchEntryIdsNotDistinct({ message: queue, $metadata });
  const bytes = Entries.reduce((sum, { MessageBody = "" }) => sum + Buffer.byteLength(MessageBody), 0);
  if (bytes > MAX_BYTES) throw new BatchRequestTooLong({ message: String(bytes), $metadata });
  const Successful: SendMessageBatchResultEntry[] = [];
  const Failed: BatchResultErrorEntry[] = [];
  for (const { Id, MessageBody = "" } of Entries) {
    if (faults.strikes("entry-refused")) {
      probes.noteRefused(MessageBody);
      Failed.push({ Id, SenderFault: false, Code: "InternalError", Message: "try again" });
    } else {
      const { id } = model.send(queue, MessageBody);
      Successful.push({ Id, MessageId: id, MD5OfMessageBody: "" });
    }
  }
  return { Successful, Failed };
}

function changeVisibility(
  model: QueueModel,
  queue: string,
  { ReceiptHandle = "", VisibilityTimeout = -1 }: ChangeMessageVisibilityCommandInput,
  { probes }: World,
): Record<string, never> {
  if (!Number.isInteger(VisibilityTimeout) || VisibilityTimeout < 0 || VisibilityTimeout > 43_200)
    throw new Error(`VisibilityTimeout is ${VisibilityTimeout}`);
  if (!model.mayHold(queue, ReceiptHandle, VisibilityTimeout))
    throw new SQSServiceException({
      name: "InvalidParameterValue",
      message: "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]",
      $fault: "client",
      $metadata,
    });
  if (!model.changeVisibility(queue, ReceiptHandle, VisibilityTimeout)) {
    probes.reach("release-refused");
    throw new MessageNotInflight({ message: queue, $metadata });
  }
  return {};
}
