import { setImmediate } from "node:timers/promises";
import type { SendMessageBatchCommandOutput } from "@aws-sdk/client-sqs";
import type { QueueClient } from "../../../lib/queue/sqs.aws.ts";

/** What a batch's answer says about its entries; entries that it does not name were accepted. */
export interface Answer {
  readonly failed?: Readonly<Record<string, { readonly senderFault: boolean; readonly code: string }>>;
  /** Entries that the answer says nothing about. */
  readonly unmentioned?: readonly string[];
  readonly error?: Error;
}

export interface FakeQueues {
  readonly client: QueueClient;
  /** The bodies of each request, in order, with the URL that it went to. */
  readonly requests: { url: string; bodies: string[] }[];
  /** What was sent to the client besides batches. */
  readonly others: object[];
}

/** A client that answers batch after batch as it was told, and accepts whatever comes after that. */
export function fakeQueues(answers: readonly Answer[] = []): FakeQueues {
  const left = [...answers];
  const requests: FakeQueues["requests"] = [];
  const others: object[] = [];
  const send = async ({ input }: { input: object }): Promise<unknown> => {
    if (!("Entries" in input)) {
      others.push(input);
      return {};
    }
    const { QueueUrl: url, Entries } = input as {
      QueueUrl: string;
      Entries: { Id: string; MessageBody: string }[];
    };
    requests.push({ url, bodies: Entries.map(({ MessageBody }) => MessageBody) });
    const { failed = {}, unmentioned = [], error } = left.shift() ?? {};
    await setImmediate();
    if (error) throw error;
    const accepted = Entries.filter(({ Id }) => !(Id in failed) && !unmentioned.includes(Id));
    return {
      $metadata: {},
      Successful: accepted.map(({ Id }) => ({ Id, MessageId: `m-${Id}`, MD5OfMessageBody: "" })),
      Failed: Object.entries(failed).map(([Id, { senderFault, code }]) => ({
        Id,
        SenderFault: senderFault,
        Code: code,
      })),
    } satisfies SendMessageBatchCommandOutput;
  };
  return { client: { send } as unknown as QueueClient, requests, others };
}
