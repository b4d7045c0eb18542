import { DeleteMessageCommand } from "@aws-sdk/client-sqs";
import type { Acknowledge } from "./sender.ts";
import type { QueueClient } from "./sqs.aws.ts";

export const acknowledger =
  (client: QueueClient, queueBase: string): Acknowledge =>
  async ({ queue, handle }) => {
    await client.send(new DeleteMessageCommand({ QueueUrl: queueBase + queue, ReceiptHandle: handle }));
  };
